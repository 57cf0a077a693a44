//! What can go wrong, one variant per situation, so that a caller can map each to one answer.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::offset::PhysicalOffset;

/// Why a store did not open or an operation on its files failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Reading or writing a file failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another store of this one, holds the folder.
    #[error("{} is locked by another broker (Java or Bolide); stop it, or set another storePathRootDir", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file has a length that the configured sizes do not allow.
    #[error("{} has {found} bytes where {expected} are configured; set {key} to the value the folder was written with", path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// The length that the options ask for.
        expected: u64,
        /// The configuration key that sets it.
        key: &'static str,
    },
    /// The segments of the commit log do not follow each other.
    #[error("commit log segment {} is missing before {}; put it back, or move the later ones away", missing.display(), next.display())]
    MissingSegment {
        /// The segment that should be there.
        missing: PathBuf,
        /// The first one after the gap.
        next: PathBuf,
    },
    /// There is no commit log where there was one.
    #[error("{} is empty, but the checkpoint beside it knows of messages; mount the disk that has them, or remove {} to begin anew", log.display(), checkpoint.display())]
    MissingLog {
        /// The log's folder.
        log: PathBuf,
        /// The file that knows better.
        checkpoint: PathBuf,
    },
    /// The commit log could not be read while recovering.
    #[error("the commit log cannot be recovered: {0}")]
    Unreadable(ReadError),
    /// Queues or index are behind the log and cannot be brought to the disk; the next start rebuilds them.
    #[error("queues and index are not complete on the disk, the next start rebuilds them: {reason}")]
    Incomplete {
        /// What went wrong.
        reason: String,
    },
    /// The log could not be brought to the disk.
    #[error(transparent)]
    Refused(PutError),
    /// An option has a value that no store can work with.
    #[error("{key}={value} cannot work: {reason}")]
    BadOption {
        /// The configuration key.
        key: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
}

impl StoreError {
    /// Names the file and the action that an I/O error lacks.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a message was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PutError {
    /// The body is longer than `maxMessageSize`, or the record does not fit a segment.
    #[error("the message has {found} bytes, more than the {limit} allowed (maxMessageSize)")]
    MessageTooLarge {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The encoded properties are too long for their length field.
    #[error("the properties have {found} bytes, more than the {limit} allowed")]
    PropertiesTooLong {
        /// Their length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The topic's name is empty or too long.
    #[error("the topic name has {found} bytes; 1 to {limit} are allowed")]
    BadTopicLength {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The topic's name cannot be the name of a folder.
    #[error("the topic name contains a character that is not allowed in a file name")]
    BadTopicName,
    /// A light queue's name cannot be the name of a folder.
    #[error(
        "the light queue {name:?} is longer than 255 bytes or contains a character that is not allowed in a file name"
    )]
    BadLightQueue {
        /// The name.
        name: String,
    },
    /// The queue number is negative.
    #[error("queue {found} does not exist: queue numbers start at 0")]
    BadQueue {
        /// The number.
        found: i32,
    },
    /// The body of a batch is not a sequence of messages.
    #[error("the batch is malformed at byte {position}: {problem}")]
    BadBatch {
        /// Where in the body.
        position: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A batch cannot be transactional or of the inner-batch kind.
    #[error("a batch of this kind is not supported")]
    UnsupportedBatch,
    /// The disk is fuller than `diskSpaceWarningLevelRatio`. It may work later.
    #[error("the disk is {used_percent} % full (diskSpaceWarningLevelRatio)")]
    NearlyFull {
        /// How full it is.
        used_percent: u32,
    },
    /// There is no room on the disk for the next segment. It may work later.
    #[error("the disk has no room for the next commit log segment")]
    NoSpace,
    /// The next segment could not be created. It may work later.
    #[error("the next commit log segment cannot be created: {reason}")]
    NoSegment {
        /// What the system said.
        reason: String,
    },
    /// An earlier sync failed, so that nobody knows what is on the disk. Only a restart helps.
    #[error("writes are refused since a sync of the commit log failed: {reason}")]
    Poisoned {
        /// What the system said then.
        reason: String,
    },
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

/// Why messages could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The data is not in memory; ask again with the blocking variant, on a thread that may wait.
    #[error("the data is on disk only")]
    Cold,
    /// No record starts at this offset: it was deleted, or never was there.
    #[error("no message starts at commit log offset {0}")]
    NoRecord(PhysicalOffset),
    /// The bytes found are not the record that should be there.
    #[error("the record at commit log offset {offset} is damaged: {problem}")]
    Damaged {
        /// Where.
        offset: PhysicalOffset,
        /// What does not fit.
        problem: &'static str,
    },
    /// The disk did not answer.
    #[error("cannot read {what}: {source}")]
    Io {
        /// What was read.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ReadError {
    /// Tells an answer that must be fetched on a blocking thread from a real error.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::WouldBlock => Self::Cold,
            _ => Self::Io { what, source },
        }
    }
}
