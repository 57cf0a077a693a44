use super::*;

fn changed(current: Option<&str>, changes: &str) -> Result<Attributes, AttributeError> {
    let current = current.map(|text| change(TOPIC, None, &parse(text).unwrap()).unwrap());
    change(TOPIC, current.as_ref(), &parse(changes)?)
}

#[test]
fn attributes_are_set_changed_and_removed() {
    let set = changed(None, "+message.type=FIFO, +reserve.time=3600").unwrap();
    assert_eq!(set["message.type"], "FIFO");
    assert_eq!(changed(Some("+message.type=FIFO"), "+message.type=DELAY").unwrap()["message.type"], "DELAY");
    assert!(changed(Some("+message.type=FIFO"), "-message.type").unwrap().is_empty());
    assert!(changed(None, "").unwrap().is_empty());
}

#[test]
fn groups_have_attributes_of_their_own() {
    let changes = parse("+priority.factor=50").unwrap();
    assert!(change(GROUP, None, &changes).is_ok());
    assert!(change(TOPIC, None, &changes).is_err());
}

#[test]
fn refusals_read_as_apache_writes_them() {
    let cases: &[(Option<&str>, &str, &str)] = &[
        (None, "+colour=red", "unsupported key: colour"),
        (
            None,
            "+message.type=fifo",
            "value is not in set: [UNSPECIFIED, MIXED, TRANSACTION, PRIORITY, FIFO, DELAY, LITE, NORMAL]",
        ),
        (None, "+queue.type=x", "value is not in set: [SimpleCQ, BatchCQ]"),
        (None, "+reserve.time=soon", "For input string: \"soon\""),
        (None, "+reserve.time=-5", "value is not in range(-1, 9223372036854775807)"),
        (None, "-message.type", "only add attribute is supported while creating topic. key: message.type"),
        (None, "message.type=FIFO", "add/alter attribute format is wrong: message.type"),
        (None, "+message.type=", "add/alter attribute format is wrong: +message.type"),
        (None, "message.type", "delete attribute format is wrong: message.type"),
        (None, "+message.type=FIFO,+message.type=NORMAL", "key duplication: +message.type"),
        (None, "+a+b=1", "kv string format wrong."),
        (None, "+=1", "kv string format wrong."),
        (Some(""), "a+b=1", "kv string format wrong."),
        (Some(""), "+queue.type=SimpleCQ", "attempt to update an unchangeable attribute. key: queue.type"),
        (Some("+queue.type=SimpleCQ"), "-queue.type", "attempt to update an unchangeable attribute. key: queue.type"),
        (Some(""), "-message.type", "attempt to delete a nonexistent key: message.type"),
        (Some("+message.type=FIFO"), "+message.type=FIFO,-message.type", "alter duplication key. key: message.type"),
        (None, "+queue.type=BatchCQ", "queue.type=BatchCQ is not supported by this broker yet"),
        (None, "+cleanup.policy=COMPACTION", "cleanup.policy=COMPACTION is not supported by this broker yet"),
    ];
    for (current, changes, remark) in cases {
        assert_eq!(changed(*current, changes).unwrap_err().to_string(), *remark, "{current:?} {changes}");
    }
    let changes = parse("+lite.sub.reset.offset.exclusive=maybe").unwrap();
    assert_eq!(change(GROUP, None, &changes).unwrap_err().to_string(), "boolean attribute format is wrong.");
}
