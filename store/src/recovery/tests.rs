//! What recovery makes of damaged folders. Histories of ordinary crashes are among the tests of the store.

use crate::disk::{Disk, DiskFile};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{ReadLimits, ReadStatus};
use crate::store::Store;
use crate::store::tests::{Machine, message};

const Q: QueueId = QueueId(0);

/// A store with 60 messages of 500 bytes, the first 40 of them checkpointed, and where they lie.
fn filled(machine: &Machine) -> (Store, Vec<PhysicalOffset>) {
    let store = machine.open();
    let mut offsets = Vec::new();
    for at in 0..60 {
        offsets.push(store.put(&message("T", 0, &[at; 500], b"KEYS\x01k\x02")).unwrap().physical_offset);
        machine.clock.advance(1_000);
        if at == 39 {
            store.dispatch_all().unwrap();
            store.checkpoint_now();
        }
    }
    store.dispatch_all().unwrap();
    (store, offsets)
}

fn segment(machine: &Machine, offset: PhysicalOffset) -> (std::sync::Arc<dyn DiskFile>, u64) {
    let bytes = machine.options.segment_bytes as i64;
    let path = machine.options.commit_log.join(format!("{:020}", offset.0 / bytes * bytes));
    (machine.disk.open(&path).unwrap(), (offset.0 % bytes) as u64)
}

fn count(store: &Store) -> usize {
    let (mut next, mut count) = (store.min_offset("T", Q).unwrap(), 0);
    while next < store.max_offset("T", Q).unwrap() {
        let read = store
            .read_queue_blocking("T", Q, next, ReadLimits { max_messages: 32, max_bytes: 1 << 20 }, &|_| true)
            .unwrap();
        assert!(matches!(read.status, ReadStatus::Found | ReadStatus::Removed));
        count += read.count;
        next = read.next_offset;
    }
    count
}

#[test]
fn a_torn_end_is_cut_off() {
    let mut machine = Machine::new();
    let (store, offsets) = filled(&machine);
    machine.crash(store);
    let (file, position) = segment(&machine, offsets[58]);
    file.write_at(position + 100, b"torn").unwrap();
    let store = machine.open();
    assert_eq!(store.max_physical_offset(), offsets[58]);
    assert_eq!(store.max_offset("T", Q), Some(QueueOffset(58)));
    assert_eq!(store.put(&message("T", 0, b"next", b"")).unwrap().queue_offset, QueueOffset(58));
    assert_eq!(store.query_index("T", "k", 64, 0, i64::MAX).unwrap().len(), 58);
}

#[test]
fn damage_in_the_middle_costs_one_message() {
    let mut machine = Machine::new();
    let (store, offsets) = filled(&machine);
    machine.crash(store);
    // The walk begins some segments back; this one lies within, and was on the disk long before.
    let (file, position) = segment(&machine, offsets[38]);
    file.write_at(position + 100, b"rot").unwrap();
    let store = machine.open();
    assert_eq!(store.max_offset("T", Q), Some(QueueOffset(60)));
    let read = store
        .read_queue_blocking("T", Q, QueueOffset(39), ReadLimits { max_messages: 1, max_bytes: 1 }, &|_| true)
        .unwrap();
    assert_eq!(read.status, ReadStatus::Found);
    assert_eq!(store.max_physical_offset().0, offsets[59].0 + (offsets[59].0 - offsets[58].0));
}

#[test]
fn queues_and_index_come_back_from_the_log_alone() {
    for clean in [true, false] {
        let mut machine = Machine::new();
        let (store, _) = filled(&machine);
        if clean {
            store.close().unwrap();
        }
        machine.crash(store);
        machine.disk.remove_dir(&machine.path("consumequeue")).unwrap();
        if !clean {
            machine.disk.remove_dir(&machine.path("index")).unwrap();
            machine.disk.remove_file(&machine.path("checkpoint")).unwrap();
        }
        let store = machine.open();
        assert_eq!(count(&store), 60);
        assert_eq!(store.query_index("T", "k", 64, 0, i64::MAX).unwrap().len(), 60);
    }
}

#[test]
fn the_log_without_its_first_segments() {
    let mut machine = Machine::new();
    let (store, offsets) = filled(&machine);
    store.close().unwrap();
    machine.crash(store);
    let names = machine.disk.list(&machine.options.commit_log).unwrap();
    for entry in &names[..2] {
        machine.disk.remove_file(&machine.options.commit_log.join(&entry.name)).unwrap();
    }
    let begin = 2 * machine.options.segment_bytes as i64;
    let gone = offsets.iter().filter(|offset| offset.0 < begin).count();
    for rebuild in [false, true] {
        if rebuild {
            machine.disk.remove_dir(&machine.path("consumequeue")).unwrap();
        }
        let store = machine.open();
        assert_eq!(store.min_physical_offset().0, begin);
        assert_eq!(store.min_offset("T", Q), Some(QueueOffset(gone as i64)));
        assert_eq!(count(&store), 60 - gone);
        let read =
            store.read_queue("T", Q, QueueOffset(0), ReadLimits { max_messages: 1, max_bytes: 1 }, &|_| true).unwrap();
        assert_eq!((read.status, read.next_offset.0), (ReadStatus::TooSmall, gone as i64));
        store.close().unwrap();
    }
}

#[test]
fn a_clean_stop_needs_no_long_walk() {
    let mut machine = Machine::new();
    let (store, offsets) = filled(&machine);
    store.close().unwrap();
    assert!(!machine.disk.exists(&machine.path("abort")).unwrap());
    machine.crash(store);
    // Proof that the walk begins at the end: damage before it goes unnoticed here, and is met by whoever reads it.
    let (file, position) = segment(&machine, offsets[20]);
    file.write_at(position, b"rot").unwrap();
    let store = machine.open();
    assert!(machine.disk.exists(&machine.path("abort")).unwrap());
    assert_eq!(store.max_offset("T", Q), Some(QueueOffset(60)));
    assert_eq!(count(&store), 59);
}
