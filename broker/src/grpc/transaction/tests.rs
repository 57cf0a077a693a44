use super::*;

#[test]
fn an_id_says_where_the_message_lies() {
    let id = TransactionId { queue_offset: QueueOffset(17), physical: PhysicalOffset(1 << 40) };
    let text = id.encode("01-ABC");
    assert_eq!(text, "11-10000000000-01-ABC");
    assert_eq!(TransactionId::decode(&text), Some(id));
    for text in ["", "1", "1-", "x-1-m", "-1-1-m", "1--1"] {
        assert_eq!(TransactionId::decode(text), None, "{text}");
    }
}
