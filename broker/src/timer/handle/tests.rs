use super::*;

#[test]
fn a_handle_is_what_apaches_clients_expect() {
    let text = RecallHandle::encode("orders", "broker-a", 1_700_000_000_000, "7F0000010001");
    // Made with Java's own encoder.
    assert_eq!(text, "djEgb3JkZXJzIGJyb2tlci1hIDE3MDAwMDAwMDAwMDEgN0YwMDAwMDEwMDAx");
    let handle = RecallHandle::decode(&text).unwrap();
    assert_eq!((handle.topic.as_str(), handle.broker.as_str()), ("orders", "broker-a"));
    assert_eq!((handle.time_ms, handle.unique_key.as_str()), (1_700_000_000_001, "7F0000010001"));
}

#[test]
fn what_is_no_handle_is_none() {
    for text in
        ["", "!!!", "djE=", &BASE64.encode("v2 t b 1 k"), &BASE64.encode("v1 t b 1"), &BASE64.encode("v1 t b 1 ")]
    {
        assert_eq!(RecallHandle::decode(text), None, "{text}");
    }
    assert_eq!(RecallHandle::decode(&BASE64.encode("v1 t b soon k")).unwrap().time_ms, -1);
    assert_eq!(RecallHandle::decode(BASE64.encode("v1 t b 1 kk").trim_end_matches('=')).unwrap().unique_key, "kk");
}
