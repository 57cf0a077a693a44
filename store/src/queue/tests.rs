//! A queue against a list of units.

use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::disk::{Disk, FakeDisk};
use crate::store::tests::small_options;

fn open(disk: &FakeDisk, suspect: bool) -> Queues {
    let trust = if suspect { Trust::Unknown } else { Trust::All };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Queues::open(&small_options("/store"), &disk, trust, &ManualClock::new(0)).unwrap()
}

fn unit(physical: i64) -> Unit {
    Unit { physical: PhysicalOffset(physical), size: 100, tags_code: physical }
}

fn all_units(queues: &Queues, queue: &Queue) -> Vec<Unit> {
    let mut bytes = Vec::new();
    queue.read(&queues.files, queue.min(), 10_000, true, &mut bytes).unwrap();
    bytes.as_chunks().0.iter().map(Unit::decode).collect()
}

proptest! {
    #[test]
    fn behaves_like_a_list(steps in vec((0..10, 1..40i64), 1..40)) {
        let disk = FakeDisk::new();
        let mut queues = open(&disk, false);
        let mut model: Vec<Unit> = Vec::new();
        let mut physical = 0;
        for (what, count) in steps {
            let queue = queues.find_or_create("T", QueueId(3));
            match what {
                0..6 => {
                    for _ in 0..count {
                        let offset = QueueOffset(model.len() as i64);
                        let applied = queue.apply(&queues.files, offset, unit(physical)).unwrap();
                        let appended = matches!(applied, Applied::Appended { .. });
                        prop_assert!(appended);
                        prop_assert_eq!(queue.apply(&queues.files, offset, unit(physical)).unwrap(), Applied::Known);
                        model.push(unit(physical));
                        physical += 100;
                    }
                    let far = QueueOffset(model.len() as i64 + 1);
                    prop_assert_eq!(queue.apply(&queues.files, far, unit(physical)).unwrap(), Applied::Gap);
                }
                6 => drop(queue.settle(&queues.files).unwrap()),
                7 => {
                    let keep = model.len().saturating_sub(count as usize);
                    let end = model.get(keep).map_or(physical, |unit| unit.physical.0);
                    queue.truncate(&queues.files, PhysicalOffset(end)).unwrap();
                    model.truncate(keep);
                }
                8 => {
                    // The topic was deleted and came back: its messages replace the older ones.
                    let offset = model.len().saturating_sub(count as usize);
                    queue.apply(&queues.files, QueueOffset(offset as i64), unit(physical)).unwrap();
                    model.truncate(offset);
                    model.push(unit(physical));
                    physical += 100;
                }
                _ => {
                    queue.settle(&queues.files).unwrap();
                    queues.files.sync().unwrap();
                    queues = open(&disk, count % 2 == 0);
                }
            }
            let queue = queues.find_or_create("T", QueueId(3));
            prop_assert_eq!(queue.max().0, model.len() as i64);
            prop_assert_eq!(all_units(&queues, &queue), model.clone());
            prop_assert_eq!(queue.max_physical(), model.last().map_or(-1, |unit| unit.end().0));
        }
    }
}

#[test]
fn begins_in_the_middle_of_a_file_like_apache() {
    let disk = FakeDisk::new();
    let queues = open(&disk, false);
    let queue = queues.find_or_create("T", QueueId(0));
    assert_eq!(queue.apply(&queues.files, QueueOffset(20), unit(500)).unwrap(), Applied::Gap);
    queue.skip_to(&queues.files, QueueOffset(20)).unwrap();
    queue.apply(&queues.files, QueueOffset(20), unit(500)).unwrap();
    queue.settle(&queues.files).unwrap();
    let file = disk.read(Path::new("/store/consumequeue/T/0/00000000000000000320")).unwrap();
    assert_eq!(file.len(), 320);
    let units: Vec<_> = file.as_chunks().0.iter().map(Unit::decode).collect();
    assert_eq!(units[..4], [Unit::BLANK; 4]);
    assert_eq!(units[4], unit(500));
    for suspect in [false, true] {
        let queues = open(&disk, suspect);
        let queue = queues.find_or_create("T", QueueId(0));
        assert_eq!((queue.min().0, queue.max().0), (20, 21));
    }
}

#[test]
fn lost_messages_keep_their_places() {
    let disk = FakeDisk::new();
    let queues = open(&disk, false);
    let queue = queues.find_or_create("T", QueueId(0));
    queue.apply(&queues.files, QueueOffset(0), unit(0)).unwrap();
    queue.skip_to(&queues.files, QueueOffset(3)).unwrap();
    queue.apply(&queues.files, QueueOffset(3), unit(900)).unwrap();
    queue.settle(&queues.files).unwrap();
    let queues = open(&disk, true);
    let queue = queues.find_or_create("T", QueueId(0));
    let fillers: Vec<_> = all_units(&queues, &queue).iter().map(Unit::is_filler).collect();
    assert_eq!(fillers, [false, true, true, false]);
}

#[test]
fn follows_the_begin_of_the_log() {
    let disk = FakeDisk::new();
    let queues = open(&disk, false);
    let queue = queues.find_or_create("T", QueueId(0));
    for at in 0..50 {
        queue.apply(&queues.files, QueueOffset(at), unit(at * 100)).unwrap();
    }
    queue.settle(&queues.files).unwrap();
    queue.settle(&queues.files).unwrap();
    queue.raise_min(&queues.files, PhysicalOffset(2_050)).unwrap();
    assert_eq!(queue.min(), QueueOffset(21));
    queue.raise_min(&queues.files, PhysicalOffset(99_999)).unwrap();
    assert_eq!(queue.min(), QueueOffset(50));
}

#[test]
fn damaged_files_are_cut_or_refused() {
    let disk = FakeDisk::new();
    let queues = open(&disk, false);
    let queue = queues.find_or_create("T", QueueId(0));
    for at in 0..40 {
        queue.apply(&queues.files, QueueOffset(at), unit(at * 100)).unwrap();
    }
    queue.settle(&queues.files).unwrap();
    let dir = Path::new("/store/consumequeue/T/0");
    let names: Vec<_> = disk.list(dir).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["00000000000000000000", "00000000000000000320", "00000000000000000640"]);
    // A hole in the second file: what comes behind is not to be trusted.
    disk.open(&dir.join(&names[1])).unwrap().write_at(60, &[0; 20]).unwrap();
    let queues = open(&disk, true);
    assert_eq!(queues.find_or_create("T", QueueId(0)).max(), QueueOffset(19));
    assert_eq!(disk.list(dir).unwrap().len(), 2);
    // An empty file is the trace of a creation cut short; another length is a wrong configuration.
    disk.create(&dir.join("00000000000000000640"), 0, crate::disk::Allocation::Sparse).unwrap();
    assert_eq!(open(&disk, true).find_or_create("T", QueueId(0)).max(), QueueOffset(19));
    disk.create(&dir.join("00000000000000000640"), 100, crate::disk::Allocation::Sparse).unwrap();
    let as_dyn: Arc<dyn Disk> = Arc::new(disk.clone());
    assert!(matches!(
        Queues::open(&small_options("/store"), &as_dyn, Trust::All, &ManualClock::new(0)),
        Err(crate::StoreError::WrongLength { .. })
    ));
}

#[test]
fn many_files_are_brought_to_the_disk_several_at_a_time_and_each_once() {
    const QUEUES: i32 = 100;
    let disk = FakeDisk::new();
    let queues = open(&disk, false);
    let write = |offset, physical| {
        for id in 0..QUEUES {
            let queue = queues.find_or_create("T", QueueId(id));
            queue.apply(&queues.files, QueueOffset(offset), unit(physical + i64::from(id) * 100)).unwrap();
            queue.settle(&queues.files).unwrap();
        }
    };
    write(0, 0);
    disk.hold_syncs(true);
    std::thread::scope(|scope| {
        let synced = scope.spawn(|| queues.files.sync());
        disk.wait_for_syncs(2);
        disk.hold_syncs(false);
        synced.join().unwrap().unwrap();
    });
    assert_eq!(disk.syncs(), QUEUES as u64);
    queues.files.sync().unwrap();
    assert_eq!(disk.syncs(), QUEUES as u64, "nothing was left to be done");

    write(1, 100_000);
    disk.fail_syncs(Some(Path::new("/store/consumequeue/T/7")));
    assert!(queues.files.sync().is_err());
    let lost: Vec<_> = queues.files.lost().into_iter().map(|place| place.queue).collect();
    assert_eq!(lost, [QueueId(7)]);
    assert_eq!(disk.syncs(), 2 * QUEUES as u64, "the others were brought");
}
