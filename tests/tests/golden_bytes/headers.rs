//! Typed headers: what Apache's clients and servers put into the fields survives decoding into the type and writing it again.

use std::collections::BTreeMap;

use bolide_remoting::codec::{self, Encoding, Preamble};
use bolide_remoting::frame::PREFIX_BYTES;
use bolide_remoting::header::*;
use bolide_remoting::version::Version;
use bolide_remoting::{FieldError, FieldSource, Fields};

use crate::manifest::{FRAMES, Kind, Recorded};

/// What a typed header writes, for comparison.
type Written = BTreeMap<String, String>;

fn written(header: &impl FieldSource) -> Written {
    let preamble =
        Preamble { encoding: Encoding::Json, code: 0, opaque: 0, flag: 0, version: Version::CURRENT, remark: None };
    let mut frame = Vec::new();
    codec::encode(&mut frame, &preamble, header, 0).unwrap();
    let mut slots = Vec::new();
    let header = codec::decode(Encoding::Json, &mut frame[PREFIX_BYTES..], &mut slots).unwrap();
    map_of(&header.fields)
}

fn map_of(fields: &Fields<'_>) -> Written {
    fields.iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// The typed headers by code and kind: decodes one and writes it again. Codes without a type of their own give `None`.
macro_rules! typed {
    ($frame:ident, $fields:ident; $($kind:ident { $($($code:literal)|+ => $type:ident,)* })*) => {
        match ($frame.kind == Kind::Response, $frame.request_code) {
            $($((typed!(@ $kind), $($code)|+) => Some($type::decode($fields).map(|header| written(&header))),)*)*
            _ => None,
        }
    };
    (@ requests) => { false };
    (@ answers) => { true };
}

fn written_again(frame: &Recorded, fields: &Fields<'_>) -> Option<Result<Written, FieldError>> {
    if let (Kind::Request | Kind::Oneway, 310 | 320 | 325) = (frame.kind, frame.request_code) {
        return Some(SendMessageRequest::decode_v2(fields).map(|header| written(&SendMessageV2(&header))));
    }
    typed! { frame, fields;
        requests {
            10 => SendMessageRequest,
            11 | 361 => PullMessageRequest,
            12 => QueryMessageRequest,
            14 => QueryConsumerOffsetRequest,
            15 => UpdateConsumerOffsetRequest,
            17 => CreateTopicRequest,
            21 => GetAllTopicConfigRequest,
            29 => SearchOffsetRequest,
            30 => GetMaxOffsetRequest,
            31 => GetMinOffsetRequest,
            32 => GetEarliestMsgStoretimeRequest,
            33 => ViewMessageRequest,
            35 => UnregisterClientRequest,
            36 => ConsumerSendMsgBackRequest,
            37 => EndTransactionRequest,
            38 | 40 | 203 => ConsumerGroupRequest,
            39 => CheckTransactionStateRequest,
            100 => PutKvConfigRequest,
            101 | 102 => KvConfigRequest,
            103 => RegisterBrokerRequest,
            104 | 322 => BrokerIdentityRequest,
            105 => GetRouteInfoRequest,
            201 => GetAllSubscriptionGroupRequest,
            202 | 215 | 300 | 351 => TopicRequest,
            204 => GetProducerConnectionListRequest,
            205 | 327 => BrokerNameRequest,
            207 => DeleteSubscriptionGroupRequest,
            208 => GetConsumeStatsRequest,
            216 => DeleteTopicFromNamesrvRequest,
            219 => GetKvListByNamespaceRequest,
            220 | 222 => ResetOffsetRequest,
            221 | 223 => GetConsumerStatusRequest,
            224 => GetTopicsByClusterRequest,
            303 => QueryConsumeTimeSpanRequest,
            307 => GetConsumerRunningInfoRequest,
            309 => ConsumeMessageDirectlyRequest,
            314 => CloneGroupOffsetRequest,
            315 => ViewBrokerStatsDataRequest,
            317 => GetBrokerConsumeStatsRequest,
            321 => QueryConsumeQueueRequest,
            343 | 352 => GroupRequest,
            345 => QuerySubscriptionByConsumerRequest,
            901 => GetBrokerMemberGroupRequest,
            200_050 => PopMessageRequest,
        }
        answers {
            10 | 310 | 320 => SendMessageResponse,
            11 | 361 => PullMessageResponse,
            12 => QueryMessageResponse,
            14 | 29 | 30 | 31 => OffsetResponse,
            21 => GetAllTopicConfigResponse,
            26 => GetBrokerConfigResponse,
            32 => GetEarliestMsgStoretimeResponse,
            34 => HeartbeatResponse,
            101 => GetKvConfigResponse,
            103 => RegisterBrokerResponse,
            201 => GetAllSubscriptionGroupResponse,
            205 => WipeWritePermResponse,
            322 => QueryDataVersionResponse,
            327 => AddWritePermResponse,
            200_050 => PopMessageResponse,
        }
    }
}

/// Fields that travel beside a request's own header.
fn stands_alone(name: &str, frame: &Recorded) -> bool {
    match frame.request_code {
        12 if name == "_UNIQUE_KEY_QUERY" => true,
        // So 4.9 says for `cleanOffset`; no server of 5.5.0 reads it.
        207 if name == "removeOffset" => true,
        // A lite pull consumer marks its requests; nobody reads that.
        _ => ["ns", "nsd", "bname", "oway", "lo", "ReqT"].contains(&name),
    }
}

/// A refused send says no more than where and whether it is traced.
fn is_refused_send(frame: &Recorded) -> bool {
    frame.kind == Kind::Response && [10, 310, 320].contains(&frame.request_code) && frame.code != 0
}

/// The recorder asked by key without a key. Apache fails over that, too.
fn is_query_without_key(frame: &Recorded, error: &FieldError) -> bool {
    frame.kind == Kind::Request && frame.request_code == 12 && *error == FieldError::Missing("key")
}

/// An absent field of a Java primitive is written with its value.
fn is_default(value: &str) -> bool {
    ["false", "0", "-1"].contains(&value)
}

#[test]
fn typed_headers_come_back_with_the_same_fields() {
    let mut wrong = Vec::new();
    for frame in FRAMES.iter() {
        frame.decoded(|header, _| {
            let mut before = map_of(&header.fields);
            before.retain(|name, _| !stands_alone(name, frame));
            // Failures carry none of the answer's fields.
            if is_refused_send(frame) || (frame.kind == Kind::Response && before.is_empty()) {
                return;
            }
            let after = match written_again(frame, &header.fields) {
                Some(Ok(after)) => after,
                Some(Err(error)) if is_query_without_key(frame, &error) => return,
                Some(Err(error)) => return wrong.push(format!("{}: {error}", frame.name)),
                None if before.is_empty() => return,
                None => {
                    return wrong.push(format!("{} has no type, but fields: {before:?}", frame.name));
                }
            };
            for (name, value) in &before {
                if after.get(name) != Some(value) {
                    wrong.push(format!("{}: {name}={value:?} became {:?}", frame.name, after.get(name)));
                }
            }
            let extra = |name: &str| !before.contains_key(name) && !stands_alone(name, frame);
            for (name, value) in after.iter().filter(|(name, value)| extra(name) && !is_default(value)) {
                wrong.push(format!("{}: {name}={value:?} came out of nothing", frame.name));
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
