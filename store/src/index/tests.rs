//! The index against a naive one that writes straight into an image of the file, as Apache's does.

use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::disk::FakeDisk;
use crate::record::java_hash;
use crate::store::tests::{message, small_options};

/// A record with these properties, as the log would hand it out.
fn record(offset: i64, store_ms: i64, properties: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::record::encode(&message("T", 0, b"body", properties), false, &mut bytes).unwrap();
    crate::record::Encoded(&mut bytes).complete(crate::QueueOffset(0), PhysicalOffset(offset), store_ms, false);
    bytes
}

fn apply(index: &Index, offset: i64, store_ms: i64, properties: &[u8]) {
    let bytes = record(offset, store_ms, properties);
    let view = RecordView::parse(&bytes).unwrap();
    index.apply(&view, &Keys::of(&view), store_ms).unwrap();
}

fn open(disk: &FakeDisk, crashed_after_ms: Option<i64>) -> Index {
    let crashed_after =
        crashed_after_ms.map(|index_ms| Checkpoint { index_ms, queue_ms: index_ms, ..Checkpoint::default() });
    Index::open(&small_options("/store"), Arc::new(disk.clone()), crashed_after).unwrap()
}

fn image_of(disk: &FakeDisk, number: usize) -> Vec<u8> {
    let dir = Path::new("/store/index");
    disk.read(&dir.join(&disk.list(dir).unwrap()[number].name)).unwrap()
}

/// Apache's way: everything in place, in one image (7 slots, 50 entries).
struct Naive {
    image: Vec<u8>,
    header: Header,
}

use super::header::Header;

impl Naive {
    fn put(&mut self, key: &str, offset: i64, store_ms: i64) {
        let hash = java_hash(key).checked_abs().unwrap_or(0);
        let slot_at = 40 + (hash % 7) as usize * 4;
        let previous = i32::from_be_bytes(self.image[slot_at..slot_at + 4].try_into().unwrap());
        let seconds =
            if self.header.begin_ms <= 0 { 0 } else { ((store_ms - self.header.begin_ms) / 1000).max(0) as i32 };
        let at = 40 + 7 * 4 + self.header.next as usize * 20;
        self.image[at..at + 4].copy_from_slice(&hash.to_be_bytes());
        self.image[at + 4..at + 12].copy_from_slice(&offset.to_be_bytes());
        self.image[at + 12..at + 16].copy_from_slice(&seconds.to_be_bytes());
        self.image[at + 16..at + 20].copy_from_slice(&previous.to_be_bytes());
        self.image[slot_at..slot_at + 4].copy_from_slice(&self.header.next.to_be_bytes());
        if self.header.next == 1 {
            (self.header.begin_ms, self.header.begin_physical) = (store_ms, offset);
        }
        self.header.used_slots += i32::from(previous == 0);
        self.header.next += 1;
        (self.header.end_ms, self.header.end_physical) = (store_ms, offset);
        self.image[..40].copy_from_slice(&self.header.encode());
    }
}

proptest! {
    /// Whatever the rhythm of flushes and restarts, the file has the bytes that Apache would have written.
    #[test]
    fn the_file_has_apaches_bytes(keys in vec(("[a-z]{1,3}", 0..4_000i64, 0..4), 1..49)) {
        let disk = FakeDisk::new();
        let mut index = open(&disk, None);
        let mut naive = Naive { image: vec![0; 40 + 7 * 4 + 50 * 20], header: Header::after(None) };
        let mut now = 1_000;
        for (at, (key, pause, what)) in keys.iter().enumerate() {
            now += pause;
            let offset = at as i64 * 100;
            naive.put(&format!("T#{key}"), offset, now);
            apply(&index, offset, now, format!("KEYS\x01{key}\x02").as_bytes());
            if *what == 0 {
                let flushed = index.flush().unwrap();
                index.commit(flushed).unwrap();
            }
            if *what == 1 {
                let flushed = index.flush().unwrap();
                index.commit(flushed).unwrap();
                index = open(&disk, None);
            }
        }
        let flushed = index.flush().unwrap();
        index.commit(flushed).unwrap();
        prop_assert_eq!(image_of(&disk, 0), naive.image);
        for (at, (key, ..)) in keys.iter().enumerate() {
            let found = index.query("T", key, 64, 0, i64::MAX).unwrap();
            prop_assert!(found.contains(&PhysicalOffset(at as i64 * 100)));
            prop_assert!(found.is_sorted_by(|a, b| a > b), "newest first");
        }
    }

    /// A crash at any moment of a flush loses nothing that the header counts.
    #[test]
    fn a_flush_may_be_cut_short(first in 1..20usize, second in 1..20usize) {
        let disk = FakeDisk::new();
        let index = open(&disk, None);
        for at in 0..first {
            apply(&index, at as i64 * 100, 5_000, format!("KEYS\x01k{at}\x02").as_bytes());
        }
        let flushed = index.flush().unwrap();
        index.commit(flushed).unwrap();
        for at in first..first + second {
            apply(&index, at as i64 * 100, 5_000, format!("KEYS\x01k{at}\x02").as_bytes());
        }
        // Entries and slots are there, the header is not.
        let _ = index.flush().unwrap();
        let disk = disk.fork();
        let index = open(&disk, Some(5_000));
        prop_assert_eq!(index.covered(), Some(PhysicalOffset((first as i64 - 1) * 100)));
        for at in 0..first + second {
            apply(&index, at as i64 * 100, 5_000, format!("KEYS\x01k{at}\x02").as_bytes());
        }
        for at in 0..first + second {
            let found = index.query("T", &format!("k{at}"), 64, 0, i64::MAX).unwrap();
            prop_assert_eq!(found, vec![PhysicalOffset(at as i64 * 100)]);
        }
    }
}

#[test]
fn all_kinds_of_keys_and_times() {
    let disk = FakeDisk::new();
    let index = open(&disk, None);
    apply(&index, 0, 10_000, b"UNIQ_KEY\x01u\x02KEYS\x01a  b\x02TAGS\x01t\x02");
    apply(&index, 200, 20_000, b"KEYS\x01a\x02");
    let query = |key, begin, end| {
        index.query("T", key, 64, begin, end).unwrap().iter().map(|found| found.0).collect::<Vec<_>>()
    };
    for key in ["u", "b", "T#t"] {
        assert_eq!(query(key, 0, i64::MAX), [0], "{key}");
    }
    assert_eq!(query("a", 0, i64::MAX), [200, 0]);
    assert_eq!(query("a", 15_000, i64::MAX), [200]);
    assert_eq!(query("a", 0, 15_000), [0]);
    assert_eq!(query("a", 30_000, 40_000), []);
    assert_eq!(index.query("T", "a", 1, 0, i64::MAX).unwrap().len(), 1);
    assert_eq!(index.query("U", "a", 64, 0, i64::MAX).unwrap(), []);
}

#[test]
fn full_files_are_followed_by_new_ones() {
    let disk = FakeDisk::new();
    let mut index = open(&disk, None);
    for at in 0..200 {
        apply(&index, at * 100, 10_000 + at, format!("UNIQ_KEY\x01u{at}\x02KEYS\x01k{at}\x02").as_bytes());
        if at % 64 == 0 {
            let flushed = index.flush().unwrap();
            index.commit(flushed).unwrap();
        }
    }
    // 49 entries each, for 0 is no entry's number.
    assert_eq!(disk.list(Path::new("/store/index")).unwrap().len(), 400usize.div_ceil(49));
    for _ in 0..2 {
        for at in 0..200 {
            assert_eq!(
                index.query("T", &format!("k{at}"), 64, 0, i64::MAX).unwrap(),
                [PhysicalOffset(at * 100)],
                "{at}"
            );
            assert_eq!(
                index.query("T", &format!("u{at}"), 64, 0, i64::MAX).unwrap(),
                [PhysicalOffset(at * 100)],
                "{at}"
            );
        }
        let flushed = index.flush().unwrap();
        index.commit(flushed).unwrap();
        index = open(&disk, Some(10_199));
    }
    // What the checkpoint does not vouch for is dropped.
    assert!(open(&disk, Some(10_150)).covered() < Some(PhysicalOffset(15_100)));
}

#[test]
fn names_are_times() {
    assert_eq!(name::after(0, None), "19700101000000000");
    assert_eq!(name::after(1_709_210_096_789, None), "20240229123456789");
    assert_eq!(name::after(1_709_210_096_789, Some("20240229123456789")), "20240229123456790");
    assert!(name::is_valid("20240229123456789"));
    assert!(!name::is_valid("20240229123456789.tmp"));
}
