//! The codecs against each other, against serde_json, against bytes that Java wrote, and against
//! bytes that nobody should write.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::frame::{self, Frame, FrameLimits, PREFIX_BYTES};

/// Frames that the Apache jars wrote: name, encoding, hexadecimal bytes.
const JAVA_FRAMES: &str = include_str!("../../tests/golden/frames.tsv");

/// A header as a value of its own.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    code: i32,
    language: Language,
    version: i32,
    opaque: i32,
    flag: i32,
    remark: Option<String>,
    fields: BTreeMap<String, Option<String>>,
}

impl Plain {
    fn of(header: &Header<'_>) -> Self {
        Self {
            code: header.code,
            language: header.language,
            version: header.version.0,
            opaque: header.opaque,
            flag: header.flag,
            remark: header.remark.map(str::to_owned),
            fields: header.fields.iter().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect(),
        }
    }

    fn decode(encoding: Encoding, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut bytes = bytes.to_vec();
        decode(encoding, &mut bytes, &mut Vec::new()).map(|header| Self::of(&header))
    }

    fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let preamble = Preamble {
            encoding,
            code: self.code,
            opaque: self.opaque,
            flag: self.flag,
            version: Version(self.version),
            remark: self.remark.as_deref(),
        };
        let fields: Vec<_> =
            self.fields.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect();
        let mut out = b"what was there before".to_vec();
        let start = out.len();
        encode(&mut out, &preamble, fields.as_slice(), 0).expect("it fits");
        out.split_off(start + PREFIX_BYTES)
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "code": self.code, "flag": self.flag, "language": "JAVA", "opaque": self.opaque,
            "serializeTypeCurrentRPC": "JSON", "version": self.version,
        });
        if let Some(remark) = &self.remark {
            value["remark"] = json!(remark);
        }
        if !self.fields.is_empty() {
            value["extFields"] = json!(self.fields);
        }
        value
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let text = || any::<String>();
    (
        any::<(i32, i32, i32)>(),
        0..=513,
        proptest::option::of(text()),
        proptest::collection::btree_map(text(), text().prop_map(Some), 0..20),
    )
        .prop_map(|((code, opaque, flag), version, remark, fields)| Plain {
            code,
            language: Language::JAVA,
            version,
            opaque,
            flag,
            remark,
            fields,
        })
}

/// What the binary encoding can carry: 16 bits of code, and no empty texts.
fn binary_plain() -> impl Strategy<Value = Plain> {
    plain().prop_map(|plain| {
        let code = i32::from(plain.code as i16);
        let flag = plain.flag;
        let code = if flag & FLAG_RESPONSE == 0 { RequestCode::from_low_bits(code as i16).0 } else { code };
        let remark = plain.remark.filter(|remark| !remark.is_empty());
        let fields = plain.fields.into_iter().filter(|(name, _)| !name.is_empty());
        let fields = fields.map(|(name, value)| (name, value.filter(|value| !value.is_empty())));
        Plain { code, remark, fields: fields.filter(|(_, value)| value.is_some()).collect(), ..plain }
    })
}

proptest! {
    #[test]
    fn json_round_trip(plain in plain()) {
        prop_assert_eq!(Plain::decode(Encoding::Json, &plain.encode(Encoding::Json)), Ok(plain));
    }

    #[test]
    fn binary_round_trip(plain in binary_plain()) {
        prop_assert_eq!(Plain::decode(Encoding::Binary, &plain.encode(Encoding::Binary)), Ok(plain));
    }

    #[test]
    fn what_we_write_is_what_serde_json_reads(plain in plain()) {
        let written: Value = serde_json::from_slice(&plain.encode(Encoding::Json)).expect("JSON");
        prop_assert_eq!(written, plain.json());
    }

    #[test]
    fn what_serde_json_writes_is_what_we_read(plain in plain(), pretty: bool, junk in any_json()) {
        let mut json = plain.json();
        json["somethingNew"] = junk;
        let text = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) };
        prop_assert_eq!(Plain::decode(Encoding::Json, &text.expect("JSON")), Ok(plain));
    }

    #[test]
    fn field_values_of_any_kind_are_their_text(value in any_json()) {
        let text = json!({"code": 1, "extFields": {"a": value}}).to_string();
        let expected = match &value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let decoded = Plain::decode(Encoding::Json, text.as_bytes()).expect("decodes");
        prop_assert_eq!(&decoded.fields["a"], &expected);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let _ = Plain::decode(encoding, &bytes);
        }
        let _ = frame::split(&bytes, &FrameLimits::default());
    }

    #[test]
    fn mutated_java_frames_never_panic(
        which in 0..JAVA_FRAMES.lines().count(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let (_, encoding, mut bytes) = java_frames().nth(which).expect("there are as many");
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(PREFIX_BYTES + cut.index(bytes.len() - PREFIX_BYTES));
        let _ = Plain::decode(encoding, &bytes[PREFIX_BYTES..]);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn java_frames() -> impl Iterator<Item = (&'static str, Encoding, Vec<u8>)> {
    JAVA_FRAMES.lines().map(|line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("three columns");
        let name = column();
        let encoding = if column() == "JSON" { Encoding::Json } else { Encoding::Binary };
        let digits = column().as_bytes().chunks(2);
        let bytes = digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
        (name, encoding, bytes.collect())
    })
}

#[test]
fn java_frames_are_read_and_written_alike() {
    for (name, encoding, bytes) in java_frames() {
        let whole = frame::split(&bytes, &FrameLimits::default()).expect("a frame");
        let Frame::Whole { encoding: marked, header_end, end } = whole else { panic!("{name}: {whole:?}") };
        assert_eq!((marked, end), (encoding, bytes.len()), "{name}");
        let mut header_bytes = bytes[PREFIX_BYTES..header_end].to_vec();
        let mut slots = Vec::new();
        let header = decode(encoding, &mut header_bytes, &mut slots).expect("decodes");
        let preamble = Preamble {
            encoding,
            code: header.code,
            opaque: header.opaque,
            flag: header.flag,
            version: header.version,
            remark: header.remark,
        };
        let mut ours = Vec::new();
        encode(&mut ours, &preamble, &header.fields, end - header_end).expect("it fits");
        assert_eq!(ours, bytes[..header_end], "{name} {}", String::from_utf8_lossy(&ours));
    }
}

#[test]
fn both_encodings_of_java_frames_say_the_same() {
    let frames: Vec<_> = java_frames().collect();
    for pair in frames.chunks(2) {
        let header = |(_, encoding, bytes): &(&str, Encoding, Vec<u8>)| {
            let Ok(Frame::Whole { header_end, .. }) = frame::split(bytes, &FrameLimits::default()) else {
                panic!("a whole frame");
            };
            Plain::decode(*encoding, &bytes[PREFIX_BYTES..header_end])
        };
        assert_eq!(header(&pair[0]), header(&pair[1]), "{}", pair[0].0);
    }
}

#[test]
fn a_binary_pop_request_gets_its_code_back() {
    let pop = java_frames().find(|(name, encoding, _)| *name == "pop" && *encoding == Encoding::Binary);
    let (_, encoding, bytes) = pop.expect("there is one");
    let header = Plain::decode(encoding, &bytes[PREFIX_BYTES..]).expect("decodes");
    assert_eq!(header.code, RequestCode::POP_MESSAGE.0);
}

fn json_header(text: &str) -> Result<Plain, DecodeError> {
    Plain::decode(Encoding::Json, text.as_bytes())
}

#[test]
fn oddities_of_real_clients() {
    let header = json_header(
        r#" { "remark":null, "version" : "317", "language":"GO","opaque":5,"flag":0,"code":11,
        "extFields":{"queueId":0,"unitMode":false,"commitOffset":-1,"order":null,"topic":"\u4e2d\ud83d\ude00/\/\b"} } "#,
    )
    .expect("decodes");
    assert_eq!((header.code, header.version, header.opaque), (11, 317, 5));
    assert_eq!((header.language, header.remark), (Language::GO, None));
    let field = |name: &str| header.fields[name].as_deref();
    assert_eq!(field("queueId"), Some("0"));
    assert_eq!(field("unitMode"), Some("false"));
    assert_eq!(field("commitOffset"), Some("-1"));
    assert_eq!(field("order"), None);
    assert_eq!(field("topic"), Some("中😀//\u{8}"));
    assert_eq!(json_header(r#"{"code":1,"language":9}"#).map(|header| header.language), Ok(Language::GO));
    assert_eq!(json_header(r#"{"code":1,"language":"KLINGON"}"#).map(|header| header.language), Ok(Language::OTHER));
    assert_eq!(json_header("{}").map(|header| header.code), Ok(0));
    assert_eq!(json_header(r#"{"code":1,"extFields":null}"#).map(|header| header.fields), Ok(BTreeMap::new()));
    assert_eq!(json_header("{\"remark\":\"a\u{1}\n\"}").map(|header| header.remark), Ok(Some("a\u{1}\n".into())));
}

#[test]
fn half_surrogates_become_replacement_characters() {
    for (text, expected) in [
        (r"\ud800", "\u{fffd}"),
        (r"\udc00x", "\u{fffd}x"),
        (r"\ud800\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83dx\ude00", "\u{fffd}x\u{fffd}"),
        (r"\ud800\n", "\u{fffd}\n"),
    ] {
        let header = json_header(&format!(r#"{{"remark":"{text}"}}"#)).expect("decodes");
        assert_eq!(header.remark.as_deref(), Some(expected));
    }
}

#[test]
fn malformed_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[]",
        "{\"code\"}",
        "{\"code\":}",
        "{\"code\":1",
        "{\"code\":1}x",
        "{\"code\":\"x\"}",
        "{\"code\":1.5}",
        "{\"code\":99999999999}",
        "{\"code\":1,}",
        "{code:1}",
        "{\"a\":tru}",
        "{\"a\":[}",
        "{\"a\":{]}",
        "{\"remark\":\"\\x\"}",
        "{\"remark\":\"\\u12",
        "{\"remark\":\"\\u12g4\"}",
        "{\"remark\":\"\\",
        "{\"remark\":\"",
        "{\"extFields\":7}",
        "{\"extFields\":{\"a\"",
        "{\"a\":\"\\",
        "{\"a\":]}",
        "{,}",
    ] {
        assert!(matches!(json_header(text), Err(DecodeError::Json { .. })), "{text}");
    }
    assert!(matches!(Plain::decode(Encoding::Json, b"{\"remark\":\"\xc3\"}"), Err(DecodeError::Utf8 { at: 11 })));
    let hidden = b"{\"remark\":\"\\n\xa9\"}";
    assert!(matches!(Plain::decode(Encoding::Json, hidden), Err(DecodeError::Utf8 { .. })));
}

#[test]
fn nesting_and_fields_are_limited() {
    let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(json_header(&nested(32)).is_ok());
    assert!(json_header(&nested(33)).is_err());
    assert!(json_header(&nested(100_000)).is_err());
    let many = |count| {
        let fields: Vec<_> = (0..count).map(|number| format!("\"{number}\":1")).collect();
        format!("{{\"extFields\":{{{}}}}}", fields.join(","))
    };
    assert!(json_header(&many(MAX_FIELDS)).is_ok());
    assert_eq!(json_header(&many(MAX_FIELDS + 1)), Err(DecodeError::TooManyFields));
}

#[test]
fn malformed_binary_is_refused() {
    let whole = binary(b"remark", &[0, 1, b'a', 0, 0, 0, 1, b'b']);
    assert!(Plain::decode(Encoding::Binary, &whole).is_ok());
    for length in 0..whole.len() {
        assert!(matches!(Plain::decode(Encoding::Binary, &whole[..length]), Err(DecodeError::Binary(_))), "{length}");
    }
    let negative = binary(b"", &[0xff, 0xff, b'a', 0, 0, 0, 1, b'b']);
    assert_eq!(Plain::decode(Encoding::Binary, &negative), Err(DecodeError::Binary("a length is negative")));
    let not_text = binary(b"\xff", &[]);
    assert!(matches!(Plain::decode(Encoding::Binary, &not_text), Err(DecodeError::Utf8 { .. })));
}

#[test]
fn an_empty_binary_value_is_null_and_what_follows_is_ignored() {
    let mut bytes = binary(b"", &[0, 1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'x']);
    bytes.extend_from_slice(b"\xff\xff");
    let header = Plain::decode(Encoding::Binary, &bytes).expect("decodes");
    assert_eq!(header.fields, BTreeMap::from([("a".to_owned(), None)]));
}

/// A binary header with these parts.
fn binary(remark: &[u8], fields: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 11, 9, 1, 0x3d, 0, 0, 0, 1, 0, 0, 0, 0];
    for part in [remark, fields] {
        bytes.extend_from_slice(&(part.len() as i32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[test]
fn json_has_javas_shape_and_escapes() {
    let mut out = Vec::new();
    let preamble = Preamble {
        encoding: Encoding::Json,
        code: 105,
        opaque: 0,
        flag: 0,
        version: Version::CURRENT,
        remark: Some("\0\u{1}\u{1f}\u{8}\t\n\u{c}\r\"\\/\u{7f}é😀\u{2028}"),
    };
    encode(&mut out, &preamble, [("topic", "T")].as_slice(), 0).expect("it fits");
    let expected = r#"{"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":0,"remark":"\u0000\u0001\u001f\b\t\n\f\r\"\\/DELé😀LS","serializeTypeCurrentRPC":"JSON","version":513}"#;
    let expected = expected.replace("DEL", "\u{7f}").replace("LS", "\u{2028}");
    assert_eq!(String::from_utf8(out.split_off(PREFIX_BYTES)).expect("text"), expected);
}

#[test]
fn a_header_beyond_the_frames_limits_is_an_error_and_leaves_no_trace() {
    let remark = "x".repeat(MAX_ENCODED_HEADER_BYTES);
    let mut preamble = Preamble {
        encoding: Encoding::Binary,
        code: 0,
        opaque: 0,
        flag: 0,
        version: Version::CURRENT,
        remark: Some(&remark),
    };
    let mut out = vec![1];
    let error = encode(&mut out, &preamble, &(), 0);
    assert_eq!(error, Err(EncodeError::HeaderTooLong { bytes: MAX_ENCODED_HEADER_BYTES + 21 }));
    preamble.remark = None;
    let error = encode(&mut out, &preamble, &(), i32::MAX as usize);
    assert_eq!(error, Err(EncodeError::BodyTooLong { bytes: i32::MAX as usize }));
    assert_eq!(out, [1]);
}
