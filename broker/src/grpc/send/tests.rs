use std::path::Path;
use std::time::Duration;

use bolide_proto::Timestamp;
use bolide_proto::v2::Resource;
use bolide_remoting::Language;
use bolide_remoting::keys::Loaded;
use bolide_remoting::proxy::Ends;
use bolide_store::ManualClock;
use bolide_store::disk::FakeDisk;
use tokio::task::JoinHandle;

use super::*;
use crate::broker::Opening;
use crate::config::FlushDiskType;

/// Message groups, numbers of queues, and the queue.
const GUAVA: [(&str, i32, i32); 16] = [
    ("a", 1, 0),
    ("a", 4, 0),
    ("a", 8, 0),
    ("a", 100, 29),
    ("group-1", 1, 0),
    ("group-1", 4, 1),
    ("group-1", 8, 7),
    ("group-1", 100, 36),
    ("order-7", 1, 0),
    ("order-7", 4, 0),
    ("order-7", 8, 4),
    ("order-7", 100, 89),
    ("用户", 1, 0),
    ("用户", 4, 3),
    ("用户", 8, 3),
    ("用户", 100, 59),
];

const NOW_MS: i64 = 1_700_000_000_000;

fn caller() -> Caller {
    let ends = Ends { peer: "10.0.0.7:1234".parse().unwrap(), local: "10.0.0.1:8081".parse().unwrap() };
    Caller {
        client_id: "me".into(),
        language: Language::GO,
        version: String::new(),
        ends,
        user: String::new(),
        timeout: None,
    }
}

fn system() -> SystemProperties {
    SystemProperties { message_id: "01AB".into(), ..Default::default() }
}

fn made(system: SystemProperties, users: &[(&str, &str)]) -> Result<PropertyList<'static>, Fault> {
    let user_properties = users.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let message = Message { user_properties, ..Default::default() };
    let made = properties(&BrokerConfig::default(), &caller(), "t", &message, &system, NOW_MS);
    made.map(PropertyList::into_owned)
}

#[test]
fn what_a_message_says_becomes_properties() {
    let system = SystemProperties {
        tag: Some("red".into()),
        keys: vec!["k1".into(), "k2".into()],
        message_group: Some("g".into()),
        trace_context: Some("00-1-2-03".into()),
        born_timestamp: Some(Timestamp { seconds: 1_700_000_000, nanos: 5_000_000 }),
        delivery_timestamp: Some(Timestamp { seconds: 1_700_000_060, nanos: 0 }),
        ..system()
    };
    let properties = made(system, &[("colour", "blue")]).unwrap();
    for (name, value) in [
        ("TAGS", "red"),
        ("KEYS", "k1 k2"),
        ("UNIQ_KEY", "01AB"),
        ("PGROUP", "t"),
        ("__SHARDINGKEY", "g"),
        ("TRACE_CONTEXT", "00-1-2-03"),
        ("BORN_TIMESTAMP", "1700000000005"),
        ("__BORNHOST", "10.0.0.7:1234"),
        ("TIMER_DELIVER_MS", "1700000060000"),
        ("colour", "blue"),
    ] {
        assert_eq!(properties.get(name), Some(value), "{name}");
    }
}

#[test]
fn what_a_message_may_not_say_has_a_code_of_its_own() {
    let code = |system, users: &[(&str, &str)]| made(system, users).unwrap_err().code;
    let with = |change: fn(&mut SystemProperties)| {
        let mut system = system();
        change(&mut system);
        code(system, &[])
    };
    assert_eq!(with(|system| system.message_id.clear()), Code::IllegalMessageId);
    assert_eq!(with(|system| system.tag = Some("a|b".into())), Code::IllegalMessageTag);
    assert_eq!(with(|system| system.tag = Some(" ".into())), Code::IllegalMessageTag);
    assert_eq!(with(|system| system.keys.push("a\u{1}b".into())), Code::IllegalMessageKey);
    assert_eq!(with(|system| system.message_group = Some("g".repeat(64))), Code::IllegalMessageGroup);
    let late = Timestamp { seconds: NOW_MS / 1_000 + 86_401, nanos: 0 };
    let system_at = SystemProperties { delivery_timestamp: Some(late), ..system() };
    assert_eq!(code(system_at, &[]), Code::IllegalDeliveryTime);
    assert_eq!(code(system(), &[("TAGS", "x")]), Code::IllegalMessagePropertyKey);
    assert_eq!(code(system(), &[("a\u{2}", "x")]), Code::IllegalMessagePropertyKey);
    assert_eq!(code(system(), &[("a", &"x".repeat(16_384))]), Code::MessagePropertiesTooLarge);
    let many: Vec<(String, String)> = (0..129).map(|n| (n.to_string(), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(code(system(), &many), Code::MessagePropertiesTooLarge);
}

/// A broker that confirms what the disk has, with the topic `t`.
fn careful_broker(disk: &FakeDisk, clock: &Arc<ManualClock>) -> Arc<Broker> {
    let values = BrokerConfig {
        broker_ip1: "127.0.0.1".into(),
        store_path_root_dir: "/store".into(),
        store_path_commit_log: "/store/commitlog".into(),
        mapped_file_size_commit_log_bytes: 64 << 10,
        max_hash_slot_num: 100,
        max_index_num: 100,
        flush_disk_type: FlushDiskType::SyncFlush,
        send_thread_pool_queue_capacity: 1,
        ..BrokerConfig::default()
    };
    let config = Loaded::new(values);
    let opening = Opening { config, config_path: None, name_servers: Vec::new(), listen_port: 10_911 };
    let broker = Broker::open(opening, Arc::new(disk.clone()), clock.clone()).unwrap();
    let topic_name = "t".to_owned();
    let topic = TopicConfig { topic_name, read_queue_nums: 1, write_queue_nums: 1, perm: 6, ..TopicConfig::default() };
    broker.topics.update(topic).unwrap();
    broker
}

/// The status of a message of its own, sent in a task of its own.
fn sent(broker: &Arc<Broker>) -> JoinHandle<Code> {
    let topic = Some(Resource { name: "t".into(), ..Resource::default() });
    let message = Message { topic, body: "body".into(), system_properties: Some(system()), ..Message::default() };
    let broker = broker.clone();
    tokio::spawn(async move {
        let answer = send(&broker, &caller(), SendMessageRequest { messages: vec![message] }).await.unwrap();
        answer.status.unwrap().code()
    })
}

#[tokio::test]
async fn a_disk_that_is_slow_or_fails_has_codes_that_clients_know() {
    let (disk, clock) = (FakeDisk::new(), Arc::new(ManualClock::new(NOW_MS)));
    let broker = careful_broker(&disk, &clock);
    assert_eq!(sent(&broker).await.unwrap(), Code::Ok);

    disk.hold_syncs(true);
    let slow = sent(&broker);
    while broker.waiting_sends.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(sent(&broker).await.unwrap(), Code::TooManyRequests, "only one may wait");
    crate::send::expire(&broker, NOW_MS + 4_999);
    assert_eq!(broker.waiting_sends.lock().len(), 1);
    crate::send::expire(&broker, NOW_MS + 5_000);
    assert_eq!(slow.await.unwrap(), Code::MasterPersistenceTimeout);

    disk.fail_syncs(Some(Path::new("/store/commitlog")));
    disk.hold_syncs(false);
    let failed = tokio::time::timeout(Duration::from_secs(120), sent(&broker)).await;
    assert_eq!(failed.unwrap().unwrap(), Code::InternalServerError);
}

#[test]
fn a_gzip_body_becomes_one_of_zlib_and_others_stay() {
    use flate2::read::{GzEncoder, ZlibDecoder};
    let plain = "compressible ".repeat(1_000).into_bytes();
    let mut gzip = Vec::new();
    GzEncoder::new(&plain[..], Compression::default()).read_to_end(&mut gzip).unwrap();
    let (max, mut again) = (plain.len() as i32, Vec::new());
    let recode = |body, max| without_gzip(Cow::Borrowed(body), max);
    let recoded = recode(&gzip, max).unwrap();
    ZlibDecoder::new(&recoded[..]).read_to_end(&mut again).unwrap();
    assert!(again == plain);
    for other in [&recoded[..], b"plain"] {
        assert_eq!(recode(other, max), Ok(Cow::Borrowed(other)));
    }
    assert_eq!(recode(&gzip, max - 1).unwrap_err().code, Code::MessageBodyTooLarge);
    assert_eq!(recode(&gzip[..gzip.len() / 2], max).unwrap_err().code, Code::MessageCorrupted);
}

#[test]
fn a_groups_queue_is_the_one_that_guava_chooses() {
    // Computed by Guava's Hashing.consistentHash.
    for (key, buckets, bucket) in GUAVA {
        assert_eq!(consistent_hash(java_hash(key), buckets), bucket, "{key} among {buckets}");
    }
}
