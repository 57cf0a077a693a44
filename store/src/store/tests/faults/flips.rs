//! One flipped bit in the log. Where a checksum or a structure covers it the message is not served, all others are;
//! elsewhere it may be served, and still all others are.

use super::super::random::{for_seeds, seeds};
use super::model::{Damage, Message};
use super::{History, TOPICS};
use crate::record::CRC_PROPERTY_BYTES;
use crate::store::Store;

const HISTORIES: u64 = 2_000;
const MESSAGES: usize = 25;

/// Where the fields lie that are covered whatever is configured: size, magic and checksum; offsets in queue and log; behind
/// the addresses the body's length and the body.
const COVERED: [std::ops::Range<u64>; 2] = [0..12, 20..36];
const BODY_LENGTH: u64 = 84;

/// A random bit of a message, and whether the damage must be noticed.
fn choose(history: &mut History, message: &Message) -> (u64, Damage) {
    let record = (message.end.0 - message.physical.0) as u64;
    let body = BODY_LENGTH..BODY_LENGTH + 4 + message.body.len() as u64;
    let byte = match history.random.below(3) {
        0 => history.random.below(88) as u64,
        1 => body.start + history.random.below((body.end - body.start) as usize) as u64,
        _ => history.random.below(record as usize) as u64,
    };
    let covered = if history.machine.options.append_property_crc {
        byte < record - CRC_PROPERTY_BYTES as u64
    } else {
        // The checksum of an empty body is not looked at: there is nothing that it could cover.
        let checksum_only = message.body.is_empty() && (8..12).contains(&byte);
        (COVERED.iter().any(|range| range.contains(&byte)) || body.contains(&byte)) && !checksum_only
    };
    (byte * 8 + history.random.below(8) as u64, Damage { physical: message.physical, certain: covered })
}

fn flip(history: &History, physical: i64, bit: u64) {
    let segment_bytes = history.machine.options.segment_bytes as i64;
    let start = physical / segment_bytes * segment_bytes;
    let path = history.machine.options.commit_log.join(format!("{start:020}"));
    history.machine.disk.flip(&path, (physical - start) as u64 * 8 + bit).unwrap();
}

fn fill(history: &mut History, store: &Store) {
    for _ in 0..MESSAGES {
        history.put(store);
        history.machine.clock.advance(history.random.of(&[0, 10, 900]));
    }
    store.dispatch_all().ok();
}

fn run(seed: u64) {
    let mut history = History::new(seed);
    let mut store = history.open();
    fill(&mut history, &store);
    store.checkpoint_now();
    let chosen = history.random.below(history.model.messages().len());
    // What came after the checkpoint is checked by recovery: damage there cannot be told from an unfinished end.
    let later = history.random.below(2) == 0;
    let message = &history.model.messages()[chosen];
    let physical = message.physical.0;
    let message = Message { body: message.body.clone(), key: String::new(), ..*message };
    let (bit, damage) = choose(&mut history, &message);
    if later {
        fill(&mut history, &store);
    }
    match history.random.below(3) {
        0 => {
            store.close().unwrap();
            history.machine.crash(store);
            flip(&history, physical, bit);
            store = history.open();
        }
        1 => {
            history.machine.crash(store);
            flip(&history, physical, bit);
            store = history.open();
        }
        _ => {
            // While the store is open, but not in what it has just written and keeps in memory.
            store.close().unwrap();
            history.machine.crash(store);
            store = history.open();
            flip(&history, physical, bit);
        }
    }
    let before = store.statistics().damaged_messages;
    history.model.check_damaged(&store, Some(&damage));
    assert!(!damage.certain || store.statistics().damaged_messages > before, "the damage is not counted");
    // The store goes on.
    let offset = store.next_offset(TOPICS[0], crate::QueueId(0));
    let put = store.put(&super::message(TOPICS[0], 0, b"next", b"")).unwrap();
    assert_eq!(put.queue_offset, offset);
}

#[test]
fn flipped_bits_are_noticed() {
    for_seeds("flipped_bits", &seeds(HISTORIES), run);
}
