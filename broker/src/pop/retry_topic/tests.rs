use super::*;

#[test]
fn retry_topics_are_named_and_traced_back() {
    assert_eq!(v1("orders", "g"), "%RETRY%g_orders");
    assert_eq!(v2("orders", "g"), "%RETRY%g+orders");
    for retry in [v1("a_b", "g_1"), v2("a_b", "g_1")] {
        assert_eq!(original(&retry, "g_1"), "a_b");
    }
    assert_eq!(original("orders", "g"), "orders");
    assert_eq!(original("%RETRY%g", "g"), "%RETRY%g", "the retry topic of those who pull");
}

#[test]
fn a_handle_tells_the_three_kinds_apart() {
    assert_eq!(TopicKind::of("orders").to_string(), "0");
    assert_eq!(TopicKind::of("%RETRY%g_orders").to_string(), "1");
    assert_eq!(TopicKind::of("%RETRY%g+orders").to_string(), "2");
    assert_eq!(TopicKind::parse("2"), Some(TopicKind::RetryV2));
    assert_eq!(TopicKind::parse("3"), None);
}
