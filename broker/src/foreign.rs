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
    let queues = root.join("consumequeue");
    let mut path = root.join("consumequeue_rocksdb");
    // 5.5.0 has them in a folder of their own only where `useSeparateStorePathForRocksdbCQ` or an older broker made it.
    if !has_data(disk, &path, Sign::RocksDb)? {
        path.clone_from(&queues);
    }
    if !has_data(disk, &path, Sign::RocksDb)? || has_queue(disk, &queues)? {
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

/// Whether there is a queue in files.
fn has_queue(disk: &dyn Disk, dir: &Path) -> Result<bool, ForeignError> {
    for entry in list(disk, dir)?.into_iter().filter(|entry| entry.is_dir) {
        if has_file(disk, &dir.join(entry.name), DEPTH)? {
            return Ok(true);
        }
    }
    Ok(false)
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
mod tests;
