//! Folders made up, and the folders that a real broker of Apache's left, on a disk in memory.

use bolide_store::disk::{Allocation, FakeDisk};

use super::*;

/// What a broker of Apache's left; see there.
const FOLDERS: &str = include_str!("folders.txt");

/// The files of one of [`FOLDERS`], without those in folders that were moved away.
fn left_by_apache(name: &str, moved: &[&str]) -> Vec<(&'static str, u64)> {
    let title = format!("# {name}: ");
    let lines = FOLDERS.lines().skip_while(|line| !line.starts_with(&title)).skip(1);
    let files = lines.take_while(|line| !line.starts_with('#')).map(|line| {
        let (name, bytes) = line.split_once(' ').expect("a name and a length");
        (name, bytes.parse().expect("a length"))
    });
    files.filter(|(name, _)| !moved.iter().any(|folder| name.starts_with(folder))).collect()
}

/// A folder with files of these lengths.
fn folder(files: &[(&str, u64)]) -> FakeDisk {
    let disk = FakeDisk::new();
    for (name, bytes) in files {
        let path = Path::new("/store").join(name);
        disk.create_dir(path.parent().unwrap()).unwrap();
        disk.create(&path, *bytes, Allocation::Sparse).unwrap();
    }
    disk
}

fn refusal(files: &[(&str, u64)]) -> Option<String> {
    check(Path::new("/store"), &folder(files)).err().map(|error| error.to_string())
}

#[test]
fn what_apache_creates_without_using_it_is_no_hindrance() {
    let files = [
        ("rocksdbstore/000012.log", 0),
        ("rocksdbstore/CURRENT", 16),
        ("rocksdbstore/MANIFEST-000013", 255),
        ("compaction/position-checkpoint", 39),
        ("config/topics.json", 100),
        ("consumequeue/t/0/00000000000000000000", 400),
    ];
    assert_eq!(refusal(&files), None);
    assert_eq!(refusal(&[]), None);
}

#[test]
fn data_that_is_not_read_is_named() {
    let named = |files: &[(&str, u64)], word: &str| {
        let refusal = refusal(files).unwrap_or_else(|| panic!("{files:?} were accepted"));
        assert!(refusal.contains(word), "{refusal}");
    };
    named(&[("rocksdbstore/000020.sst", 9)], "/store/rocksdbstore holds timed messages");
    named(&[("config/users/000020.log", 9)], "config/users holds users");
    named(&[("config/topics/000020.sst", 9)], "topics in RocksDB");
    named(&[("config/rdb/000020.sst", 9)], "configManagerVersion=v2");
    named(&[("kvStore/000020.log", 9)], "POP");
    named(&[("dledger-n0/data/00000000000000000000", 9)], "DLedger");
    named(&[("compaction/compactionLog/t/0/00000000000000000000", 9)], "compacted topics");
    named(&[("batchconsumequeue/t/0/00000000000000000000", 9)], "BatchCQ");
    named(&[("consumequeue_ext/t/0/00000000000000000000", 9)], "extended entries");
}

#[test]
fn queues_in_rocksdb_are_made_anew_where_the_log_has_every_message() {
    let queues = ("consumequeue_rocksdb/000020.sst", 9);
    assert_eq!(refusal(&[queues, ("commitlog/00000000000000000000", 9)]), None);
    let trimmed = [queues, ("commitlog/00000000001073741824", 9)];
    assert!(refusal(&trimmed).unwrap().contains("rocksdbCQDoubleWriteEnable"));
    assert_eq!(refusal(&[trimmed[0], trimmed[1], ("consumequeue/t/0/00000000000000000000", 9)]), None, "written twice");
}

#[test]
fn what_a_real_broker_left_is_refused_by_name() {
    let refused = |name: &str, moved: &[&str], word: &str| {
        let refusal = refusal(&left_by_apache(name, moved)).unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(refusal.contains(word), "{refusal}");
    };
    let data = [
        ("config/users", "config/users holds users"),
        ("rocksdbstore", "/store/rocksdbstore holds timed messages"),
        ("compaction", "compacted topics"),
        ("batchconsumequeue", "BatchCQ"),
        ("consumequeue_ext", "extended entries"),
    ];
    let folders = data.map(|(folder, _)| folder);
    for (count, (_, word)) in data.iter().enumerate() {
        refused("many", &folders[..count], word);
    }
    assert_eq!(refusal(&left_by_apache("many", &folders)), None);
    refused("v2", &[], "configManagerVersion=v2");
    refused("dledger", &[], "a commit log of DLedger");
    refused("rocksdb", &[], "topics in RocksDB");
    refused("rocksdb", &["config/topics"], "consumer groups in RocksDB");
    refused("rocksdb", &["config/topics", "config/subscriptionGroups"], "offsets in RocksDB");
    let settings = ["config/topics", "config/subscriptionGroups", "config/consumerOffsets"];
    assert_eq!(refusal(&left_by_apache("rocksdb", &settings)), None, "the log has every message");
    let mut trimmed = left_by_apache("rocksdb", &[&settings[..], &["commitlog"]].concat());
    trimmed.push(("commitlog/00000000000004194304", 4_194_304));
    assert!(refusal(&trimmed).unwrap().contains("rocksdbCQDoubleWriteEnable"));
}
