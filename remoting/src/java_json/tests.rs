//! Java's JSON against serde_json where both are standard, and against examples where they are not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    name: String,
    id: i32,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sample {
    numbers: BTreeMap<i64, String>,
    note: Option<String>,
    list: Vec<i32>,
    on: bool,
    size: i32,
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    from_slice(text.as_bytes())
}

fn write(value: &impl Serialize) -> String {
    String::from_utf8(to_vec(value).expect("it has a form")).expect("text")
}

fn write_standard(value: &impl Serialize) -> String {
    String::from_utf8(to_standard_vec(value).expect("it has a form")).expect("text")
}

#[test]
fn number_keys_stand_bare_or_quoted() {
    let sample = Sample { numbers: BTreeMap::from([(0, "a".into()), (-1, "b".into())]), ..Sample::default() };
    let text = r#"{"numbers":{-1:"b",0:"a"},"list":[],"on":false,"size":0}"#;
    let standard = r#"{"numbers":{"-1":"b","0":"a"},"list":[],"on":false,"size":0}"#;
    assert_eq!((write(&sample).as_str(), write_standard(&sample).as_str()), (text, standard));
    assert_eq!(read(text).as_ref(), Ok(&sample));
    assert_eq!(read(standard), Ok(sample));
}

#[test]
fn object_keys_stand_bare_or_quoted() {
    let map = BTreeMap::from([(Key { name: "a\"".into(), id: 1 }, 5), (Key { name: "b".into(), id: 2 }, 6)]);
    let text = r#"{{"name":"a\"","id":1}:5,{"name":"b","id":2}:6}"#;
    assert_eq!(write(&map), text);
    assert_eq!(read(text).as_ref(), Ok(&map));
    assert_eq!(read(&write_standard(&map)).as_ref(), Ok(&map));
    let by_serde_json: BTreeMap<String, i32> = serde_json::from_str(&write_standard(&map)).expect("standard JSON");
    assert_eq!(by_serde_json[r#"{"name":"a\"","id":1}"#], 5);
}

#[test]
fn nulls_are_left_out_and_read_as_defaults() {
    let map = BTreeMap::from([("a", None), ("b", Some(1)), ("c", None)]);
    assert_eq!(write(&map), r#"{"b":1}"#);
    assert_eq!(write(&[None, Some(1)]), "[null,1]");
    assert_eq!(read(r#"{"numbers":null,"note":null,"list":null,"on":null,"size":null}"#), Ok(Sample::default()));
}

#[test]
fn what_fastjson_forgives() {
    let sample = Sample { on: true, size: -7, note: Some("12".into()), list: vec![1, 2], ..Sample::default() };
    let text =
        r#" { "on" : "true" , "size" : "-7" , "note" : 12 , "list" : [ 1 , "2" , ] , "new" : [ { } , null ] , } "#;
    assert_eq!(read(text), Ok(sample));
}

#[test]
fn enums_go_by_name_or_number() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Model {
        #[serde(rename = "BROADCASTING")]
        Broadcasting,
        #[serde(rename = "CLUSTERING")]
        Clustering,
    }
    assert_eq!(write(&Model::Clustering), r#""CLUSTERING""#);
    assert_eq!(read(r#""CLUSTERING""#), Ok(Model::Clustering));
    assert_eq!(read("1"), Ok(Model::Clustering));
    assert!(read::<Model>("2").is_err());
    assert!(read::<Model>(r#""NONE""#).is_err());
}

#[test]
fn doubles_keep_their_fraction() {
    assert_eq!(write(&[0.0, 1.5, f64::NAN]), "[0.0,1.5,null]");
    assert_eq!(read("[0,1.5E3,\"2\"]"), Ok([0.0, 1500.0, 2.0]));
}

#[test]
fn malformed_text_is_refused() {
    for text in [
        "",
        "{",
        "{\"size\":1",
        "{\"size\"}",
        "{\"size\":}",
        "{\"size\":1}}",
        "{\"size\":1 \"on\":true}",
        "[1",
        "{\"list\":[1}",
        "{\"note\":\"",
        "{\"note\":\"\\",
        "{\"note\":\"\\u1\"}",
        "{\"note\":\"\\ud800\\u\"}",
        "{\"size\":\"x\"}",
        "{\"size\":99999999999}",
        "{\"on\":1}",
        "{]",
        "nul",
        "{\"size\":[]}",
        "é",
        "{\"note\":\"\\é\"}",
        "{:1}",
    ] {
        assert!(read::<Sample>(text).is_err(), "{text}");
    }
    assert!(from_slice::<Sample>(b"\"\xff\"").is_err());
}

#[test]
fn nesting_is_limited() {
    let nested = |depth| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(read::<Sample>(&nested(63)).is_ok());
    assert!(read::<Sample>(&nested(64)).is_err());
    assert!(read::<Sample>(&nested(1_000_000)).is_err());
    let keys = "{".repeat(1_000_000);
    assert!(read::<Sample>(&keys).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Short fractions: serde_json does not read long ones exactly.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
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

proptest! {
    #[test]
    fn standard_json_is_read_as_serde_json_reads_it(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        prop_assert_eq!(from_slice::<Value>(&text.expect("JSON")), Ok(value));
    }

    #[test]
    fn what_we_write_is_what_serde_json_reads(value in any_json()) {
        let text = to_vec(&value).expect("it has a form");
        prop_assert_eq!(serde_json::from_slice::<Value>(&text).expect("standard JSON"), value);
    }

    #[test]
    fn random_text_never_panics(text in r#"[\{\}\[\]",:0-9a-z\\ud é-]{0,60}"#) {
        let _ = read::<Sample>(&text);
        let _ = read::<Value>(&text);
        let _ = read::<BTreeMap<Key, Vec<i32>>>(&text);
    }
}
