//! Every shape against what the Apache jars wrote: equal in content and in Java's syntax, in any order.

use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::*;

/// Bodies that the Apache jars wrote: name of our type, JSON.
const JAVA_BODIES: &str = include_str!("../../tests/golden/bodies.tsv");

/// JSON with its order taken out, and with keys of any kind. Numbers and strings stay apart.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Canonical {
    Nothing,
    Text(String),
    Number(String),
    List(Vec<Canonical>),
    Object(BTreeMap<Canonical, Canonical>),
}

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Canonical;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("anything")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Canonical, E> {
                Ok(Canonical::Nothing)
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Canonical, E> {
                Ok(Canonical::Number(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Canonical, E> {
                Ok(Canonical::Number(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Canonical, E> {
                Ok(Canonical::Number(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Canonical, E> {
                Ok(Canonical::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Canonical, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Canonical::List(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Canonical, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    entries.insert(key, value);
                }
                Ok(Canonical::Object(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn canonical(json: &[u8]) -> Canonical {
    java_json::from_slice(json).expect("JSON")
}

/// Takes out what Java repeats as text, such as `minTimeStampStr`, and nobody reads.
fn without_repetitions(value: Canonical) -> Canonical {
    match value {
        Canonical::List(list) => Canonical::List(list.into_iter().map(without_repetitions).collect()),
        Canonical::Object(map) => {
            let kept =
                map.into_iter().filter(|(key, _)| !matches!(key, Canonical::Text(key) if key.ends_with("StampStr")));
            Canonical::Object(kept.map(|(key, value)| (key, without_repetitions(value))).collect())
        }
        other => other,
    }
}

/// Reads Java's text into the type and writes it again.
fn again<T: DeserializeOwned + Serialize>(json: &str) -> Bytes {
    encode(&decode::<T>(json.as_bytes()).expect("has the shape"))
}

#[test]
fn java_bodies_are_read_and_written_alike() {
    let mut checked = 0;
    for line in JAVA_BODIES.lines() {
        let (name, json) = line.split_once('\t').expect("two columns");
        let ours = match name {
            "HeartbeatData" => again::<HeartbeatData>(json),
            "TopicRouteData" => again::<TopicRouteData>(json),
            "ClusterInfo" => again::<ClusterInfo>(json),
            "RegisterBrokerBody" => again::<RegisterBrokerBody>(json),
            "TopicConfigSerializeWrapper" => again::<TopicConfigSerializeWrapper>(json),
            "SubscriptionGroupConfig" => again::<SubscriptionGroupConfig>(json),
            "SubscriptionGroupWrapper" => again::<SubscriptionGroupWrapper>(json),
            "ConsumerConnection" => again::<ConsumerConnection>(json),
            "ProducerConnection" => again::<ProducerConnection>(json),
            "ConsumeStats" => again::<ConsumeStats>(json),
            "ConsumeStatsList" => again::<ConsumeStatsList>(json),
            "TopicStatsTable" => again::<TopicStatsTable>(json),
            "LockBatchRequest" => again::<LockBatchRequest>(json),
            "LockBatchResponse" => again::<LockBatchResponse>(json),
            "QueryAssignmentRequest" => again::<QueryAssignmentRequest>(json),
            "QueryAssignmentResponse" => again::<QueryAssignmentResponse>(json),
            "SetMessageRequestModeRequest" => again::<SetMessageRequestModeRequest>(json),
            "MessageRequestModeWrapper" => again::<MessageRequestModeWrapper>(json),
            "BrokerStatsData" => again::<BrokerStatsData>(json),
            "BrokerMemberGroupResponse" => again::<BrokerMemberGroupResponse>(json),
            "ConsumerOffsetSerializeWrapper" => again::<ConsumerOffsetSerializeWrapper>(json),
            "ResetOffsetBody" => again::<ResetOffsetBody>(json),
            "ResetOffsetBodyForC" => again::<ResetOffsetBodyForC>(json),
            "GetConsumerStatusBody" => again::<GetConsumerStatusBody>(json),
            "QueryConsumeTimeSpanResponse" => again::<QueryConsumeTimeSpanResponse>(json),
            "QueryCorrectionOffsetResponse" => again::<QueryCorrectionOffsetResponse>(json),
            "ProducerTableInfo" => again::<ProducerTableInfo>(json),
            "BatchAckMessageRequest" => again::<BatchAckMessageRequest>(json),
            "TopicList" => again::<TopicList>(json),
            "GroupList" => again::<GroupList>(json),
            "KvTable" => again::<KvTable>(json),
            "CreateTopicListRequest" => again::<CreateTopicListRequest>(json),
            "GroupForbidden" => again::<GroupForbidden>(json),
            "QueryConsumeQueueResponse" => again::<QueryConsumeQueueResponse>(json),
            "QuerySubscriptionResponse" => again::<QuerySubscriptionResponse>(json),
            "CheckClientRequest" => again::<CheckClientRequest>(json),
            "ConsumerList" => again::<ConsumerList>(json),
            "RegisterBrokerBodyCompressed" => continue,
            other => panic!("{other} has no type"),
        };
        let theirs = without_repetitions(canonical(json.as_bytes()));
        assert_eq!(canonical(&ours), theirs, "{name}: {ours:?}");
        checked += 1;
    }
    assert!(checked > 30, "only {checked} shapes");
}

fn java_body(name: &str) -> &'static str {
    let mut lines = JAVA_BODIES.lines().filter_map(|line| line.split_once('\t'));
    lines.find(|(known, _)| *known == name).expect("there is one").1
}

fn java_compressed() -> Vec<u8> {
    let digits = java_body("RegisterBrokerBodyCompressed").as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_compressed_registration_says_what_a_plain_one_says() {
    let mut plain = RegisterBrokerBody::decode(java_body("RegisterBrokerBody").as_bytes(), false).expect("plain");
    let compressed = RegisterBrokerBody::decode(&java_compressed(), true).expect("compressed");
    // The compressed form has no room for these two.
    let wrapper = &mut plain.topic_config_serialize_wrapper;
    wrapper.topic_queue_mapping_detail_map.clear();
    wrapper.mapping_data_version = DataVersion::default();
    assert_eq!(compressed, plain);
    assert_eq!(wrapper_topic(&compressed, "T").attributes["message.type"], "FIFO a");
    assert_eq!(RegisterBrokerBody::decode(&compressed.encode_compressed(), true).expect("ours"), compressed);
}

fn wrapper_topic<'a>(body: &'a RegisterBrokerBody, name: &str) -> &'a TopicConfig {
    &body.topic_config_serialize_wrapper.topic_config_table[name]
}

#[test]
fn hostile_registrations_are_refused() {
    let good = java_compressed();
    for length in 0..good.len() - 4 {
        assert!(RegisterBrokerBody::decode(&good[..length], true).is_err(), "cut at {length}");
    }
    assert!(RegisterBrokerBody::decode(b"no zlib", true).is_err());
    assert!(RegisterBrokerBody::decode(b"[", false).is_err());
    for inside in [
        &b"\xff\xff\xff\xff"[..],
        b"\x00\x00\x00\x02{}\x7f\xff\xff\xff",
        b"\x00\x00\x00\x02{}\x00\x00\x00\x01\x00\x00\x00\x03T x",
        b"\x00\x00\x00\x02{}\x00\x00\x00\x01\x00\x00\x00\x09T 1 2 3 X",
        b"\x00\x00\x00\x02{}\x00\x00\x00\x00\x7f\xff\xff\xff[]",
    ] {
        assert!(RegisterBrokerBody::decode(&compress(inside), true).is_err(), "{inside:?}");
    }
    let old = b"\x00\x00\x00\x02{}\x00\x00\x00\x01\x00\x00\x00\x12T 1 2 3 SINGLE_TAG\x00\x00\x00\x02[]";
    let old = RegisterBrokerBody::decode(&compress(old), true).expect("brokers before 5.0 write less");
    assert_eq!(wrapper_topic(&old, "T").write_queue_nums, 2);
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compresses")
}

#[test]
fn bit_sets_are_javas() {
    let set: BitSet = [0, 9].into_iter().collect();
    assert_eq!(encode(&set), &b"\"AQI=\""[..]);
    assert_eq!(decode::<BitSet>(b"\"AQIAAA==\"").as_ref(), Ok(&set));
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 9]);
    assert!(!set.contains(1_000_000) && decode::<BitSet>(b"\"?\"").is_err());
}

#[test]
fn data_versions_change() {
    let version = DataVersion::new(5);
    assert_eq!(version.next(6), DataVersion { state_version: 0, timestamp: 6, counter: 1 });
}
