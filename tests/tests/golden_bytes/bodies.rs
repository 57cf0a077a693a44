//! Bodies: JSON in content and in Java's syntax, everything else byte for byte.

use bolide_remoting::body::{self, *};
use bolide_remoting::java_json::JsonError;
use bolide_remoting::properties::Properties;
use bolide_store::record::{BatchMessages, Step, step};
use bytes::Bytes;

use crate::java_value::{JavaValue, Key};
use crate::manifest::{FRAMES, Kind, Recorded};

/// The typed bodies by code and kind: decodes one and writes it again, in Java's form or in standard JSON.
macro_rules! typed {
    ($frame:ident, $body:ident, $standard:ident; $($kind:ident { $($($code:literal)|+ => $type:ty,)* })*) => {
        match ($frame.kind == Kind::Response, $frame.request_code) {
            $($((typed!(@ $kind), $($code)|+) => Some(again::<$type>($body, $standard)),)*)*
            _ => None,
        }
    };
    (@ requests) => { false };
    (@ answers) => { true };
}

fn again<T: serde::Serialize + serde::de::DeserializeOwned>(json: &[u8], standard: bool) -> Result<Bytes, JsonError> {
    let typed: T = body::decode(json)?;
    Ok(if standard { body::encode_standard(&typed) } else { body::encode(&typed) })
}

fn written_again(frame: &Recorded, json: &[u8], standard: bool) -> Option<Result<Bytes, JsonError>> {
    typed! { frame, json, standard;
        requests {
            18 => CreateTopicListRequest,
            34 => HeartbeatData,
            41 | 42 => LockBatchRequest,
            46 => CheckClientRequest,
            103 => RegisterBrokerBody,
            200 => SubscriptionGroupConfig,
            220 => ResetOffsetBody,
            225 => SubscriptionGroupList,
            322 => DataVersion,
            400 => QueryAssignmentRequest,
        }
        answers {
            21 => TopicConfigAndMappingSerializeWrapper,
            28 | 103 | 219 => KvTable,
            38 => ConsumerList,
            41 => LockBatchResponse,
            105 => TopicRouteData,
            106 => ClusterInfo,
            201 => SubscriptionGroupWrapper,
            202 => TopicStatsTable,
            203 => ConsumerConnection,
            204 => ProducerConnection,
            206 | 224 | 304 | 305 | 311 | 312 | 313 | 343 => TopicList,
            208 => ConsumeStats,
            221 | 223 => GetConsumerStatusBody,
            222 => ResetOffsetBody,
            300 => GroupList,
            303 => QueryConsumeTimeSpanResponse,
            315 => BrokerStatsData,
            317 => ConsumeStatsList,
            321 => QueryConsumeQueueResponse,
            322 => DataVersion,
            328 => ProducerTableInfo,
            345 => QuerySubscriptionResponse,
            351 => TopicConfig,
            352 => SubscriptionGroupConfig,
            400 => QueryAssignmentResponse,
            901 => BrokerMemberGroupResponse,
        }
    }
}

/// GET_CONSUMER_RUNNING_INFO and CONSUME_MESSAGE_DIRECTLY: clients answer them and brokers pass the answers on as they are.
const PASSED_ON: [i32; 2] = [307, 309];

/// Times that Java prints once more in its own time zone, and does not read back.
fn is_printed_time(difference: &str) -> bool {
    difference.contains("TimeStampStr\": ") && difference.ends_with("is missing")
}

/// Route data has map keys that are numbers: bare or, as standard JSON wants them, quoted.
fn has_quoted_numbers(value: &JavaValue) -> bool {
    match value {
        JavaValue::Map(entries) => entries.iter().any(|(key, value)| {
            matches!(key, Key::Quoted(text) if text.parse::<i64>().is_ok()) || has_quoted_numbers(value)
        }),
        JavaValue::List(values) => values.iter().any(has_quoted_numbers),
        _ => false,
    }
}

#[test]
fn json_bodies_come_back_with_the_same_content_in_javas_syntax() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for frame in FRAMES.iter() {
        frame.decoded(|_, json| {
            if !json.starts_with(b"{") || PASSED_ON.contains(&frame.request_code) {
                return;
            }
            let value = |text: &[u8]| JavaValue::parse(std::str::from_utf8(text).unwrap());
            let before = value(json).unwrap_or_else(|e| panic!("{}: {e}", frame.name));
            let after = match written_again(frame, json, has_quoted_numbers(&before)) {
                Some(Ok(after)) => after,
                Some(Err(error)) => return wrong.push(format!("{}: {error}", frame.name)),
                None => return wrong.push(format!("{} has no type", frame.name)),
            };
            let after = value(&after).unwrap_or_else(|e| panic!("{}: {e}", frame.name));
            let (before, after) = (before.without_nulls().with_sorted_lists(), after.with_sorted_lists());
            let mut differences = before.differences(&after);
            differences.retain(|difference| !is_printed_time(difference));
            if frame.kind != Kind::Response {
                // Older clients lack fields, which then have their defaults.
                differences.retain(|difference| !difference.ends_with("is too much"));
            }
            wrong.extend(differences.into_iter().map(|difference| format!("{}: {difference}", frame.name)));
            compared += 1;
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "{compared}");
}

/// The forms that only Java knows are in the recordings, so that the test above means something.
#[test]
fn javas_own_forms_were_recorded() {
    fn count(value: &JavaValue, integers: &mut usize, objects: &mut usize) {
        match value {
            JavaValue::Map(entries) => {
                for (key, value) in entries {
                    *integers += usize::from(matches!(key, Key::Integer(_)));
                    *objects += usize::from(matches!(key, Key::Object(_)));
                    count(value, integers, objects);
                }
            }
            JavaValue::List(values) => values.iter().for_each(|value| count(value, integers, objects)),
            _ => {}
        }
    }
    let (mut integers, mut objects) = (0, 0);
    for frame in FRAMES.iter() {
        frame.decoded(|_, json| {
            if json.starts_with(b"{") {
                count(&JavaValue::parse(std::str::from_utf8(json).unwrap()).unwrap(), &mut integers, &mut objects);
            }
        });
    }
    assert!(integers >= 3 && objects >= 6, "{integers} integer keys, {objects} object keys");
}

fn with_codes(kinds: &[Kind], codes: &[i32], mut check: impl FnMut(&Recorded, &[u8])) {
    let mut checked = 0;
    for frame in FRAMES.iter().filter(|f| kinds.contains(&f.kind) && codes.contains(&f.request_code)) {
        frame.decoded(|_, body| {
            if !body.is_empty() {
                check(frame, body);
                checked += 1;
            }
        });
    }
    assert!(checked > 0, "no bodies of {codes:?}");
}

#[test]
fn compressed_registrations_are_read_and_written() {
    with_codes(&[Kind::Request], &[103], |frame, bytes| {
        if bytes.starts_with(b"{") {
            return;
        }
        let registration = RegisterBrokerBody::decode(bytes, true).unwrap_or_else(|e| panic!("{}: {e}", frame.name));
        let again = RegisterBrokerBody::decode(&registration.encode_compressed(), true).unwrap();
        assert_eq!(registration, again, "{}", frame.name);
        assert_ne!(registration.topic_config_serialize_wrapper.data_version, DataVersion::default(), "{}", frame.name);
        // Apache's own brokers say `compressed=false` beside a compressed body; what they mean is theirs.
        if frame.name.contains("/broker/") {
            return;
        }
        let topics = registration.topic_config_serialize_wrapper.topic_config_table;
        let described: Vec<_> =
            topics.values().map(|t| (&*t.topic_name, t.read_queue_nums, t.write_queue_nums, t.perm)).collect();
        assert_eq!(described, [("%RETRY%second", 3, 2, 6), ("first", 3, 2, 6)], "{}", frame.name);
    });
}

#[test]
fn batches_come_back_byte_for_byte() {
    with_codes(&[Kind::Request], &[320], |frame, bytes| {
        let mut again = Vec::new();
        for message in BatchMessages::new(bytes) {
            let message = message.unwrap_or_else(|e| panic!("{}: {e}", frame.name));
            let size = 4 + 4 + 4 + 4 + 4 + message.body.len() + 2 + message.properties.len();
            for number in [size as i32, 0, 0, message.flag, message.body.len() as i32] {
                again.extend_from_slice(&number.to_be_bytes());
            }
            again.extend_from_slice(message.body);
            again.extend_from_slice(&(message.properties.len() as i16).to_be_bytes());
            again.extend_from_slice(message.properties);
        }
        assert!(again == bytes, "{}", frame.name);
    });
}

/// What pulls and queries bring are records as they are stored.
#[test]
fn answers_hold_whole_records() {
    with_codes(&[Kind::Response], &[11, 12, 33, 361], |frame, bytes| {
        let mut at = 0;
        while at < bytes.len() {
            let Ok(Step::Record(record)) = step(&bytes[at..]) else { panic!("{}: no record at {at}", frame.name) };
            record.verify(record.physical_offset()).unwrap_or_else(|e| panic!("{}: {e}", frame.name));
            at += record.size();
        }
        assert_eq!(at, bytes.len(), "{}", frame.name);
    });
}

#[test]
fn configurations_are_read_and_written() {
    let check = |frame: &Recorded, bytes: &[u8]| {
        let read = Properties::read(bytes).unwrap_or_else(|e| panic!("{}: {e}", frame.name));
        let plain: Vec<_> =
            std::str::from_utf8(bytes).unwrap().lines().map(|line| line.split_once('=').unwrap()).collect();
        let pairs: Vec<_> = read.iter().map(|property| (&*property.key, &*property.value)).collect();
        assert_eq!(pairs, plain, "{}", frame.name);
        let again = Properties::parse(&read.to_string()).unwrap();
        let again: Vec<_> = again.iter().map(|property| (&*property.key, &*property.value)).collect();
        assert_eq!(again, pairs, "{}", frame.name);
    };
    with_codes(&[Kind::Request], &[25, 318], check);
    with_codes(&[Kind::Response], &[26, 319], check);
}
