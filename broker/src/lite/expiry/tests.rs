use std::collections::BTreeMap;

use bolide_remoting::body::TopicConfig;
use bolide_remoting::keys::Loaded;
use bolide_store::disk::FakeDisk;
use bolide_store::light::DISPATCH;
use bolide_store::{ManualClock, QueueId};

use super::*;
use crate::broker::Opening;
use crate::config::BrokerConfig;
use crate::lite::queue_of;
use crate::message::{Message, PropertyList};

#[test]
fn the_attribute_and_the_least_time_must_both_be_over() {
    let hour = 60 * MINUTE_MS;
    assert!(is_expired(hour + 1, 15 * MINUTE_MS, 60));
    assert!(!is_expired(hour, 15 * MINUTE_MS, 60));
    assert!(!is_expired(2 * MINUTE_MS, 15 * MINUTE_MS, 1));
    assert!(!is_expired(i64::MAX, 0, -1) && !is_expired(i64::MAX, 0, 0));
}

fn open(clock: &Arc<ManualClock>) -> Arc<Broker> {
    let values = BrokerConfig {
        broker_ip1: "127.0.0.1".into(),
        store_path_root_dir: "/store".into(),
        store_path_commit_log: "/store/commitlog".into(),
        mapped_file_size_commit_log_bytes: 64 << 10,
        max_hash_slot_num: 100,
        max_index_num: 100,
        enable_lmq: true,
        enable_multi_dispatch: true,
        ..BrokerConfig::default()
    };
    let opening =
        Opening { config: Loaded::new(values), config_path: None, name_servers: Vec::new(), listen_port: 10_911 };
    let broker = Broker::open(opening, Arc::new(FakeDisk::new()), clock.clone()).unwrap();
    for (topic, minutes) in [("rooms", "60"), ("halls", "-1")] {
        let attributes = [("+message.type", "LITE"), ("+lite.topic.expiration", minutes)];
        let attributes: BTreeMap<String, String> = attributes.map(|(name, value)| (name.into(), value.into())).into();
        let topic = TopicConfig {
            topic_name: topic.to_owned(),
            read_queue_nums: 1,
            write_queue_nums: 1,
            perm: 6,
            attributes,
            ..TopicConfig::default()
        };
        broker.topics.update(topic).unwrap();
    }
    broker
}

fn say(broker: &Broker, parent: &str, lite_topic: &str) {
    let mut properties = PropertyList::default();
    properties.set(DISPATCH, queue_of(parent, lite_topic));
    let message = Message {
        topic: parent.to_owned(),
        queue: QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms: broker.clock.now_ms(),
        born_host: broker.store_host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: "hello".into(),
        properties,
    };
    message.put(broker).unwrap();
    broker.store.dispatch_all().unwrap();
}

#[test]
fn a_lite_topic_goes_when_nobody_has_sent_to_it_for_long_and_begins_anew() {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let broker = open(&clock);
    for (parent, lite_topic) in [("rooms", "quiet"), ("rooms", "busy"), ("halls", "quiet")] {
        say(&broker, parent, lite_topic);
    }
    let (quiet, busy) = (queue_of("rooms", "quiet"), queue_of("rooms", "busy"));
    broker.offsets.write().commit("guests", &quiet, LIGHT_QUEUE.0, 1);
    clock.advance(50 * MINUTE_MS);
    say(&broker, "rooms", "busy");
    remove_expired(&broker);
    let end = |queue: &str| broker.store.max_offset(queue, LIGHT_QUEUE).map(|end| end.0);
    assert_eq!((end(&quiet), end(&busy)), (Some(1), Some(2)));
    clock.advance(11 * MINUTE_MS);
    remove_expired(&broker);
    assert_eq!((end(&quiet), end(&busy), end(&queue_of("halls", "quiet"))), (None, Some(2), Some(1)));
    assert_eq!(broker.offsets.read().query("guests", &quiet, LIGHT_QUEUE.0), None);
    assert_eq!(end("rooms"), Some(3), "the parent keeps its messages");
    say(&broker, "rooms", "quiet");
    assert_eq!(end(&quiet), Some(1));
}
