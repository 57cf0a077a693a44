use std::sync::Arc;

use bolide_remoting::keys::Loaded;
use bolide_store::{ManualClock, QueueId, RealDisk};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::collect::collect;
use super::endpoint::MetricsServer;
use super::exposition::{Exposition, Kind};
use crate::broker::{Broker, Opening};
use crate::config::BrokerConfig;
use crate::message::{Message, PropertyList};
use crate::statistics::histogram::Counted;
use crate::topic::message_type::MessageType;

const BEGIN_MS: i64 = 1_700_000_000_000;

fn open() -> (TempDir, Arc<ManualClock>, Arc<Broker>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(BEGIN_MS));
    let config = BrokerConfig {
        broker_name: "broker-a".to_owned(),
        broker_ip1: "127.0.0.1".to_owned(),
        store_path_root_dir: folder.path().to_string_lossy().into_owned(),
        store_path_commit_log: folder.path().join("commitlog").to_string_lossy().into_owned(),
        mapped_file_size_commit_log_bytes: 1 << 20,
        max_hash_slot_num: 100,
        max_index_num: 100,
        ..BrokerConfig::default()
    };
    let opening =
        Opening { config: Loaded::new(config), config_path: None, name_servers: Vec::new(), listen_port: 10911 };
    let broker = Broker::open(opening, Arc::new(RealDisk), clock.clone()).unwrap();
    (folder, clock, broker)
}

fn send(broker: &Broker, topic: &str, body: &str) {
    let message = Message {
        topic: topic.to_owned(),
        queue: QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms: 0,
        born_host: broker.store_host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: Bytes::copy_from_slice(body.as_bytes()),
        properties: PropertyList::default(),
    };
    let put = message.put(broker).unwrap();
    broker.statistics.sent(topic, MessageType::Normal, 1, put.size.into(), put.store_ms);
    broker.store.dispatch_all().unwrap();
}

/// The samples of a family: labels without those of the broker, and the value.
fn samples<'a>(page: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let begin = format!(r#"{name}{{cluster="DefaultCluster",node_id="broker-a",node_type="broker""#);
    let of = |line: &'a str| line.strip_prefix(begin.as_str())?.trim_start_matches(',').split_once("} ");
    page.lines().filter_map(of).collect()
}

#[test]
fn samples_are_written_as_prometheus_reads_them() {
    let mut page = Exposition::new(&[("cluster", "a\"b\\c\nd")]);
    page.family("nothing", Kind::Gauge, "Leaves no trace");
    let mut family = page.family("some_total", Kind::Counter, "Some");
    family.sample(&[("topic", "t"), ("group", "")], 6.0);
    family.sample(&[], 0.25);
    let expected = "# HELP some_total Some\n# TYPE some_total counter\n\
                    some_total{cluster=\"a\\\"b\\\\c\\nd\",topic=\"t\",group=\"\"} 6.0\nsome_total{cluster=\"a\\\"b\\\\c\\nd\"} 0.25\n";
    assert_eq!(page.into_text(), expected);
}

#[test]
fn a_histogram_is_written_with_sums_of_its_classes() {
    let mut page = Exposition::new(&[("cluster", "c")]);
    let counted = Counted { counts: vec![2, 0, 1], sum: 40 };
    page.family("waits", Kind::Histogram, "Waits").histogram(&[("topic", "t")], &[1, 10], &counted);
    let expected = "# HELP waits Waits\n# TYPE waits histogram\n\
                    waits_bucket{cluster=\"c\",topic=\"t\",le=\"1.0\"} 2.0\nwaits_bucket{cluster=\"c\",topic=\"t\",le=\"10.0\"} 2.0\n\
                    waits_bucket{cluster=\"c\",topic=\"t\",le=\"+Inf\"} 3.0\nwaits_count{cluster=\"c\",topic=\"t\"} 3.0\n\
                    waits_sum{cluster=\"c\",topic=\"t\"} 40.0\n";
    assert_eq!(page.into_text(), expected);
}

#[test]
fn groups_are_as_far_as_their_offsets_say() {
    let (_folder, clock, broker) = open();
    for body in ["one", "two", "three", "four"] {
        send(&broker, "orders", body);
        clock.advance(1_000);
    }
    {
        let mut offsets = broker.offsets.write();
        offsets.commit("billing", "orders", 0, 1);
        offsets.pulled("billing", "orders", 0, 3);
        offsets.commit("shipping", "orders", 0, 4);
    }
    let page = collect(&broker);
    let labels = |group: &str| format!(r#"topic="orders",consumer_group="{group}",is_retry="false",is_system="false""#);
    for (name, billing, shipping) in [
        ("rocketmq_consumer_lag_messages", "3.0", "0.0"),
        ("rocketmq_consumer_inflight_messages", "2.0", "0.0"),
        ("rocketmq_consumer_ready_messages", "1.0", "0.0"),
        ("rocketmq_consumer_lag_latency_milliseconds", "3000.0", "0.0"),
        ("rocketmq_consumer_queueing_latency_milliseconds", "1000.0", "0.0"),
    ] {
        let expected = [(labels("billing"), billing), (labels("shipping"), shipping)];
        let found = samples(&page, name);
        let expected: Vec<_> = expected.iter().map(|(labels, value)| (labels.as_str(), *value)).collect();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(
        samples(&page, "rocketmq_messages_in_total"),
        [(r#"topic="orders",message_type="normal",is_system="false""#, "4.0")]
    );
    assert_eq!(samples(&page, "rocketmq_broker_permission"), [("", "6.0")]);
    assert_eq!(samples(&page, "bolide_storage_accepts_messages"), [("", "1.0")]);
    assert_eq!(samples(&page, "bolide_consumer_queue_lag_messages").len(), 2);
    for nothing_wrong in ["bolide_storage_damaged_messages_total", "bolide_scrub_damages"] {
        assert_eq!(samples(&page, nothing_wrong), [("", "0.0")], "{nothing_wrong}");
    }
}

async fn ask(server: &MetricsServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pages_are_served_over_http() {
    let (_folder, _clock, broker) = open();
    let server = MetricsServer::bind(&broker, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let metrics = ask(&server, "GET /metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\nrocketmq_topic_number{"), "{metrics}");
    for (request, status) in [
        ("GET /health/live", 200),
        ("GET /health/ready", 200),
        ("HEAD /metrics", 200),
        ("GET /", 404),
        ("POST /metrics", 405),
    ] {
        let answer = ask(&server, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    broker.close().unwrap();
    let closed = ask(&server, "GET /health/ready").await;
    assert!(closed.starts_with("HTTP/1.1 503 "), "{closed}");
}
