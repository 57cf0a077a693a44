use super::*;

const ALL: [MessageType; 8] = [
    MessageType::Unspecified,
    MessageType::Normal,
    MessageType::Fifo,
    MessageType::Delay,
    MessageType::Transaction,
    MessageType::Priority,
    MessageType::Lite,
    MessageType::Mixed,
];

#[test]
fn a_topic_is_meant_for_what_its_attribute_says() {
    for kind in ALL {
        let attributes = [(ATTRIBUTE.to_owned(), kind.to_string())].into();
        assert_eq!(MessageType::of_topic(&TopicConfig { attributes, ..TopicConfig::default() }), kind);
    }
    assert_eq!(MessageType::of_topic(&TopicConfig::default()), MessageType::Normal);
}

#[test]
fn a_message_is_of_the_first_kind_that_its_properties_speak_of() {
    let in_order = [
        ("TRAN_MSG\u{1}true\u{2}", MessageType::Transaction),
        ("DELAY\u{1}3\u{2}", MessageType::Delay),
        ("__SHARDINGKEY\u{1}k\u{2}", MessageType::Fifo),
        ("_SYS_MSG_PRIORITY_\u{1}1\u{2}", MessageType::Priority),
        ("__LITE_TOPIC\u{1}l\u{2}", MessageType::Lite),
        ("KEYS\u{1}k\u{2}", MessageType::Normal),
    ];
    for (index, (_, expected)) in in_order.iter().enumerate() {
        let text: String = in_order[index..].iter().rev().map(|(text, _)| *text).collect();
        assert_eq!(MessageType::of_message(Properties(text.as_bytes())), *expected, "{text}");
    }
    for name in ["TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"] {
        let text = format!("{name}\u{1}1\u{2}");
        assert_eq!(MessageType::of_message(Properties(text.as_bytes())), MessageType::Delay, "{name}");
    }
    assert_eq!(MessageType::of_message(Properties(b"TRAN_MSG\x01false\x02")), MessageType::Normal);
}

#[test]
fn only_a_mixed_topic_gets_other_kinds_than_its_own() {
    for (expected, actual) in ALL.into_iter().flat_map(|one| ALL.map(|other| (one, other))) {
        let may = actual != MessageType::Unspecified && (expected == actual || expected == MessageType::Mixed);
        assert_eq!(expected.accepts(actual).is_ok(), may, "{expected} {actual}");
    }
    assert_eq!(
        MessageType::Normal.accepts(MessageType::Fifo).unwrap_err().to_string(),
        "TopicMessageType validate failed, the expected type is NORMAL, but actual type is FIFO"
    );
}
