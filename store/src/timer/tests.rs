//! Log and wheel against a naive model, with kills and lost checkpoints in between; and the exact bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::disk::{Allocation, FakeDisk};

const PRECISION_MS: i64 = 1_000;

fn options() -> TimerOptions {
    // Four records and a blank of 20 bytes.
    TimerOptions { root: "/store".into(), precision_ms: PRECISION_MS, log_file_bytes: 4 * 52 + 20 }
}

fn disk() -> FakeDisk {
    let disk = FakeDisk::new();
    disk.create_dir(Path::new("/store")).unwrap();
    disk
}

fn open(disk: &FakeDisk) -> (TimerFiles, RecoveredTimers) {
    TimerFiles::open(options(), Arc::new(disk.clone()), PhysicalOffset(i64::MAX)).unwrap()
}

fn record(slot: i64, physical: i64) -> TimerRecord {
    TimerRecord {
        previous: 0,
        mark: TimerMark::default(),
        written_ms: 5_000,
        after_ms: (slot * PRECISION_MS - 5_000) as i32,
        physical: PhysicalOffset(physical),
        size: 100,
        topic_hash: 7,
        due_ms: slot * PRECISION_MS + 1,
    }
}

fn physicals(files: &TimerFiles, slot: i64) -> Vec<i64> {
    files.slot(slot * PRECISION_MS).unwrap().iter().map(|logged| logged.record.physical.0).collect()
}

#[test]
fn the_bytes_are_those_of_apache() {
    let disk = disk();
    let (mut files, _) = open(&disk);
    for physical in 0..5 {
        files.append(&record(1_700_000, physical), physical == 0).unwrap();
    }
    let save = TimerCheckpoint {
        read_ms: 1,
        queue_offset: 3,
        master_queue_offset: 4,
        state_version: 5,
        changed_ms: 6,
        changes: 7,
        ..Default::default()
    };
    files.save(save).unwrap();

    let log = disk.read(Path::new("/store/timerlog/00000000000000000000")).unwrap();
    let mut second = Vec::new();
    second.extend(52_i32.to_be_bytes());
    second.extend(0_i64.to_be_bytes());
    second.extend(1_i32.to_be_bytes());
    second.extend(5_000_i64.to_be_bytes());
    second.extend(1_699_995_000_i32.to_be_bytes());
    second.extend(1_i64.to_be_bytes());
    second.extend(100_i32.to_be_bytes());
    second.extend(7_i32.to_be_bytes());
    second.extend(1_700_000_001_i64.to_be_bytes());
    assert_eq!(log[52..104], second);
    let mut rest = Vec::new();
    rest.extend(20_i32.to_be_bytes());
    rest.extend([0; 8]);
    rest.extend([0xCB, 0xD4, 0x31, 0x94, 0, 0, 0, 0]);
    assert_eq!(log[208..], rest, "a blank fills the file");
    let second_file = disk.read(Path::new("/store/timerlog/00000000000000000228")).unwrap();
    assert_eq!(second_file[4..12], 156_i64.to_be_bytes(), "the chain goes on over files");

    let wheel = disk.open(Path::new("/store/timerwheel")).unwrap();
    assert_eq!(wheel.bytes(), 7 * 86_400 * 2 * 32);
    let mut slot = [0; 32];
    wheel.read_at(1_700_000 % (7 * 86_400 * 2) * 32, &mut slot).unwrap();
    let mut expected = Vec::new();
    expected.extend([1_700_000_i64, 0, 228].map(i64::to_be_bytes).concat());
    expected.extend([5_i32, 0].map(i32::to_be_bytes).concat());
    assert_eq!(slot[..], expected);

    let checkpoint = disk.read(Path::new("/store/config/timercheck")).unwrap();
    assert_eq!(checkpoint.len(), 4096);
    assert_eq!(checkpoint[..56], [1_i64, 280, 3, 4, 5, 6, 7].map(i64::to_be_bytes).concat());
}

#[test]
fn a_slot_that_begins_anew_forgets_what_its_place_held() {
    let (mut files, _) = open(&disk());
    files.append(&record(20, 1), true).unwrap();
    files.append(&record(20, 2), false).unwrap();
    assert_eq!(physicals(&files, 20), [1, 2]);
    files.append(&record(20, 3), true).unwrap();
    assert_eq!(physicals(&files, 20), [3]);
    files.append(&record(20 + TIMER_SLOTS, 4), false).unwrap();
    assert_eq!(
        (physicals(&files, 20), physicals(&files, 20 + TIMER_SLOTS)),
        (vec![], vec![4]),
        "two weeks later the place is another slot's"
    );
}

#[test]
fn files_whose_messages_are_gone_are_removed() {
    let disk = disk();
    let (mut files, _) = open(&disk);
    for physical in 0..9 {
        files.append(&record(20, physical), physical == 0).unwrap();
    }
    files.remove_before(PhysicalOffset(3)).unwrap();
    assert_eq!(disk.list(Path::new("/store/timerlog")).unwrap().len(), 3, "message 3 is still there");
    files.remove_before(PhysicalOffset(8)).unwrap();
    assert_eq!(disk.list(Path::new("/store/timerlog")).unwrap().len(), 1, "the last file stays");
    assert_eq!(physicals(&files, 20), [8]);
    files.save(TimerCheckpoint::default()).unwrap();
    drop(files);
    let (files, recovered) = open(&disk);
    assert_eq!((physicals(&files, 20), recovered.slots), (vec![8], BTreeSet::from([20_000])));
}

#[test]
fn without_a_wheel_it_is_made_anew_from_the_log() {
    let disk = disk();
    let (mut files, _) = open(&disk);
    for physical in 0..9 {
        files.append(&record(20 + physical % 2, physical), physical < 2).unwrap();
    }
    files.save(TimerCheckpoint { read_ms: 21_000, ..Default::default() }).unwrap();
    disk.remove_file(Path::new("/store/timerwheel")).unwrap();
    let (files, recovered) = open(&disk);
    assert_eq!(recovered.slots, BTreeSet::from([21_000]), "what was done stays done");
    assert_eq!(physicals(&files, 21), [1, 3, 5, 7]);
    assert!(!recovered.incomplete);
}

#[test]
fn a_log_that_lost_its_end_is_told() {
    let disk = disk();
    let (mut files, _) = open(&disk);
    for physical in 0..4 {
        files.append(&record(20, physical), physical == 0).unwrap();
    }
    files.append(&record(30, 4), true).unwrap();
    files.save(TimerCheckpoint { read_ms: 1_000, queue_offset: 5, ..Default::default() }).unwrap();
    // The second file, and half of the last record of the first.
    disk.remove_file(Path::new("/store/timerlog/00000000000000000228")).unwrap();
    disk.open(Path::new("/store/timerlog/00000000000000000000")).unwrap().write_at(156, &[0; 30]).unwrap();
    let (files, recovered) = open(&disk);
    assert!(recovered.incomplete);
    assert_eq!(recovered.slots, BTreeSet::from([20_000]));
    assert_eq!((physicals(&files, 20), physicals(&files, 30)), (vec![0, 1, 2], vec![]));
}

#[test]
fn a_wheel_of_another_length_is_refused() {
    let disk = disk();
    disk.create(Path::new("/store/timerwheel"), 100, Allocation::Sparse).unwrap();
    let error = TimerFiles::open(options(), Arc::new(disk), PhysicalOffset(i64::MAX)).err().unwrap().to_string();
    assert!(error.contains("/store/timerwheel") && error.contains("100 bytes"), "{error}");
}

/// The part of the wheel that the histories use.
type Slots = [u8; 30 * 32];

#[derive(Clone, Debug)]
enum Step {
    Append {
        slot: i64,
        delete: bool,
    },
    Save {
        read: i64,
    },
    /// The process dies; with the power, the wheel's last writes may be lost, too.
    Crash {
        wheel_lost: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (10..30_i64, any::<bool>()).prop_map(|(slot, delete)| Step::Append { slot, delete }),
        2 => (5..30_i64).prop_map(|read| Step::Save { read }),
        2 => any::<bool>().prop_map(|wheel_lost| Step::Crash { wheel_lost }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The naive model: a map of slots to what was appended to them.
    #[test]
    fn no_record_is_lost(steps in prop::collection::vec(step(), 1..60)) {
        let mut disk = disk();
        let mut files = open(&disk).0;
        let mut model: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let (mut next, mut read, mut saved_at) = (0, 0, 0);
        let mut late: BTreeSet<i64> = BTreeSet::new();
        let mut wheel = None;
        for step in steps {
            match step {
                Step::Append { slot, delete } => {
                    let mut entry = record(slot, next);
                    entry.mark.delete = delete;
                    let begins_slot = !model.contains_key(&slot);
                    files.append(&entry, begins_slot).unwrap();
                    model.entry(slot).or_default().push(next);
                    if slot < read {
                        late.insert(next);
                    }
                    next += 1;
                }
                Step::Save { read: read_slot } => {
                    read = read_slot;
                    files.save(TimerCheckpoint { read_ms: read * PRECISION_MS, queue_offset: next, ..Default::default() }).unwrap();
                    saved_at = next;
                    late.clear();
                    wheel = disk.open(Path::new("/store/timerwheel")).ok().map(|file| {
                        let mut slots = [0; 30 * 32];
                        file.read_at(0, &mut slots).unwrap();
                        slots
                    });
                }
                Step::Crash { wheel_lost } => {
                    disk = disk.fork();
                    let path = Path::new("/store/timerwheel");
                    if wheel_lost && disk.exists(path).unwrap() {
                        disk.remove_file(path).unwrap();
                        let old: Option<&Slots> = wheel.as_ref();
                        if let Some(slots) = old {
                            disk.create(path, 7 * 86_400 * 2 * 32, Allocation::Sparse).unwrap().write_at(0, slots).unwrap();
                        }
                    }
                    let (reopened, recovered) = open(&disk);
                    files = reopened;
                    prop_assert!(!recovered.incomplete);
                    let newest = recovered.last.map(|logged| logged.record.physical.0);
                    prop_assert_eq!(newest, (next > saved_at).then_some(next - 1));
                    let found: BTreeSet<i64> = recovered.late.iter().map(|logged| logged.record.physical.0).collect();
                    prop_assert_eq!(&found, &late);
                    let expected: BTreeSet<i64> = model.keys().filter(|slot| **slot >= read).map(|slot| slot * PRECISION_MS).collect();
                    prop_assert_eq!(recovered.slots, expected);
                }
            }
            for (slot, expected) in model.iter().filter(|(slot, _)| **slot >= read) {
                prop_assert_eq!(&physicals(&files, *slot), expected);
            }
        }
    }
}

#[test]
fn records_of_messages_that_were_lost_with_the_power_go_too() {
    let disk = disk();
    let (mut files, _) = open(&disk);
    for physical in 0..5 {
        files.append(&record(7 + physical % 2, physical * 100), physical < 2).unwrap();
    }
    let after_cut = TimerFiles::open(options(), Arc::new(disk.fork()), PhysicalOffset(300)).unwrap();
    let (mut files, recovered) = after_cut;
    assert_eq!(recovered.last.unwrap().record.physical.0, 200);
    assert_eq!((physicals(&files, 7), physicals(&files, 8)), (vec![0, 200], vec![100]));
    files.append(&record(9, 300), true).unwrap();
    assert_eq!((physicals(&files, 8), physicals(&files, 9)), (vec![100], vec![300]));
}
