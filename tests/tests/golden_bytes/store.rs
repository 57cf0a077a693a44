//! Files of a store: Apache's commit log, put again message by message or merely opened, must give Apache's queues and index.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bolide_store::record::{Properties, RecordView, Step, properties, step, sys_flag};
use bolide_store::{
    Clock, ManualClock, NewMessage, NoEvents, PhysicalOffset, QueueId, QueueOffset, ReadLimits, ReadStatus, RealDisk,
    Store, StoreOptions,
};

use crate::manifest::{StoreFile, store_files};

/// The recorded stores, and whether their records end with checksums.
const STORES: [(&str, bool); 2] = [("ipv4", false), ("ipv6", true)];

/// What the recorder's configuration says (`record/record.py`).
fn options(root: &Path, append_property_crc: bool) -> StoreOptions {
    StoreOptions {
        segment_bytes: 65_536,
        queue_file_units: 50,
        index_slots: 50,
        index_units: 120,
        max_body_bytes: 50_000,
        append_property_crc,
        ..StoreOptions::new(root)
    }
}

fn open(root: &Path, append_property_crc: bool, clock: &Arc<ManualClock>) -> Store {
    Store::open(options(root, append_property_crc), Arc::new(RealDisk), clock.clone(), Arc::new(NoEvents)).unwrap()
}

/// Recorded or written files below one folder of a store, by path.
fn below(files: &[StoreFile], folder: &str) -> BTreeMap<String, Vec<u8>> {
    let inside = files.iter().filter(|file| file.path.starts_with(folder));
    inside.map(|file| (file.path.clone(), file.bytes.clone())).collect()
}

fn read_below(root: &Path, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

fn write_files(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Calls `visit` with each record of the log, in order, and checks what lies between them.
fn walk(segments: &BTreeMap<String, Vec<u8>>, mut visit: impl FnMut(RecordView<'_>)) {
    for (name, bytes) in segments {
        let start: i64 = name.rsplit('/').next().unwrap().parse().unwrap();
        let mut at = 0;
        while at < bytes.len() {
            match step(&bytes[at..]) {
                Ok(Step::Record(record)) => {
                    record.verify(PhysicalOffset(start + at as i64)).unwrap_or_else(|e| panic!("{name} at {at}: {e}"));
                    visit(record);
                    at += record.size();
                }
                Ok(Step::Blank { size }) => {
                    assert_eq!(size, bytes.len() - at, "{name}: a blank fills its segment");
                    at = bytes.len();
                }
                Err(_) => {
                    assert!(bytes[at..].iter().all(|&byte| byte == 0), "{name} at {at}: neither a record nor the end");
                    assert!(Some(name) == segments.keys().next_back(), "{name} ends early");
                    at = bytes.len();
                }
            }
        }
    }
}

/// The log's segments, without one that was made ahead of its first record.
fn segments(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut segments = read_below(root, "commitlog");
    segments.retain(|_, bytes| bytes.iter().any(|&byte| byte != 0));
    segments
}

/// Says where two sets of files differ.
fn assert_same(what: &str, before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{what}: names");
    for (name, bytes) in before {
        let (theirs, ours) = (bytes, &after[name]);
        assert_eq!(theirs.len(), ours.len(), "{what}: length of {name}");
        if let Some(at) = theirs.iter().zip(ours).position(|(a, b)| a != b) {
            let around = at.saturating_sub(24)..(at + 24).min(theirs.len());
            let (theirs, ours) = (theirs[around.clone()].escape_ascii(), ours[around].escape_ascii());
            panic!("{what}: {name} differs at byte {at}:\nApache  {theirs}\nBolide  {ours}");
        }
    }
}

/// Index files are named by the time they were made at, which no test can repeat: their order is what counts.
fn numbered(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.into_values().enumerate().map(|(number, bytes)| (number.to_string(), bytes)).collect()
}

#[test]
fn all_kinds_of_records_were_recorded() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for (store, _) in STORES {
        walk(&below(&store_files(store), "commitlog/"), |record| {
            let flags = record.sys_flag();
            let has = |name: &str| record.properties().get(name).is_some();
            for (kind, is) in [
                ("plain", flags == 0),
                ("compressed with zlib", flags & sys_flag::COMPRESSION_MASK == sys_flag::COMPRESSION_ZLIB),
                ("compressed with lz4", flags & sys_flag::COMPRESSION_MASK == sys_flag::COMPRESSION_LZ4),
                ("committed", flags & sys_flag::TRANSACTION_MASK == sys_flag::COMMIT),
                ("born at an IPv6 address", record.born_host().is_ipv6()),
                ("stored at an IPv6 address", record.store_host().is_ipv6()),
                ("in a long topic", record.topic().len() > 127),
                ("tagged", has(properties::TAGS)),
                ("keyed", has(properties::KEYS)),
                ("delayed", record.topic() == "SCHEDULE_TOPIC_XXXX"),
                ("checksummed", has(properties::CRC)),
                ("flagged", record.flag() != 0),
                ("consumed in vain", record.reconsume_times() > 0),
                ("with text beyond ASCII", record.properties().get_str("stadt").is_some_and(|text| !text.is_ascii())),
            ] {
                *seen.entry(kind).or_default() += usize::from(is);
            }
        });
    }
    assert!(seen.values().all(|&count| count > 0), "{seen:?}");
    let blanks = below(&store_files("ipv4"), "commitlog/").len() - 1;
    assert!(blanks >= 2, "the log must roll");
}

#[test]
fn messages_put_again_give_apaches_files() {
    for (name, append_property_crc) in STORES {
        let recorded = store_files(name);
        let log = below(&recorded, "commitlog/");
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(0));
        let store = open(folder.path(), append_property_crc, &clock);
        walk(&log, |record| {
            clock.advance(record.store_ms() - clock.now_ms());
            let mut text = Vec::new();
            let all: Properties<'_> = record.properties();
            if append_property_crc {
                all.copy_without(&[properties::CRC], &mut text);
            } else {
                text.extend_from_slice(all.0);
            }
            let put = store.put(&NewMessage {
                topic: record.topic(),
                queue: record.queue(),
                flag: record.flag(),
                sys_flag: record.sys_flag(),
                born_ms: record.born_ms(),
                born_host: record.born_host(),
                store_host: record.store_host(),
                reconsume_times: record.reconsume_times(),
                prepared_offset: record.prepared_offset(),
                body: record.body(),
                properties: &text,
            });
            let put = put.unwrap_or_else(|e| panic!("{name} at {}: {e}", record.physical_offset()));
            assert_eq!(put.physical_offset, record.physical_offset(), "{name}");
            assert_eq!(put.queue_offset, record.queue_offset(), "{name} at {}", record.physical_offset());
            store.dispatch();
        });
        store.close().unwrap();
        drop(store);
        assert_same(name, &log, &segments(folder.path()));
        assert_same(name, &below(&recorded, "consumequeue/"), &read_below(folder.path(), "consumequeue"));
        let index = numbered(read_below(folder.path(), "index"));
        assert_same(name, &numbered(below(&recorded, "index/")), &index);
        let written = checkpoint(&std::fs::read(folder.path().join("checkpoint")).unwrap());
        assert_eq!(written[..3], [last_store_ms(&log); 3], "{name}: after a clean stop everything is on the disk");
    }
}

#[test]
fn queues_and_index_are_rebuilt_from_apaches_log_alone() {
    for (name, append_property_crc) in STORES {
        let recorded = store_files(name);
        let log = below(&recorded, "commitlog/");
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &log);
        let clock = Arc::new(ManualClock::new(i64::from(i32::MAX) * 1_000));
        let store = open(folder.path(), append_property_crc, &clock);
        store.dispatch();
        store.close().unwrap();
        drop(store);
        assert_same(name, &log, &segments(folder.path()));
        assert_same(name, &below(&recorded, "consumequeue/"), &read_below(folder.path(), "consumequeue"));
        let index = numbered(read_below(folder.path(), "index"));
        assert_same(name, &numbered(below(&recorded, "index/")), &index);
    }
}

#[test]
fn apaches_store_opens_and_closes_unchanged() {
    reopen_apaches_store(false);
}

#[test]
fn apaches_store_recovers_unchanged_after_a_crash() {
    reopen_apaches_store(true);
}

fn reopen_apaches_store(crashed: bool) {
    for (name, append_property_crc) in STORES {
        let recorded = store_files(name);
        let log = below(&recorded, "commitlog/");
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &below(&recorded, ""));
        if crashed {
            std::fs::write(folder.path().join("abort"), "4711").unwrap();
        }
        let clock = Arc::new(ManualClock::new(i64::from(i32::MAX) * 1_000));
        let store = open(folder.path(), append_property_crc, &clock);
        read_everything(&store, &log);
        store.close().unwrap();
        drop(store);
        assert!(!folder.path().join("abort").exists(), "{name}");
        assert_same(name, &log, &segments(folder.path()));
        assert_same(name, &below(&recorded, "consumequeue/"), &read_below(folder.path(), "consumequeue"));
        // After a crash the last message may be in the index twice, as with Apache.
        if !crashed {
            let index = numbered(read_below(folder.path(), "index"));
            assert_same(name, &numbered(below(&recorded, "index/")), &index);
        }
        let before = checkpoint(&below(&recorded, "checkpoint")["checkpoint"]);
        let after = checkpoint(&std::fs::read(folder.path().join("checkpoint")).unwrap());
        let last = last_store_ms(&log);
        for (before, after) in before.into_iter().zip(after).take(3) {
            assert!(before <= after && after <= last, "{name}: {before} became {after}, the last record is of {last}");
        }
    }
}

/// The numbers of a checkpoint. The first three are the store times up to which log, queues and index are on the disk.
fn checkpoint(bytes: &[u8]) -> Vec<i64> {
    assert_eq!(bytes.len(), 4096);
    assert!(bytes[48..].iter().all(|&byte| byte == 0));
    bytes[..48].chunks(8).map(|chunk| i64::from_be_bytes(chunk.try_into().unwrap())).collect()
}

fn last_store_ms(log: &BTreeMap<String, Vec<u8>>) -> i64 {
    let mut last = 0;
    walk(log, |record| last = record.store_ms());
    last
}

/// Each record of the log can be read by its offset, from its queue, and by its keys.
fn read_everything(store: &Store, log: &BTreeMap<String, Vec<u8>>) {
    let mut ends = BTreeMap::<(String, QueueId), QueueOffset>::new();
    walk(log, |record| {
        let at = record.physical_offset();
        assert_eq!(store.message_at(at).unwrap(), record.bytes(), "{at}");
        let (topic, queue) = (record.topic(), record.queue());
        ends.insert((topic.to_owned(), queue), QueueOffset(record.queue_offset().0 + 1));
        let limits = ReadLimits { max_messages: 1, max_bytes: 1 << 20 };
        let read = store.read_queue_blocking(topic, queue, record.queue_offset(), limits, &|_| true).unwrap();
        assert_eq!((read.status, read.count), (ReadStatus::Found, 1), "{at}");
        assert_eq!(read.records.concat(), record.bytes(), "{at}");
        let keys = record.properties().get_str(properties::KEYS).unwrap_or_default();
        let unique = record.properties().get_str(properties::UNIQUE_KEY);
        for key in keys.split_ascii_whitespace().chain(unique) {
            // The index knows seconds, counted from the first message of its file.
            let found = store.query_index(topic, key, 64, record.store_ms() - 999, record.store_ms()).unwrap();
            assert!(found.contains(&at), "{key} of {at} is not in the index: {found:?}");
        }
    });
    for ((topic, queue), end) in ends {
        assert_eq!(store.max_offset(&topic, queue), Some(end), "{topic} {queue}");
        assert_eq!(store.min_offset(&topic, queue), Some(QueueOffset(0)), "{topic} {queue}");
    }
}
