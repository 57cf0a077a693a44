use super::*;

#[test]
fn reads_what_apache_wrote_and_writes_the_same() {
    let content = r#"{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"broker-a:4;broker-b:4"},"empty":{}}}"#;
    let table = KvConfig::from_json(content.as_bytes()).unwrap();
    assert_eq!(table.get(ORDER_TOPIC_CONFIG, "T"), Some("broker-a:4;broker-b:4"));
    assert_eq!(table.list("empty").map(BTreeMap::len), Some(0));
    let written: serde_json::Value = serde_json::from_slice(&table.to_json()).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(content).unwrap());
    assert_eq!(KvConfig::from_json(&table.to_json()).unwrap(), table);
}

#[test]
fn puts_replaces_and_deletes() {
    let mut table = KvConfig::default();
    assert_eq!(table.get("n", "k"), None);
    assert_eq!(table.list("n"), None);
    table.put("n", "k", "1").unwrap();
    table.put("n", "k", "2").unwrap();
    assert_eq!(table.get("n", "k"), Some("2"));
    table.delete("n", "k");
    table.delete("n", "k");
    table.delete("other", "k");
    assert_eq!(table.list("n").map(BTreeMap::len), Some(0));
    assert_eq!(table.bytes, 1);
}

#[test]
fn has_a_limit() {
    let mut table = KvConfig::default();
    let value = "v".repeat(MAX_BYTES - 2);
    table.put("n", "k", &value).unwrap();
    assert_eq!(table.put("n", "l", ""), Err(Full));
    table.put("n", "k", &value).unwrap();
    table.delete("n", "k");
    table.put("n", "l", "1").unwrap();
    assert_eq!(table.get("n", "k"), None);
}
