//! `rebuild`: has queues and index made anew from the log.

use std::sync::Arc;

use super::folder::{Folder, FolderError};
use crate::clock::SystemClock;
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::events::NoEvents;
use crate::options::StoreOptions;
use crate::queue::{CONSUME_QUEUES, UNIT_BYTES};
use crate::store::Store;

/// Removes queues and index, and fills new ones from the log, under the folder's lock. Sizes that the folder shows come before those
/// of `options`. Queues of deleted topics come back where the log still has their messages. How far it is goes to the log of events.
///
/// # Errors
/// When a broker has the folder, or something cannot be read or written; a second call goes on from there.
pub fn rebuild(folder: &Folder, options: StoreOptions) -> Result<(), FolderError> {
    let disk = RealDisk;
    let lock_path = folder.root.join("lock");
    let lock = disk.lock(&lock_path).map_err(StoreError::io("lock", &lock_path))?;
    let lock = lock.ok_or(StoreError::Locked { path: lock_path })?;
    let mut options = StoreOptions { root: folder.root.clone(), commit_log: folder.commit_log.clone(), ..options };
    if let Some(segment) = folder.segments.first() {
        options.segment_bytes = segment.bytes;
    }
    if let Some(piece) = folder.queues()?.iter().find_map(|dir| dir.pieces.first()) {
        options.queue_file_units = piece.bytes / UNIT_BYTES as u64;
    }
    for name in [CONSUME_QUEUES, "index"] {
        let path = folder.root.join(name);
        disk.remove_dir(&path).or_else(absent).map_err(StoreError::io("remove", &path))?;
    }
    // The store takes the lock itself; whoever is quicker finds a folder that only lacks what is derived.
    drop(lock);
    let store = Store::open(options, Arc::new(disk), Arc::new(SystemClock), Arc::new(NoEvents))?;
    store.close()?;
    Ok(())
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
