//! The scrub over the whole store: with flipped bits anywhere, with disks that fail, and beside all else that happens to a log.

use std::sync::Arc;

use super::random::{Random, for_seeds, seeds};
use super::{Machine, message};
use crate::disk::{Disk, Sector};
use crate::scrub::ScrubRules;
use crate::store::Store;

const HISTORIES: u64 = 1_000;
const RULES: ScrubRules = ScrubRules { bytes_per_second: 1 << 20, interval_ms: 60_000 };

fn open(machine: &Machine) -> Store {
    let disk = Arc::new(machine.disk.clone());
    Store::open_idle(machine.options.clone(), disk, machine.clock.clone(), machine.events.clone()).unwrap()
}

fn fill(machine: &Machine, store: &Store, random: &mut Random, count: usize) {
    for _ in 0..count {
        let body = vec![b'b'; random.below(900)];
        store.put(&message("Orders", 0, &body, b"TAGS\x01T\x02")).unwrap();
        machine.clock.advance(random.below(50) as i64);
    }
    store.dispatch_all().unwrap();
    store.checkpoint_now();
}

/// Scrubs until every full segment has been read since now.
fn scrub(machine: &Machine, store: &Store) {
    machine.clock.advance(RULES.interval_ms);
    let wanted = store.inner.log.sealed().len() as u64 + store.scrub_progress().checked_segments;
    let mut steps = 0;
    while store.scrub_progress().checked_segments < wanted {
        store.scrub(&RULES);
        steps += 1;
        assert!(steps < 10_000, "the scrub does not get on: {:?}", store.scrub_progress());
    }
}

fn segment_path(machine: &Machine, start: i64) -> std::path::PathBuf {
    machine.options.commit_log.join(format!("{start:020}"))
}

/// A random bit of a full segment.
fn flip(machine: &Machine, store: &Store, random: &mut Random) -> i64 {
    let start = random.of(&store.inner.log.sealed());
    let bit = random.below(machine.options.segment_bytes as usize * 8) as u64;
    machine.disk.flip(&segment_path(machine, start), bit).unwrap();
    start + (bit / 8) as i64
}

/// Whatever happens in between: a flipped bit is found, named, told after a restart too, and nothing sound is called damaged.
fn run(seed: u64) {
    let mut random = Random::new(seed);
    let mut machine = Machine::new();
    machine.options.segment_bytes = random.of(&[8 << 10, 100_000]);
    let mut store = open(&machine);
    let count = random.of(&[40, 440]);
    fill(&machine, &store, &mut random, count);
    while store.inner.log.sealed().is_empty() {
        fill(&machine, &store, &mut random, 40);
    }
    scrub(&machine, &store);
    for _ in 0..random.below(4) {
        match random.below(4) {
            0 => fill(&machine, &store, &mut random, 60),
            1 => {
                store.close().unwrap();
                machine.crash(store);
                store = open(&machine);
            }
            2 => {
                machine.crash(store);
                store = open(&machine);
            }
            _ => {
                let disk = machine.disk.power_cut(Sector::Page, &mut |limit| random.below(limit));
                drop(store);
                machine.disk = disk;
                store = open(&machine);
            }
        }
        scrub(&machine, &store);
        assert_eq!(store.scrub_progress().damages, 0, "{:?}", store.scrub_progress());
    }
    let offset = flip(&machine, &store, &mut random);
    scrub(&machine, &store);
    let progress = store.scrub_progress();
    assert_eq!(progress.damages, 1, "{progress:?}");
    let text = progress.last_damage.unwrap();
    assert!(text.contains(&format!("the byte at {offset},")), "{text} is not about {offset}");
    machine.crash(store);
    store = open(&machine);
    scrub(&machine, &store);
    assert_eq!(store.scrub_progress().damages, 1, "it is told again after a restart");
}

#[test]
fn flipped_bits_of_full_segments_are_found() {
    for_seeds("flipped_bits_of_full", &seeds(HISTORIES), run);
}

#[test]
fn reading_keeps_to_its_speed_and_rests_in_between() {
    let machine = Machine::new();
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 100);
    let sealed = store.inner.log.sealed().len() as u64;
    let slow = ScrubRules { bytes_per_second: 1_024, ..RULES };
    // A segment is one block here, which is the least that is read at once.
    assert_eq!(store.scrub(&slow), machine.options.segment_bytes * 1_000 / 1_024);
    assert_eq!(store.scrub_progress().checked_segments, 1);
    assert_eq!(store.scrub(&ScrubRules { bytes_per_second: 0, ..RULES }), 10_000);
    scrub(&machine, &store);
    let read_bytes = store.scrub_progress().read_bytes;
    assert_eq!(read_bytes, (sealed + 1) * machine.options.segment_bytes);
    assert_eq!(store.scrub(&RULES), 10_000, "nothing is due");
    assert_eq!(store.scrub_progress().read_bytes, read_bytes);
    let progress = store.scrub_progress();
    assert_eq!((progress.segments, progress.known_segments), (sealed, sealed));
    assert!(progress.oldest_check_ms.is_some());
}

#[test]
fn a_restart_does_not_begin_anew() {
    let mut machine = Machine::new();
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 100);
    scrub(&machine, &store);
    machine.crash(store);
    let store = open(&machine);
    assert_eq!(store.scrub(&RULES), 10_000);
    assert_eq!(store.scrub_progress().read_bytes, 0);
    machine.clock.advance(RULES.interval_ms);
    store.scrub(&RULES);
    assert!(store.scrub_progress().read_bytes > 0);
}

#[test]
fn segments_may_go_while_they_are_read() {
    let mut machine = Machine::new();
    machine.options.segment_bytes = 200_000;
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 1_500);
    scrub(&machine, &store);
    machine.clock.advance(RULES.interval_ms);
    let slow = ScrubRules { bytes_per_second: 1, ..RULES };
    store.scrub(&slow);
    let first = store.min_physical_offset().0;
    let sums = machine.path("checksums").join(format!("{first:020}"));
    assert!(machine.disk.exists(&sums).unwrap());
    let second = store.inner.log.sealed()[1];
    store.inner.log.remove_before(crate::PhysicalOffset(second)).unwrap();
    scrub(&machine, &store);
    assert!(!machine.disk.exists(&sums).unwrap(), "what is gone needs no checksums");
    assert_eq!(store.scrub_progress().damages, 0);
}

#[test]
fn what_the_disk_cannot_read_or_keep_is_told_and_tried_again() {
    let machine = Machine::new();
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 100);
    machine.disk.fail_writes(Some(&machine.path("checksums")));
    scrub(&machine, &store);
    assert_eq!(store.scrub_progress().damages, 0, "nothing is wrong with the log");
    machine.disk.fail_writes(None);
    let bad = store.inner.log.sealed()[1];
    machine.disk.fail_reads(Some(&segment_path(&machine, bad)));
    scrub(&machine, &store);
    let progress = store.scrub_progress();
    assert_eq!(progress.damages, 1);
    assert!(progress.last_damage.unwrap().contains("the disk cannot read it"));
    machine.disk.fail_reads(None);
    scrub(&machine, &store);
    assert_eq!(store.scrub_progress().damages, 0);
    let kept = machine.disk.list(&machine.path("checksums")).unwrap();
    assert_eq!(kept.len(), store.inner.log.sealed().len());
}

#[test]
fn damaged_checksums_are_taken_anew() {
    let machine = Machine::new();
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 100);
    scrub(&machine, &store);
    let sums = machine.path("checksums").join(format!("{:020}", 0));
    let before = machine.disk.read(&sums).unwrap();
    machine.disk.flip(&sums, 8 * 66).unwrap();
    scrub(&machine, &store);
    assert_eq!(store.scrub_progress().damages, 0);
    let after = machine.disk.read(&sums).unwrap();
    assert_eq!(before[32..], after[32..]);
}

#[test]
fn a_log_that_begins_anew_knows_nothing_of_the_old_one() {
    let mut machine = Machine::new();
    let store = open(&machine);
    fill(&machine, &store, &mut Random::new(1), 100);
    scrub(&machine, &store);
    machine.crash(store);
    for name in ["commitlog", "consumequeue", "index", "checkpoint"] {
        machine.disk.remove_dir(&machine.path(name)).unwrap();
    }
    let store = open(&machine);
    assert_eq!(machine.disk.list(&machine.path("checksums")).unwrap(), []);
    fill(&machine, &store, &mut Random::new(2), 100);
    scrub(&machine, &store);
    assert_eq!(store.scrub_progress().damages, 0);
}
