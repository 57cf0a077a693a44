//! Typed headers as whole requests use them, and what they say about bad ones.

use proptest::prelude::*;

use super::*;
use crate::codec::{self, Encoding, Preamble};
use crate::field_writer::FieldSource;
use crate::fields::{FieldError, Fields};
use crate::frame::PREFIX_BYTES;
use crate::version::Version;

/// Sends fields through a codec and gives them to `check`.
fn through<T>(encoding: Encoding, source: &(impl FieldSource + ?Sized), check: impl FnOnce(&Fields<'_>) -> T) -> T {
    let preamble = Preamble { encoding, code: 0, opaque: 0, flag: 0, version: Version::CURRENT, remark: None };
    let mut out = Vec::new();
    codec::encode(&mut out, &preamble, source, 0).expect("it fits");
    let mut slots = Vec::new();
    check(&codec::decode(encoding, &mut out[PREFIX_BYTES..], &mut slots).expect("decodes").fields)
}

fn decode<T>(fields: &[(&str, &str)], decode: impl FnOnce(&Fields<'_>) -> T) -> T {
    through(Encoding::Json, fields, decode)
}

prop_compose! {
    fn send_message()(
        text in ".{1,40}", nums in any::<[i32; 5]>(), born in any::<i64>(), properties in proptest::option::of(".{1,40}"),
        flags in any::<[bool; 2]>(), max in any::<Option<i32>>(),
    ) -> (String, [i32; 5], i64, Option<String>, [bool; 2], Option<i32>) {
        (text, nums, born, properties, flags, max)
    }
}

proptest! {
    #[test]
    fn a_send_survives_both_codecs_and_both_sets_of_names(
        (text, nums, born, properties, flags, max) in send_message(),
    ) {
        let sent = SendMessageRequest {
            producer_group: &text,
            topic: &text,
            default_topic: &text,
            default_topic_queue_nums: nums[0],
            queue_id: nums[1],
            sys_flag: nums[2],
            born_timestamp: born,
            flag: nums[3],
            properties: properties.as_deref(),
            reconsume_times: nums[4],
            unit_mode: flags[0],
            batch: flags[1],
            max_reconsume_times: max,
            broker_name: Some(&text),
        };
        for encoding in [Encoding::Json, Encoding::Binary] {
            through(encoding, &sent, |fields| assert_eq!(SendMessageRequest::decode(fields), Ok(sent)));
            through(encoding, &SendMessageV2(&sent), |fields| {
                assert_eq!(SendMessageRequest::decode_v2(fields), Ok(sent));
                assert_eq!(fields.get("i"), properties.as_deref());
            });
        }
    }
}

const PULL: [(&str, &str); 9] = [
    ("consumerGroup", "g"),
    ("topic", "T"),
    ("queueId", "3"),
    ("queueOffset", "99"),
    ("maxMsgNums", "32"),
    ("sysFlag", "3"),
    ("commitOffset", "-1"),
    ("suspendTimeoutMillis", "15000"),
    ("subVersion", "+5"),
];

#[test]
fn a_pull_without_its_optional_fields() {
    decode(&PULL, |fields| {
        let pull = PullMessageRequest::decode(fields).expect("decodes");
        assert_eq!((pull.queue_id, pull.queue_offset, pull.commit_offset, pull.sub_version), (3, 99, -1, 5));
        assert_eq!((pull.subscription, pull.max_msg_bytes), (None, None));
        assert!(pull.has(PullMessageRequest::SUSPEND) && !pull.has(PullMessageRequest::LITE_PULL));
    });
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    for index in 0..PULL.len() {
        let mut fields = PULL.to_vec();
        let (name, _) = fields.remove(index);
        let error = decode(&fields, |fields| PullMessageRequest::decode(fields).map(drop));
        assert_eq!(error, Err(FieldError::Missing(name)));
    }
    for (value, index, name, expected) in [
        ("3000000000", 2, "queueId", "a 32-bit integer"),
        ("", 2, "queueId", "a 32-bit integer"),
        ("1.0", 3, "queueOffset", "a 64-bit integer"),
        ("9223372036854775808", 3, "queueOffset", "a 64-bit integer"),
        (" 1", 6, "commitOffset", "a 64-bit integer"),
    ] {
        let mut fields = PULL.to_vec();
        fields[index].1 = value;
        let error = decode(&fields, |fields| PullMessageRequest::decode(fields).map(drop));
        assert_eq!(error, Err(FieldError::Invalid { name, value: value.to_owned(), expected }));
    }
}

#[test]
fn a_long_bad_value_is_shown_in_part() {
    let long = "é".repeat(1000);
    let error = FieldError::invalid("queueId", &long, "a 32-bit integer");
    assert_eq!(error.to_string(), format!("field `queueId` is not a 32-bit integer: {:?}", "é".repeat(64)));
}

#[test]
fn booleans_are_javas() {
    for (text, expected) in [("true", true), ("TRUE", true), ("True", true), ("1", false), ("yes", false), ("", false)]
    {
        let fields = [("topic", "T"), ("queueId", "0"), ("committed", text)];
        let decoded = decode(&fields, |fields| GetMaxOffsetRequest::decode(fields).map(|header| header.committed));
        assert_eq!(decoded, Ok(expected), "{text}");
    }
}

#[test]
fn the_last_of_two_values_counts() {
    let fields = [("topic", "first"), ("other", "x"), ("topic", "last")];
    decode(&fields, |fields| {
        assert_eq!(fields.get("topic"), Some("last"));
        assert_eq!(TopicRequest::decode(fields), Ok(TopicRequest { topic: "last" }));
        assert_eq!(fields.read::<Option<i32>>("none"), Ok(None));
        assert_eq!(fields.to_owned().get("other"), Some("x"));
    });
}

#[test]
fn absent_options_are_not_written() {
    let answer = SendMessageResponse {
        msg_id: "id",
        queue_id: 1,
        queue_offset: -1,
        transaction_id: None,
        batch_uniq_id: None,
        recall_handle: None,
        region: None,
        trace_on: Some(true),
    };
    for encoding in [Encoding::Json, Encoding::Binary] {
        through(
            encoding,
            &(answer, Some(HeartbeatResponse { heartbeat_v2: true, subscription_changed: false })),
            |fields| {
                let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
                let expected =
                    ["msgId", "queueId", "queueOffset", "TRACE_ON", "IS_SUPPORT_HEART_BEAT_V2", "IS_SUB_CHANGE"];
                assert_eq!(names, expected);
            },
        );
    }
}
