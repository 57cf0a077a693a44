//! Segments: how they are named, how they end, and which folders are refused.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::disk::{Allocation, FakeDisk};
use crate::record::{Encoded, MAGIC_BLANK, encode};
use crate::store::tests::{message, small_options};

const SEGMENT: i64 = 8 << 10;

fn open(disk: &FakeDisk) -> Result<Log, StoreError> {
    Log::open(&small_options("/store"), Arc::new(disk.clone()))
}

fn append(log: &Log, body_bytes: usize) -> PhysicalOffset {
    let mut bytes = Vec::new();
    encode(&message("T", 0, &vec![7; body_bytes], b""), false, &mut bytes).unwrap();
    let slot = log.slot(bytes.len(), 0).unwrap();
    let offset = slot.offset();
    Encoded(&mut bytes).complete(crate::QueueOffset(0), offset, 0, false);
    slot.fill(&bytes, 0);
    offset
}

#[test]
fn a_segment_ends_with_a_filler() {
    let disk = FakeDisk::new();
    let log = open(&disk).unwrap();
    log.start(PhysicalOffset(0), PhysicalOffset(0)).unwrap();
    // 92 bytes are not body; the record must leave eight bytes.
    let fitting = SEGMENT as usize - 92 - 8;
    assert_eq!(append(&log, fitting), PhysicalOffset(0));
    assert_eq!(append(&log, 0), PhysicalOffset(SEGMENT));
    let rest = SEGMENT as usize - 92 - 92 - 8 + 1;
    assert_eq!(append(&log, rest), PhysicalOffset(2 * SEGMENT), "one byte too many");
    let names: Vec<_> = disk.list(&log.dir).unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
    let name = |number: i64| (format!("{:020}", number * SEGMENT), SEGMENT as u64);
    assert_eq!(names, [name(0), name(1), name(2)]);

    let second = disk.read(&log.dir.join(name(1).0)).unwrap();
    let filler = [&(SEGMENT as u32 - 92).to_be_bytes()[..], &MAGIC_BLANK.to_be_bytes()].concat();
    assert_eq!(second[92..100], filler);
    let mut seen = Vec::new();
    let walk = log.walk(PhysicalOffset(0), Checks::All, |_, at| {
        seen.push(at.0);
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(walk, Ok(Walk::Ended { at, problem: None }) if at == log.end()));
    assert_eq!(seen, [0, SEGMENT, 2 * SEGMENT]);
    assert!(log.slot(SEGMENT as usize, 0).is_err());
}

#[test]
fn the_next_segment_is_made_in_time() {
    let disk = FakeDisk::new();
    let log = open(&disk).unwrap();
    log.start(PhysicalOffset(0), PhysicalOffset(0)).unwrap();
    log.prepare();
    assert_eq!(disk.list(&log.dir).unwrap().len(), 1);
    append(&log, 1_900);
    log.prepare();
    assert_eq!(disk.list(&log.dir).unwrap().len(), 1, "half of the first is not used yet");
    append(&log, 1_900);
    append(&log, 1_900);
    log.prepare();
    assert_eq!(disk.list(&log.dir).unwrap().len(), 2);
    disk.set_full(true);
    append(&log, 3_000);
    assert_eq!(log.segment_starts(), [0, SEGMENT], "it was taken, not made anew");
}

/// The thread that prepares segments may come to one just when the log takes it: only one of the two may make the file.
#[test]
fn a_segment_is_made_once() {
    let log = open(&FakeDisk::new()).unwrap();
    log.start(PhysicalOffset(0), PhysicalOffset(0)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                log.prepare();
            }
        });
        // Each record fills a segment. A failure would stand for a second of the clock, which does not go on here.
        let record = vec![1; SEGMENT as usize - 8];
        let refused = (0..500).find_map(|_| log.slot(record.len(), 0).map(|slot| slot.fill(&record, 0)).err());
        done.store(true, Ordering::Relaxed);
        assert_eq!(refused, None);
    });
}

#[test]
fn starting_erases_what_follows() {
    let disk = FakeDisk::new();
    let log = open(&disk).unwrap();
    log.start(PhysicalOffset(0), PhysicalOffset(0)).unwrap();
    let second = (append(&log, 100), append(&log, 100)).1;
    while append(&log, 1_000).0 < 2 * SEGMENT {}
    let log = open(&disk).unwrap();
    log.start(second, second).unwrap();
    assert_eq!(disk.list(&log.dir).unwrap().len(), 1);
    assert!(disk.read(&log.dir.join(format!("{:020}", 0))).unwrap()[second.0 as usize..].iter().all(|&byte| byte == 0));
    assert_eq!(append(&log, 5), second);
    assert!(matches!(
        log.record(PhysicalOffset(second.0 + 1), true),
        Err(ReadError::NoRecord(_) | ReadError::Damaged { .. })
    ));
    assert!(matches!(log.record(log.end(), true), Err(ReadError::NoRecord(_))));
}

#[test]
fn memory_far_behind_is_let_go() {
    let disk = FakeDisk::new();
    let log = open(&disk).unwrap();
    log.start(PhysicalOffset(0), PhysicalOffset(0)).unwrap();
    let first = append(&log, 1_000);
    while append(&log, 1_000).0 < 3 * SEGMENT {}
    let hot = |log: &Log| log.segments.read().iter().filter(|segment| segment.window().is_some()).count();
    log.cool();
    assert_eq!(hot(&log), 4, "what is not on the disk stays");
    log.flush().unwrap();
    log.cool();
    assert_eq!(hot(&log), 2);
    assert!(log.record(first, true).is_ok());
}

#[test]
fn strange_folders_are_refused() {
    let file = |disk: &FakeDisk, name: &str, bytes: i64| {
        let dir = Path::new("/store/commitlog");
        disk.create_dir(dir).unwrap();
        disk.create(&dir.join(name), bytes as u64, Allocation::Sparse).unwrap();
    };
    let disk = FakeDisk::new();
    file(&disk, "00000000000000008192", SEGMENT);
    file(&disk, "00000000000000016384", SEGMENT);
    file(&disk, "notes.txt", 5);
    // The creation of the last one was cut short.
    file(&disk, "00000000000000024576", 0);
    disk.remove_file(Path::new("/store/commitlog/notes.txt")).unwrap();
    let log = open(&disk).unwrap();
    assert_eq!((log.begin().0, log.segment_starts().len()), (SEGMENT, 2));
    file(&disk, "00000000000000032768", SEGMENT);
    assert!(matches!(open(&disk), Err(StoreError::MissingSegment { .. })));
    file(&disk, "00000000000000024576", 100);
    assert!(matches!(open(&disk), Err(StoreError::WrongLength { found: 100, .. })));
}
