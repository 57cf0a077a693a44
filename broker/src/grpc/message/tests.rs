use super::*;

#[test]
fn milliseconds_survive_the_round_trip() {
    for ms in [0, 1, 999, 1_000, 1_700_000_000_123, -1, -1_001] {
        assert_eq!(milliseconds(timestamp(ms)), ms);
    }
}

#[test]
fn a_messages_kind_follows_from_its_properties() {
    let of = |names: &[&str]| {
        let mut properties = PropertyList::default();
        names.iter().for_each(|name| properties.set(*name, "true"));
        kind(&properties)
    };
    assert_eq!(of(&[]), MessageType::Normal);
    assert_eq!(of(&["__SHARDINGKEY"]), MessageType::Fifo);
    assert_eq!(of(&["__SHARDINGKEY", "DELAY"]), MessageType::Delay);
    assert_eq!(of(&["TIMER_DELIVER_MS", "TRAN_MSG"]), MessageType::Transaction);
    assert_eq!(of(&["_SYS_MSG_PRIORITY_"]), MessageType::Priority);
    assert_eq!(of(&["__LITE_TOPIC"]), MessageType::Lite);
}
