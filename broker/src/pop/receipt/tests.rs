//! Receipts in a whole broker without sockets: what becomes of messages that clients hold, whatever happens to broker and client.

use std::net::SocketAddr;

use bolide_store::Clock;
use bolide_store::record::RecordView;

use super::super::take::tests::{GROUP, Stage, TOPIC};
use super::super::take::{Reading, take};
use super::super::{revive, revive_topic};
use super::*;
use crate::message::records;

const CLIENT: &str = "client@1";
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
const MINUTE_MS: i64 = 60_000;

/// Takes messages as a push consumer does over gRPC; answers bodies, receipts and how often each was delivered before.
fn hold(stage: &Stage, max: usize, ordered: bool) -> Vec<(String, Receipt, i32)> {
    stage.clock.advance(1);
    let holder = Some(CLIENT.into());
    let wanted = Wanted { holder, ordered, invisible_ms: MINUTE_MS, ..stage.wanted(max) };
    let taken = take(stage.broker(), &wanted, Reading::Disk).unwrap();
    let mut held = Vec::new();
    for batch in &taken.batches {
        for ((_, view), &offset) in records(&batch.records).zip(&batch.offsets) {
            let body = String::from_utf8(view.body().to_vec()).unwrap();
            let receipt = Receipt::of(stage.broker(), &wanted, &taken, batch, offset, view.physical_offset().0);
            let attempts = batch.counts.as_ref().map_or(view.reconsume_times(), |counts| counts.of(offset));
            held.push((body, receipt, attempts));
        }
    }
    held
}

fn read(stage: &Stage, receipt: &Receipt) -> Receipt {
    Receipt::parse(stage.broker(), &receipt.to_string(), TOPIC, GROUP).unwrap()
}

fn is_invalid<T: std::fmt::Debug>(result: Result<T, ReceiptError>) -> bool {
    matches!(result, Err(ReceiptError::Invalid(_)))
}

#[test]
fn a_handle_is_text_with_all_that_is_needed() {
    let stage = Stage::new();
    stage.send(&["a"], "");
    let (_, receipt, _) = hold(&stage, 1, false).remove(0);
    assert_eq!(read(&stage, &receipt), receipt);
    let text = receipt.to_string();
    assert_eq!(text.split(' ').count(), 9, "{text}");
    let foreign = text.replace("broker-a", "broker-b");
    for wrong in ["", "nonsense", &text[..text.len() / 2], &foreign, &text.replace(" 0 broker-a", " 7 broker-a")] {
        assert!(is_invalid(Receipt::parse(stage.broker(), wrong, TOPIC, GROUP)), "{wrong}");
    }
}

#[test]
fn what_a_client_holds_stays_hidden_and_its_handle_good_whatever_the_broker_does() {
    for ordered in [false, true] {
        let mut stage = Stage::new();
        stage.send(&["a", "b"], "");
        let held = hold(&stage, 2, ordered);
        assert_eq!(held.len(), 2);
        let mut connection = stage.broker().grpc.connect(CLIENT, stage.clock.now_ms());
        for second in 0..20 * 60 {
            stage.wait(1_000);
            assert!(hold(&stage, 2, ordered).is_empty(), "{second} s, in order: {ordered}");
            match second {
                // Down for a moment; for longer than messages are hidden; and once more before the client is back.
                100 | 400 => {
                    drop(connection);
                    stage.clock.advance(if second == 100 { 5_000 } else { 45 * MINUTE_MS });
                    stage.crash();
                    stage.wait(20_000);
                    assert!(hold(&stage, 2, ordered).is_empty());
                    stage.crash();
                    stage.wait(30_000);
                    connection = stage.broker().grpc.connect(CLIENT, stage.clock.now_ms());
                }
                300 => {
                    read(&stage, &held[0].1).acknowledge(stage.broker(), PEER).unwrap();
                    write_acknowledged(stage.broker());
                }
                _ => {}
            }
        }
        read(&stage, &held[1].1).acknowledge(stage.broker(), PEER).unwrap();
        write_acknowledged(stage.broker());
        drop(connection);
        stage.crash();
        for _ in 0..4 {
            stage.wait(50 * MINUTE_MS);
            assert!(hold(&stage, 2, ordered).is_empty(), "all is done");
        }
        assert!(is_invalid(read(&stage, &held[1].1).acknowledge(stage.broker(), PEER)), "the handle's time is over");
    }
}

#[test]
fn acknowledgements_that_come_together_are_one_entry_and_count_once_it_is_written() {
    for written in [true, false] {
        let mut stage = Stage::new();
        stage.send(&["a", "b", "c"], "");
        // The broker has run for a while: nobody is awaited.
        stage.wait(2 * MINUTE_MS);
        let held = hold(&stage, 3, false);
        let topic = revive_topic(&stage.broker().config.get());
        let entries = || -> i64 {
            stage.broker().store.dispatch_all().unwrap();
            let queues = stage.broker().store.queues(&topic).into_iter();
            queues.filter_map(|queue| stage.broker().store.max_offset(&topic, queue)).map(|max| max.0).sum()
        };
        let before = entries();
        for (_, receipt, _) in &held[..2] {
            receipt.acknowledge(stage.broker(), PEER).unwrap();
        }
        assert_eq!(entries(), before, "nobody has been told yet");
        if written {
            write_acknowledged(stage.broker());
            write_acknowledged(stage.broker());
            assert_eq!(entries(), before + 1);
        }
        stage.crash();
        let mut again = Vec::new();
        for _ in 0..4 {
            stage.wait(2 * MINUTE_MS);
            again.extend(hold(&stage, 3, false).into_iter().map(|(body, _, _)| body));
        }
        again.sort();
        again.dedup();
        assert_eq!(again, if written { vec!["c"] } else { vec!["a", "b", "c"] });
    }
}

#[test]
fn nothing_counts_as_acknowledged_while_the_journal_cannot_be_written() {
    let stage = Stage::new();
    stage.send(&["a", "b"], "");
    let held = hold(&stage, 2, false);
    stage.broker().store.close().unwrap();
    assert!(held[0].1.acknowledge(stage.broker(), PEER).is_ok(), "nobody knows yet");
    write_acknowledged(stage.broker());
    for (_, receipt, _) in [&held[1], &held[1], &held[0]] {
        assert!(matches!(receipt.acknowledge(stage.broker(), PEER), Err(ReceiptError::Refused(_))));
    }
}

#[test]
fn others_get_what_a_client_held_that_has_gone() {
    for ordered in [false, true] {
        let stage = Stage::new();
        stage.send(&["a"], "");
        // The broker has run for a while: nobody is awaited.
        stage.wait(2 * MINUTE_MS);
        let held = hold(&stage, 1, ordered);
        stage.wait(1_000);
        stage.wait(1_001);
        let again = hold(&stage, 1, ordered);
        assert_eq!((again[0].0.as_str(), again[0].2), ("a", 1), "in order: {ordered}");
        let early = read(&stage, &held[0].1).acknowledge(stage.broker(), PEER);
        assert!(early.is_ok(), "once more does no harm while the handle's time lasts");
        read(&stage, &again[0].1).acknowledge(stage.broker(), PEER).unwrap();
    }
}

#[test]
fn a_changed_time_comes_with_a_new_handle_and_is_not_prolonged() {
    let stage = Stage::new();
    stage.send(&["a"], "");
    let _connection = stage.broker().grpc.connect(CLIENT, stage.clock.now_ms());
    let held = hold(&stage, 1, false).remove(0).1;
    let changed = held.change(stage.broker(), PEER, 5_000, false).unwrap();
    assert!(is_invalid(held.change(stage.broker(), PEER, 5_000, false)), "the old one is stale");
    stage.wait(4_000);
    let changed = read(&stage, &changed).change(stage.broker(), PEER, 3_000, false).unwrap();
    stage.wait(3_001);
    assert!(is_invalid(read(&stage, &changed).acknowledge(stage.broker(), PEER)), "expired");
    let again = hold(&stage, 1, false);
    assert_eq!((again[0].0.as_str(), again[0].2), ("a", 1));
}

#[test]
fn a_message_that_is_given_up_is_dead_and_done_with() {
    for ordered in [false, true] {
        let stage = Stage::new();
        stage.send(&["a", "b"], "");
        let held = hold(&stage, 1, ordered).remove(0).1;
        held.give_up(stage.broker(), PEER).unwrap();
        let dead = revive::read_one(stage.broker(), "%DLQ%g", 0, 0).unwrap().unwrap();
        let view = RecordView::parse(&dead).unwrap();
        assert_eq!((view.body(), view.properties().get_str("DLQ_ORIGIN_TOPIC")), (&b"a"[..], Some(TOPIC)));
        assert!(is_invalid(held.give_up(stage.broker(), PEER)) || ordered, "once is enough");
        assert_eq!(hold(&stage, 2, ordered)[0].0, "b");
    }
}
