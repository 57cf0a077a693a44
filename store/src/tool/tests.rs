//! The tool over folders that a store left, sound and damaged.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::scrub::{CHECKSUMS, Examination};
use crate::store::tests::{message, small_options};
use crate::{
    ManualClock, NoEvents, PhysicalOffset, QueueId, QueueOffset, ReadLimits, RealDisk, Store, StoreError, StoreOptions,
    TimerCheckpoint, TimerFiles, TimerMark, TimerOptions, TimerRecord,
};

const MESSAGES: usize = 120;
const SLOTS: u32 = 7;

fn open(root: &Path) -> Result<Store, StoreError> {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    Store::open(small_options(root), Arc::new(RealDisk), clock, Arc::new(NoEvents))
}

/// A folder with some messages, closed.
fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).unwrap();
    for at in 0..MESSAGES {
        let properties = format!("KEYS\x01key-{at}\x02TAGS\x01\"blue\"\x02");
        let topic = ["A", "B"][at % 2];
        store
            .put(&message(topic, 0, format!("body {at} {}", "x".repeat(300)).as_bytes(), properties.as_bytes()))
            .unwrap();
    }
    store.close().unwrap();
    root
}

fn verified(root: &Path) -> (Verified, String) {
    let mut out = Vec::new();
    let verified = verify(&Folder::open(root, None).unwrap(), SLOTS, &mut out).unwrap();
    (verified, String::from_utf8(out).unwrap())
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.insert(entry.clone(), fs::read(&entry).unwrap());
        }
    }
    found
}

fn overwrite(path: &Path, position: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, position).unwrap();
}

#[test]
fn a_sound_folder_has_no_damage_and_is_left_alone() {
    let root = folder();
    let before = files(root.path());
    let (verified, text) = verified(root.path());
    assert_eq!((verified.records, verified.queues, verified.damages), (MESSAGES as u64, 2, 0), "{text}");
    assert!(verified.index_entries > 0);
    let folder = Folder::open(root.path(), None).unwrap();
    let mut out = Vec::new();
    inspect(&folder, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("queue A/0 from 0 to 60") && text.contains("state stopped cleanly"), "{text}");
    let mut out = Vec::new();
    let filter = DumpFilter { topic: Some("B".to_owned()), limit: Some(3), ..DumpFilter::default() };
    assert_eq!(dump(&folder, &filter, &mut out).unwrap(), 3);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.lines().all(|line| line.contains(r#""topic":"B""#) && line.contains(r#""TAGS":"\"blue\"""#)),
        "{text}"
    );
    assert_eq!(files(root.path()), before, "looking changes nothing");
}

#[test]
fn each_damage_is_named_with_its_place() {
    let root = folder();
    let segments: Vec<_> = files(&root.path().join("commitlog")).into_keys().collect();
    let head = 88 + 2;
    overwrite(&segments[0], head, b"?");
    overwrite(&segments[2], 4, &[0; 4]);
    overwrite(&root.path().join("consumequeue/A/0/00000000000000000000"), 3 * 20, &7i64.to_be_bytes());
    let index = files(&root.path().join("index")).into_keys().next().unwrap();
    overwrite(&index, 40 + u64::from(SLOTS) * 4 + 20 + 4, &11i64.to_be_bytes());
    let (verified, text) = verified(root.path());
    assert!(text.contains("DAMAGE commit log at 0: the body's checksum is wrong"), "{text}");
    assert!(text.contains("DAMAGE commit log at 16384: 0x00000000 is no record's magic"), "{text}");
    assert!(text.contains("DAMAGE queue A/0 at 3: leads to 7 instead of"), "{text}");
    assert!(text.contains("1 of 49 entries lead to no message"), "{text}");
    assert!(verified.records < MESSAGES as u64 && verified.damages >= 4, "{text}");
    fs::remove_file(&segments[3]).unwrap();
    let (_, text) = self::verified(root.path());
    assert!(text.contains("segments are missing"), "{text}");
}

#[test]
fn what_no_record_covers_is_found_by_the_checksums_of_the_scrub() {
    let root = folder();
    let segment = files(&root.path().join("commitlog")).into_keys().next().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let mut examination = Examination::new(0, bytes.len() as u64, None);
    while let Some((position, length)) = examination.next() {
        examination.feed(&bytes[position as usize..][..length]);
    }
    fs::create_dir(root.path().join(CHECKSUMS)).unwrap();
    let sums = examination.finish().sums.unwrap().encode(1);
    fs::write(root.path().join(CHECKSUMS).join(segment.file_name().unwrap()), sums).unwrap();
    assert_eq!(verified(root.path()).0.damages, 0);
    // The flag that only clients look at.
    overwrite(&segment, 16, &[bytes[16] ^ 1]);
    let (damaged, text) = verified(root.path());
    assert!(text.contains("DAMAGE commit log: the byte at 16, in the record at 0: one bit has changed"), "{text}");
    assert_eq!(damaged.damages, 1, "{text}");
    // The body, which the record's own checksum covers.
    overwrite(&segment, 16, &[bytes[16]]);
    overwrite(&segment, 88 + 2, &[bytes[88 + 2] ^ 1]);
    let (_, text) = verified(root.path());
    assert!(text.contains("DAMAGE commit log at 0: ") && !text.contains("one bit"), "named once: {text}");
}

#[test]
fn each_bit_of_an_index_files_header_is_looked_at() {
    let root = folder();
    let index = files(&root.path().join("index")).into_keys().next().unwrap();
    let header = fs::read(&index).unwrap()[..40].to_vec();
    for bit in 0..header.len() * 8 {
        let (at, mask) = (bit / 8, 1 << (bit % 8));
        overwrite(&index, at as u64, &[header[at] ^ mask]);
        let (damaged, text) = verified(root.path());
        assert!(damaged.damages > 0, "bit {bit}: {text}");
        overwrite(&index, at as u64, &[header[at]]);
    }
}

#[test]
fn queues_and_index_are_made_anew() {
    let root = folder();
    overwrite(&root.path().join("consumequeue/A/0/00000000000000000000"), 0, &[0xff; 100]);
    fs::remove_dir_all(root.path().join("index")).unwrap();
    let options = || StoreOptions { index_slots: SLOTS, index_units: 50, ..StoreOptions::new(root.path()) };
    let store = open(root.path()).unwrap();
    let refused = rebuild(&Folder::open(root.path(), None).unwrap(), options());
    assert!(matches!(refused, Err(FolderError::Store(StoreError::Locked { .. }))), "a broker has it");
    drop(store);
    rebuild(&Folder::open(root.path(), None).unwrap(), options()).unwrap();
    let (verified, text) = verified(root.path());
    assert_eq!((verified.records, verified.damages), (MESSAGES as u64, 0), "{text}");
    let store = open(root.path()).unwrap();
    let limits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };
    assert_eq!(store.read_queue_blocking("A", QueueId(0), QueueOffset(0), limits, &|_| true).unwrap().count, 32);
    assert_eq!(store.query_index("B", "key-119", 10, 0, i64::MAX).unwrap().len(), 1);
}

#[test]
fn a_folder_without_a_log_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let error = Folder::open(root.path(), None).unwrap_err().to_string();
    assert!(error.contains("no commit log is here"), "{error}");
    assert!(fs::read_dir(root.path()).unwrap().next().is_none(), "nothing is created");
}

/// Gives a folder a timer log whose records lead to the messages at these offsets, and a file of settings.
fn add_timers(root: &Path, messages: &[i64]) {
    fs::create_dir_all(root.join("config")).unwrap();
    fs::write(root.join("config/topics.json"), r#"{"offsetTable":{0:1}}"#).unwrap();
    let options = TimerOptions { root: root.to_owned(), precision_ms: 1_000, log_file_bytes: 52 * 5 };
    let (mut files, _) = TimerFiles::open(options, Arc::new(RealDisk), PhysicalOffset(i64::MAX)).unwrap();
    for (number, physical) in messages.iter().enumerate() {
        let record = TimerRecord {
            previous: -1,
            mark: TimerMark::default(),
            written_ms: 1_700_000_000_000,
            after_ms: number as i32 * 1_000,
            physical: PhysicalOffset(*physical),
            size: 100,
            topic_hash: 1,
            due_ms: 0,
        };
        files.append(&record, false).unwrap();
    }
    files.save(TimerCheckpoint { read_ms: 1_700_000_000_000, ..TimerCheckpoint::default() }).unwrap();
}

/// Where the first messages lie.
fn offsets(root: &Path) -> Vec<i64> {
    let mut out = Vec::new();
    let filter = DumpFilter { limit: Some(12), ..DumpFilter::default() };
    dump(&Folder::open(root, None).unwrap(), &filter, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let offset = |line: &str| line.split("\"commitLogOffset\":").nth(1)?.split(',').next()?.parse().ok();
    text.lines().map(|line| offset(line).unwrap()).collect()
}

#[test]
fn timers_and_settings_are_shown_and_checked() {
    let root = folder();
    add_timers(root.path(), &offsets(root.path()));
    let before = files(root.path());
    let (sound, text) = verified(root.path());
    assert_eq!((sound.timer_records, sound.damages), (12, 0), "{text}");
    let mut out = Vec::new();
    inspect(&Folder::open(root.path(), None).unwrap(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("timer log from 0 to 780, 3 files") && text.contains("config topics.json 21 bytes"),
        "{text}"
    );
    assert!(files(root.path()) == before, "looking changes nothing");

    overwrite(&root.path().join("timerlog/00000000000000000000"), 52 + 28, &5_i64.to_be_bytes());
    overwrite(&root.path().join("timerlog/00000000000000000260"), 52, &[0; 52]);
    let slot = 1_700_000_001_i64 % crate::TIMER_SLOTS * 32;
    overwrite(&root.path().join("timerwheel"), slot as u64 + 16, &9_999_i64.to_be_bytes());
    fs::write(root.path().join("config/topics.json"), "{\"a\":").unwrap();
    let (damaged, text) = verified(root.path());
    assert!(text.contains("timer log: 1 of 9 records lead to no message"), "{text}");
    assert!(text.contains("timer log breaks off at 312 and goes on at 520"), "{text}");
    assert!(text.contains("timer wheel: slot 1700000001 leads to 52 to 9999 of the timer log"), "{text}");
    assert!(text.contains("config/topics.json: byte 5 of 5 is no JSON"), "{text}");
    assert_eq!(damaged.damages, 4, "{text}");
}
