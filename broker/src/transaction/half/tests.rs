use std::net::SocketAddr;

use bolide_store::record::MAGIC_V1;

use super::*;
use crate::message::PropertyList;

const HOST: [u8; 8] = [127, 0, 0, 1, 0, 0, 42, 159];

/// A message as the producer sends it, with these properties beside its own.
fn sent(properties: &[(&str, &str)]) -> Message {
    let mut list = PropertyList::default();
    for (name, value) in [("TRAN_MSG", "true"), ("PGROUP", "g"), ("UNIQ_KEY", "id")].iter().chain(properties) {
        list.set(*name, *value);
    }
    Message {
        topic: "orders".to_owned(),
        queue: QueueId(3),
        flag: 9,
        sys_flag: sys_flag::PREPARED | sys_flag::COMPRESSED,
        born_ms: 100,
        born_host: SocketAddr::from(([127, 0, 0, 1], 10_911)),
        reconsume_times: 0,
        prepared_offset: 0,
        body: Bytes::from_static(b"body"),
        properties: list.into_owned(),
    }
}

/// The record of a message, at these offsets.
fn record(message: &Message, queue_offset: i64, physical: i64) -> Bytes {
    let properties = message.properties.encode();
    let mut out = vec![0; 4];
    for word in [MAGIC_V1, 0, message.queue.0 as u32, message.flag as u32] {
        out.extend(word.to_be_bytes());
    }
    out.extend(queue_offset.to_be_bytes());
    out.extend(physical.to_be_bytes());
    out.extend(message.sys_flag.to_be_bytes());
    out.extend(message.born_ms.to_be_bytes());
    out.extend(HOST);
    out.extend(200i64.to_be_bytes());
    out.extend(HOST);
    out.extend(message.reconsume_times.to_be_bytes());
    out.extend(message.prepared_offset.to_be_bytes());
    out.extend((message.body.len() as u32).to_be_bytes());
    out.extend(&message.body);
    out.push(message.topic.len() as u8);
    out.extend(message.topic.as_bytes());
    out.extend((properties.len() as u16).to_be_bytes());
    out.extend(properties);
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    Bytes::from(out)
}

fn prepared(properties: &[(&str, &str)]) -> Message {
    let mut message = sent(properties);
    prepare(&mut message);
    message
}

#[test]
fn a_half_message_hides_where_it_belongs() {
    let message =
        prepared(&[("TRANSACTION_CHECK_TIMES", "9"), ("TRAN_PREPARED_QUEUE_OFFSET", "1"), ("REAL_TOPIC", "forged")]);
    assert_eq!(
        (message.topic.as_str(), message.queue, message.sys_flag),
        (HALF_TOPIC, QueueId(0), sys_flag::COMPRESSED)
    );
    let property = |name| message.properties.get(name);
    assert_eq!((property("REAL_TOPIC"), property("REAL_QID")), (Some("orders"), Some("3")));
    assert_eq!(property("__transactionId__"), Some("id"));
    assert_eq!((property("TRANSACTION_CHECK_TIMES"), property("TRAN_PREPARED_QUEUE_OFFSET")), (None, None));
}

#[test]
fn a_committed_message_is_the_one_that_was_sent() {
    let half = prepared(&[("KEYS", "k"), ("DELAY", "3")]);
    let stored = record(&half, 17, 4_096);
    let message = commit(&stored, &RecordView::parse(&stored).unwrap()).unwrap();
    let mut expected = sent(&[("KEYS", "k"), ("DELAY", "3"), ("__transactionId__", "id")]);
    expected.sys_flag = sys_flag::COMPRESSED | sys_flag::COMMIT;
    expected.prepared_offset = 4_096;
    assert_eq!(message, expected);
}

#[test]
fn a_half_message_without_a_target_is_not_committed() {
    for broken in [("REAL_QID", "-1"), ("REAL_QID", "x"), ("REAL_TOPIC", "")] {
        let mut half = prepared(&[]);
        half.properties.set(broken.0, broken.1);
        let stored = record(&half, 0, 0);
        assert_eq!(commit(&stored, &RecordView::parse(&stored).unwrap()), None, "{broken:?}");
    }
}

#[test]
fn the_books_know_a_copy_by_its_origin() {
    let first = record(&prepared(&[("CHECK_IMMUNITY_TIME_IN_SECONDS", "30")]), 17, 4_096);
    let view = RecordView::parse(&first).unwrap();
    let known = entry(&view);
    assert_eq!((known.offset, known.origin, known.checks, known.immunity_ms), (17, 17, 0, Some(30_000)));
    assert_eq!((&*known.group, known.physical, known.born_ms, known.stored_ms), ("g", 4_096, 100, 200));
    let again = record(&copy(&first, &view, &known, 1), 20, 8_192);
    let known = entry(&RecordView::parse(&again).unwrap());
    assert_eq!((known.offset, known.origin, known.checks), (20, 17, 1));
    let mut forged = prepared(&[]);
    forged.properties.set(key::ORIGIN, "21");
    assert_eq!(origin(&RecordView::parse(&record(&forged, 20, 0)).unwrap()), 20, "no copy comes before its origin");
}

#[test]
fn a_producer_is_shown_its_own_topic() {
    let stored = record(&prepared(&[("KEYS", "k")]), 17, 4_096);
    let view = RecordView::parse(&stored).unwrap();
    for topic in ["orders".to_owned(), "t".repeat(127), "t".repeat(200)] {
        let shown = for_producer(&view, &topic, QueueId(3));
        let shown = RecordView::parse(&shown).unwrap();
        assert_eq!((shown.topic(), shown.queue()), (topic.as_str(), QueueId(3)));
        assert_eq!((shown.queue_offset(), shown.physical_offset()), (view.queue_offset(), view.physical_offset()));
        assert_eq!((shown.body(), shown.properties().0), (view.body(), view.properties().0));
    }
}
