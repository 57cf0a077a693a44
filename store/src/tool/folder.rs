//! A store's folder: which segments and queues it has, by the names and lengths of its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a folder cannot be looked at.
#[derive(Debug, Error)]
pub enum FolderError {
    /// There is no commit log.
    #[error("{}: no commit log is here; give the folder that storePathRootDir names, and --commit-log if it is elsewhere", .0.display())]
    NoLog(PathBuf),
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store's own machinery refused.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[source] io::Error),
}

impl FolderError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// One file of equal length with others, named by the position of its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: i64,
    pub(super) bytes: u64,
    pub(super) path: PathBuf,
}

impl Piece {
    pub(super) fn open(&self) -> Result<File, FolderError> {
        File::open(&self.path).map_err(FolderError::io(&self.path))
    }

    pub(super) fn end(&self) -> i64 {
        self.start + self.bytes as i64
    }
}

/// A queue of a topic.
#[derive(Clone, Debug)]
pub(super) struct QueueDir {
    pub(super) topic: String,
    pub(super) queue: i32,
    pub(super) pieces: Vec<Piece>,
}

/// A store's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    pub(super) root: PathBuf,
    pub(super) commit_log: PathBuf,
    /// Ascending; a gap is damage.
    pub(super) segments: Vec<Piece>,
}

impl Folder {
    /// Looks what is there.
    ///
    /// # Errors
    /// Where there is no commit log.
    pub fn open(root: &Path, commit_log: Option<&Path>) -> Result<Self, FolderError> {
        let commit_log = commit_log.map_or_else(|| root.join("commitlog"), Path::to_owned);
        if !commit_log.is_dir() {
            return Err(FolderError::NoLog(commit_log));
        }
        let segments = pieces(&commit_log)?;
        Ok(Folder { root: root.to_owned(), commit_log, segments })
    }

    /// Bytes of all segments.
    pub(super) fn log_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The segment that an offset lies in.
    pub(super) fn segment_at(&self, offset: i64) -> Option<&Piece> {
        let index = self.segments.partition_point(|segment| segment.end() <= offset);
        self.segments.get(index).filter(|segment| segment.start <= offset)
    }

    /// All queues, by topic and number.
    pub(super) fn queues(&self) -> Result<Vec<QueueDir>, FolderError> {
        let mut queues = Vec::new();
        for (topic, dir) in subfolders(&self.root.join(crate::queue::CONSUME_QUEUES))? {
            for (name, dir) in subfolders(&dir)? {
                if let Ok(queue) = name.parse() {
                    queues.push(QueueDir { topic: topic.clone(), queue, pieces: pieces(&dir)? });
                }
            }
        }
        queues.sort_by(|one, next| (&one.topic, one.queue).cmp(&(&next.topic, next.queue)));
        Ok(queues)
    }

    /// The index files, by name.
    pub(super) fn index_files(&self) -> Result<Vec<Piece>, FolderError> {
        let dir = self.root.join("index");
        let mut files = entries(&dir)?;
        files.retain(|(name, path)| name.len() == 17 && path.is_file());
        files.into_iter().map(|(_, path)| piece(0, path)).collect()
    }
}

/// The files of a folder whose names are 20 digits, ascending.
pub(super) fn pieces(dir: &Path) -> Result<Vec<Piece>, FolderError> {
    let mut pieces = Vec::new();
    for (name, path) in entries(dir)? {
        if let Some(start) = name.parse().ok().filter(|_| name.len() == 20 && path.is_file()) {
            pieces.push(piece(start, path)?);
        }
    }
    pieces.retain(|piece| piece.bytes > 0);
    Ok(pieces)
}

fn piece(start: i64, path: PathBuf) -> Result<Piece, FolderError> {
    let bytes = fs::metadata(&path).map_err(FolderError::io(&path))?.len();
    Ok(Piece { start, bytes, path })
}

fn subfolders(dir: &Path) -> Result<Vec<(String, PathBuf)>, FolderError> {
    let mut found = entries(dir)?;
    found.retain(|(_, path)| path.is_dir());
    Ok(found)
}

/// What is in a folder, by name; nothing if there is no such folder.
pub(super) fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, FolderError> {
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(FolderError::io(dir))?,
    };
    let mut entries = Vec::new();
    for entry in listing {
        let entry = entry.map_err(FolderError::io(dir))?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}
