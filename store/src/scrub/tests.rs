//! What is read when, against a naive model; and a segment with each kind of damage.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::record::{BLANK_BYTES, Encoded, MAGIC_BLANK, RecordView, encode};
use crate::store::tests::message;
use crate::{PhysicalOffset, QueueOffset};

const START: i64 = 3 * SEGMENT_BYTES as i64;
const SEGMENT_BYTES: u64 = 5 * BLOCK_BYTES as u64 / 2;

/// A full segment with records of 100 bytes to 30 KB, and where they start. The last `late` ones were stored a second later.
fn segment(sizes: &[usize], late: usize) -> (Vec<u8>, Vec<i64>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for body in sizes.iter().cycle() {
        let begin = bytes.len();
        let body = vec![b'x'; *body];
        let size = encode(&message("Orders", 1, &body, b"TAGS\x01T\x02"), false, &mut bytes).unwrap();
        if bytes.len() + BLANK_BYTES > SEGMENT_BYTES as usize {
            bytes.truncate(begin);
            break;
        }
        let offset = START + begin as i64;
        let record = &mut bytes[begin..begin + size];
        Encoded(record).complete(QueueOffset(starts.len() as i64), PhysicalOffset(offset), 1_000, false);
        starts.push(offset);
    }
    for start in &starts[starts.len() - late..] {
        let record = &mut bytes[(start - START) as usize..];
        let size = RecordView::parse(record).unwrap().size();
        Encoded(&mut record[..size]).complete(QueueOffset(0), PhysicalOffset(*start), 2_000, false);
    }
    let room = SEGMENT_BYTES as usize - bytes.len();
    bytes.extend((room as u32).to_be_bytes());
    bytes.extend(MAGIC_BLANK.to_be_bytes());
    bytes.resize(SEGMENT_BYTES as usize, 0);
    (bytes, starts)
}

fn examine(bytes: &[u8], known: Option<&Sums>, unreadable: Option<usize>) -> Findings {
    let mut examination = Examination::new(START, SEGMENT_BYTES, known.cloned());
    for block in 0.. {
        match examination.next() {
            None => break,
            Some(_) if unreadable == Some(block) => examination.unreadable(),
            Some((position, length)) => examination.feed(&bytes[position as usize..position as usize + length]),
        }
    }
    examination.finish()
}

fn sums(bytes: &[u8]) -> Sums {
    let findings = examine(bytes, None, None);
    assert_eq!(findings.damages, []);
    findings.sums.unwrap()
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![0usize..300, 1_000usize..30_000], 1..20)
}

proptest! {
    #[test]
    fn a_flipped_bit_is_found_and_named(sizes in sizes(), bit in 0..SEGMENT_BYTES * 8) {
        let (mut bytes, starts) = segment(&sizes, 0);
        let known = sums(&bytes);
        let at = (bit / 8) as usize;
        bytes[at] ^= 1 << (bit % 8);
        let findings = examine(&bytes, Some(&known), None);
        let offset = START + at as i64;
        // Behind the last record is the filler.
        let is_filler = offset >= known.tail[1].0 + 90 && starts.iter().all(|start| *start < offset) ;
        let record = starts.iter().rfind(|start| **start <= offset).unwrap();
        let named = findings.damages[0].record.0;
        prop_assert_eq!(findings.damages.len(), 1, "{:?}", findings.damages);
        prop_assert_eq!((findings.damages[0].offset.0, findings.damages[0].bytes), (offset, 1));
        prop_assert!(named == *record || is_filler && named > *record, "{} is in {}, not {}", offset, record, named);
        prop_assert!(findings.sums.is_none() && !findings.rewritten);
    }

    #[test]
    fn any_damage_is_found(sizes in sizes(), from in 0..SEGMENT_BYTES, length in 1..200_000u64, with in any::<u8>()) {
        let (mut bytes, _) = segment(&sizes, 0);
        let known = sums(&bytes);
        let range = from as usize..(from + length).min(SEGMENT_BYTES) as usize;
        let before = bytes[range.clone()].to_vec();
        bytes[range.clone()].fill(with);
        let findings = examine(&bytes, Some(&known), None);
        let is_changed = before != bytes[range.clone()];
        prop_assert_eq!(!findings.damages.is_empty(), is_changed);
        prop_assert!(findings.sums.is_none() && !findings.rewritten);
        let blocks = |at: i64| (at - START) / BLOCK_BYTES as i64;
        let (first, last) = (blocks(START + range.start as i64), blocks(START + range.end as i64 - 1));
        for damage in findings.damages.iter().filter(|damage| damage.bytes > 0) {
            prop_assert!((first..=last).contains(&blocks(damage.offset.0)), "{} was not touched", damage);
        }
    }

    #[test]
    fn records_are_checked_before_there_are_checksums(sizes in sizes(), which in any::<prop::sample::Index>()) {
        let (mut bytes, starts) = segment(&sizes, 0);
        let damaged = starts[which.index(starts.len())];
        bytes[(damaged - START) as usize + 30] ^= 1;
        let findings = examine(&bytes, None, None);
        prop_assert_eq!(findings.damages.len(), 1, "the walk finds its way again: {:?}", findings.damages);
        prop_assert_eq!(findings.damages[0].record.0, damaged);
        prop_assert!(findings.sums.is_some());
    }

    #[test]
    fn an_end_that_another_broker_wrote_anew_is_no_damage(sizes in sizes(), late in 2usize..5) {
        let (before, starts) = segment(&sizes, 0);
        prop_assume!(starts.len() > late);
        let (after, _) = segment(&sizes, late);
        let known = sums(&before);
        let findings = examine(&after, Some(&known), None);
        prop_assert!(findings.rewritten);
        prop_assert_eq!(findings.damages, []);
        prop_assert_eq!(findings.sums, Some(sums(&after)));
    }

    #[test]
    fn checksums_survive_their_file_and_nothing_else_does(sizes in sizes(), bit in any::<prop::sample::Index>()) {
        let sums = sums(&segment(&sizes, 0).0);
        let mut file = sums.encode(77);
        prop_assert_eq!(SumsHead::decode(&file, START, SEGMENT_BYTES), Some(SumsHead { checked_ms: 77 }));
        prop_assert_eq!(Sums::decode(&file, START, SEGMENT_BYTES), Some(sums.clone()));
        prop_assert_eq!(Sums::decode(&file, 0, SEGMENT_BYTES), None);
        prop_assert_eq!(Sums::decode(&file, START, SEGMENT_BYTES + 1), None);
        prop_assert_eq!(Sums::decode(&file[..file.len() - 4], START, SEGMENT_BYTES), None);
        let bit = bit.index(file.len() * 8);
        file[bit / 8] ^= 1 << (bit % 8);
        let is_time = (CHECKED_AT..CHECKED_AT + 8).contains(&(bit / 8));
        prop_assert_eq!(Sums::decode(&file, START, SEGMENT_BYTES), is_time.then_some(sums));
    }

    #[test]
    fn no_segment_is_forgotten_or_read_too_early(
        steps in prop::collection::vec((0..4u8, 0..5_000i64), 1..200),
        interval_ms in 1_000..60_000i64,
    ) {
        let mut now_ms = 1_000_000;
        let mut segments = BTreeMap::from([(0, None)]);
        let mut newest = 0;
        for (kind, wait_ms) in steps {
            match kind {
                0 => {
                    newest += 100;
                    segments.insert(newest, None);
                }
                1 if segments.len() > 1 => drop(segments.pop_first()),
                _ => {}
            }
            let candidates = segments.iter().map(|(&start, &checked_ms)| Candidate { start, checked_ms });
            let newest_unread = segments.iter().rev().find(|(_, checked_ms)| checked_ms.is_none()).map(|(&start, _)| start);
            let oldest_ms = segments.values().flatten().min().copied();
            match next(candidates, interval_ms, now_ms) {
                Next::Read(start) => {
                    let last_ms = segments.insert(start, Some(now_ms)).unwrap();
                    match last_ms {
                        None => prop_assert_eq!(newest_unread, Some(start)),
                        Some(last_ms) => {
                            prop_assert!(newest_unread.is_none());
                            prop_assert_eq!(Some(last_ms), oldest_ms);
                            prop_assert!(now_ms - last_ms >= interval_ms);
                        }
                    }
                }
                Next::Rest(pause_ms) => {
                    prop_assert!(newest_unread.is_none());
                    prop_assert!(oldest_ms.is_none_or(|last_ms| now_ms - last_ms < interval_ms));
                    prop_assert!(pause_ms > 0 && pause_ms <= 10_000);
                }
            }
            now_ms += wait_ms;
        }
    }
}

#[test]
fn a_clock_that_was_set_back_delays_nothing() {
    let ahead = Candidate { start: 0, checked_ms: Some(9_000) };
    assert_eq!(next([ahead].into_iter(), 1_000, 5_000), Next::Read(0));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_looked_at() {
    let (mut bytes, starts) = segment(&[5_000], 0);
    let known = sums(&bytes);
    let last = *starts.last().unwrap();
    bytes[(last - START) as usize + 60] ^= 4;
    let findings = examine(&bytes, Some(&known), Some(1));
    let places: Vec<_> = findings.damages.iter().map(|damage| (damage.offset.0, damage.bytes)).collect();
    assert_eq!(places, [(START + BLOCK_BYTES as i64, BLOCK_BYTES as u64), (last + 60, 1)]);
    let across = starts.iter().rfind(|start| **start <= START + BLOCK_BYTES as i64).unwrap();
    assert_eq!(findings.damages[0].record.0, *across);
    assert_eq!(findings.damages[1].record.0, last);
    assert!(examine(&bytes, None, Some(1)).sums.is_none(), "there is no checksum of what nobody has read");
}

#[test]
fn a_zeroed_end_is_damage_and_no_new_end() {
    let (mut bytes, starts) = segment(&[100], 0);
    let known = sums(&bytes);
    let from = starts[starts.len() - 4] - START;
    bytes[from as usize..].fill(0);
    let findings = examine(&bytes, Some(&known), None);
    assert!(!findings.rewritten && !findings.damages.is_empty());
}
