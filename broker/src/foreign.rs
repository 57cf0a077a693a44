//! Data in a folder of Apache's broker that is not read here: a folder that has any is refused by name, before anything is written, so
//! that nothing is silently left out. Files that Apache's creates without using them are no reason to.

use std::io;
use std::path::{Path, PathBuf};

use bolide_store::Disk;
use bolide_store::disk::Entry;

/// How deep files are looked for: a topic's folder and a queue's.
const DEPTH: usize = 3;

/// Why a folder is not opened.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// Something is there that is not read.
    #[error("{} holds {what}, which this broker does not read; {remedy}", path.display())]
    Unread {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// It cannot be looked at.
    #[error("cannot look into {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How data is told from an empty beginning.
#[derive(Clone, Copy)]
enum Sign {
    /// Any file that is not empty.
    File,
    /// A RocksDB that something was put into.
    RocksDb,
}

/// A folder within the store's, what is in it, and what to do about it.
type Known = (&'static str, Sign, &'static str, &'static str);

const BACK: &str = "go on with Apache's broker, or move it away and lose that";
const EXPORT: &str =
    "have Apache's broker write it as JSON (mqadmin exportMetadataInRocksDB, rocksDBConfigToJson), then move it away";

const KNOWN: [Known; 10] = [
    (
        "config/users",
        Sign::RocksDb,
        "users",
        "create them here (mqadmin copyUser from a broker of Apache's that runs, or createUser), then move it away",
    ),
    (
        "config/acls",
        Sign::RocksDb,
        "access rules",
        "create them here (mqadmin copyAcl from a broker of Apache's that runs, or createAcl), then move it away",
    ),
    ("config/topics", Sign::RocksDb, "topics in RocksDB", EXPORT),
    ("config/subscriptionGroups", Sign::RocksDb, "consumer groups in RocksDB", EXPORT),
    ("config/consumerOffsets", Sign::RocksDb, "consumers' offsets in RocksDB", EXPORT),
    ("config/rdb", Sign::RocksDb, "settings in RocksDB (configManagerVersion=v2)", EXPORT),
    ("rocksdbstore", Sign::RocksDb, "timed messages, transactions or an index in RocksDB", BACK),
    ("kvStore", Sign::RocksDb, "messages in flight by POP in RocksDB (popConsumerKVServiceEnable)", BACK),
    ("compaction/compactionLog", Sign::File, "compacted topics", BACK),
    ("batchconsumequeue", Sign::File, "queues of batches (queue.type=BatchCQ)", BACK),
];

/// Looks at the folder of a store.
///
/// # Errors
/// With the first thing that is not read.
pub fn check(root: &Path, disk: &dyn Disk) -> Result<(), ForeignError> {
    for (folder, sign, what, remedy) in KNOWN {
        let path = root.join(folder);
        if has_data(disk, &path, sign)? {
            return Err(ForeignError::Unread { path, what, remedy });
        }
    }
    for entry in list(disk, root)?.into_iter().filter(|entry| entry.is_dir && entry.name.starts_with("dledger-")) {
        let path = root.join(entry.name);
        if has_data(disk, &path, Sign::File)? {
            return Err(ForeignError::Unread { path, what: "a commit log of DLedger", remedy: BACK });
        }
    }
    check_queues(root, disk)
}

/// Queues follow from the log, as long as that has every message: of a queue whose messages are all gone it does not tell the end.
fn check_queues(root: &Path, disk: &dyn Disk) -> Result<(), ForeignError> {
    let path = root.join("consumequeue_ext");
    if has_data(disk, &path, Sign::File)? {
        let remedy = "move it and consumequeue away: both follow from the commit log";
        return Err(ForeignError::Unread { path, what: "extended entries of queues", remedy });
    }
    let path = root.join("consumequeue_rocksdb");
    if !has_data(disk, &path, Sign::RocksDb)? || has_data(disk, &root.join("consumequeue"), Sign::File)? {
        return Ok(());
    }
    let first = list(disk, &root.join("commitlog"))?.into_iter().find(|entry| !entry.is_dir);
    if first.is_some_and(|first| first.name.bytes().any(|digit| digit != b'0')) {
        let remedy = "run Apache's broker with rocksdbCQDoubleWriteEnable=true once, which writes consumequeue";
        return Err(ForeignError::Unread { path, what: "queues in RocksDB", remedy });
    }
    tracing::warn!(
        "{} is not read: the queues are made anew from the commit log, which has every message",
        path.display()
    );
    Ok(())
}

fn has_data(disk: &dyn Disk, dir: &Path, sign: Sign) -> Result<bool, ForeignError> {
    match sign {
        Sign::File => has_file(disk, dir, DEPTH),
        // Its log has what was put in lately, its tables the rest; a new one has neither.
        Sign::RocksDb => {
            let is_table = |entry: &Entry| entry.name.ends_with(".sst") || entry.name.ends_with(".log");
            Ok(list(disk, dir)?.iter().any(|entry| entry.bytes > 0 && is_table(entry)))
        }
    }
}

fn has_file(disk: &dyn Disk, dir: &Path, depth: usize) -> Result<bool, ForeignError> {
    for entry in list(disk, dir)? {
        let inside = || if depth > 0 { has_file(disk, &dir.join(&entry.name), depth - 1) } else { Ok(false) };
        if entry.bytes > 0 || (entry.is_dir && inside()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<Entry>, ForeignError> {
    disk.list(dir).map_err(|source| ForeignError::Io { path: dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use bolide_store::disk::{Allocation, FakeDisk};

    use super::*;

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
        assert_eq!(
            refusal(&[trimmed[0], trimmed[1], ("consumequeue/t/0/00000000000000000000", 9)]),
            None,
            "written twice"
        );
    }
}
