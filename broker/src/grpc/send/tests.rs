use super::*;
use bolide_proto::Timestamp;
use bolide_remoting::Language;
use bolide_remoting::proxy::Ends;

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

#[test]
fn a_groups_queue_is_the_one_that_guava_chooses() {
    // Computed by Guava's Hashing.consistentHash.
    for (key, buckets, bucket) in GUAVA {
        assert_eq!(consistent_hash(java_hash(key), buckets), bucket, "{key} among {buckets}");
    }
}

#[test]
fn results_that_differ_are_told_so() {
    let entry = |code: Code| SendResultEntry {
        status: Some(Status { code: code.into(), message: String::new() }),
        ..Default::default()
    };
    assert_eq!(summary(&[entry(Code::Ok), entry(Code::Ok)]).code(), Code::Ok);
    assert_eq!(summary(&[entry(Code::Ok), entry(Code::InternalError)]).code(), Code::MultipleResults);
}
