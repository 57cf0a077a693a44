use super::*;

fn checkpoint() -> Checkpoint {
    Checkpoint {
        place: Place::new("orders", "g", 2),
        start: 10,
        pop_ms: 1_700_000_000_000,
        invisible_ms: 60_000,
        offsets: vec![10, 12],
        suspended: false,
        holder: None,
    }
}

#[test]
fn a_checkpoint_reads_as_java_writes_it() {
    let entry = Entry::Checkpoint(checkpoint());
    let text = String::from_utf8(entry.encode("broker-a").into()).unwrap();
    let java = r#"{"bm":0,"bn":"broker-a","c":"g","d":[0,2],"it":60000,"n":2,"pt":1700000000000,"q":2,"ro":0,"so":10,"sp":false,"t":"orders"}"#;
    assert_eq!(text, java);
    assert_eq!(Entry::decode("ck", java.as_bytes()).unwrap(), entry);
    assert_eq!(entry.unique_key("broker-a"), "orders@2@10@g@1700000000000@broker-a@ck");
}

#[test]
fn who_holds_a_message_is_kept() {
    let holder = Some(Holder { client: "c@1".into(), renewals: 3 });
    let entry = Entry::Checkpoint(Checkpoint { holder, ..checkpoint() });
    assert_eq!(Entry::decode("ck", &entry.encode("broker-a")).unwrap(), entry);
}

#[test]
fn an_old_checkpoint_has_its_messages_side_by_side_and_some_may_be_done() {
    let java = r#"{"bm":2,"c":"g","it":1,"n":3,"pt":5,"q":0,"so":7,"t":"t"}"#;
    let Entry::Checkpoint(read) = Entry::decode("ck", java.as_bytes()).unwrap() else { panic!() };
    assert_eq!(read.offsets, [7, 9]);
}

#[test]
fn acknowledgements_read_as_java_writes_them() {
    let key = DeliveryKey { place: Place::new("orders", "g", 2), start: 10, pop_ms: 5 };
    let one = Entry::Ack { key: key.clone(), offsets: vec![12] };
    let java = r#"{"ao":12,"bn":"b","c":"g","pt":5,"q":2,"so":10,"t":"orders"}"#;
    assert_eq!(String::from_utf8(one.encode("b").into()).unwrap(), java);
    assert_eq!(Entry::decode("ack", java.as_bytes()).unwrap(), one);
    let long = r#"{"ackOffset":12,"brokerName":"b","consumerGroup":"g","popTime":5,"queueId":2,"startOffset":10,"topic":"orders"}"#;
    assert_eq!(Entry::decode("ack", long.as_bytes()).unwrap(), one, "the long names of older brokers");
    let two = Entry::Ack { key, offsets: vec![10, 12] };
    assert_eq!(two.tag(), "bAck");
    assert_eq!(Entry::decode("bAck", &two.encode("b")).unwrap(), two);
}

#[test]
fn an_unknown_tag_is_no_entry() {
    assert!(matches!(Entry::decode("else", b"{}"), Err(EntryError::Tag(_))));
    assert!(Entry::decode("ck", b"nonsense").is_err());
}
