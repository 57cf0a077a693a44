use super::*;

#[test]
fn a_handle_reads_as_java_writes_it() {
    let text = "12 1700000000000 60000 3 1 broker-a 0 14";
    let handle = Handle::parse(text).unwrap();
    assert_eq!((handle.start, handle.revive_queue, handle.broker), (12, 3, "broker-a"));
    assert_eq!(handle.due_ms(), 1_700_000_060_000);
    assert_eq!(handle.write(TopicKind::RetryV1, 0, 14), text);
    assert!(!handle.is_ordered());
}

#[test]
fn what_is_no_handle_is_refused() {
    for text in ["", "1", "a b c d e f g h", "1 2 3 4", "1 2 3 4 0", "1 2 3 99999999999 0 b", "1  2 3 4 0 b"] {
        assert_eq!(Handle::parse(text), Err(BadHandle(text.to_owned())), "{text:?}");
    }
}

#[test]
fn offset_information_lists_queues_and_their_messages() {
    let mut info = OffsetInfo::default();
    info.add(TopicKind::RetryV1, 0, 3, &[3]);
    info.add(TopicKind::Normal, 2, 10, &[10, 12]);
    assert_eq!(info.start, "1 0 3;0 2 10");
    assert_eq!(info.messages, "1 0 3;0 2 10,12");
    info.add_counts(TopicKind::Normal, 2, &[(10, 1)], 0);
    assert_eq!(info.order_counts, "0 qo2%10 1;0 2 0");
}
