//! `inspect`: what a folder holds, by the heads of its files.

use std::io::Write;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, Piece};
use super::index_check;
use super::queue_check::Units;
use super::settings::settings;
use super::timer_check::Timers;
use crate::record::{HEAD_BYTES, head_store_ms};

/// Names of the checkpoint's numbers, in the order of the file.
const CHECKPOINT: [&str; 6] =
    ["log stored", "queues stored", "index stored", "master flushed", "confirmed offset", "queues offset"];

/// Writes segments, queues, index, timers and settings with their ranges to `out`.
///
/// # Errors
/// When a file cannot be read or `out` not written.
pub fn inspect(folder: &Folder, out: &mut dyn Write) -> Result<(), FolderError> {
    let mut text = String::new();
    let mut line = |new: String| {
        text.push_str(&new);
        text.push('\n');
    };
    line(format!("root {}", folder.root.display()));
    let abort =
        if folder.root.join("abort").exists() { "running, or was not stopped cleanly" } else { "stopped cleanly" };
    line(format!("state {abort}"));
    if let Some(numbers) = checkpoint(folder)? {
        for (name, number) in CHECKPOINT.iter().zip(numbers) {
            line(format!("checkpoint {name} {number}"));
        }
    }
    line(format!("commit log {} segments, {} bytes", folder.segments.len(), folder.log_bytes()));
    for segment in &folder.segments {
        let first = first_store_ms(segment)?.map_or("empty".to_owned(), |ms| format!("first stored {ms}"));
        line(format!("segment {} to {}, {first}", segment.start, segment.end()));
    }
    for dir in folder.queues()? {
        let (name, files) = (format!("{}/{}", dir.topic, dir.queue), dir.pieces.len());
        let range = Units::new(dir).range()?;
        line(format!("queue {name} from {} to {}, {files} files", range.min, range.max));
    }
    for file in folder.index_files()? {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match index_check::header(&file)? {
            Some(header) => line(format!(
                "index {name} {} entries, offsets {} to {}, stored {} to {}",
                header.next - 1,
                header.begin_physical,
                header.end_physical,
                header.begin_ms,
                header.end_ms
            )),
            None => line(format!("index {name} has no header")),
        }
    }
    let timers = Timers::open(folder)?;
    if let (Some(first), Some(last)) = (timers.log.first(), timers.log.last()) {
        line(format!("timer log from {} to {}, {} files", first.start, last.end(), timers.log.len()));
    }
    if let Some([read_ms, flushed, queue_offset]) = timers.checkpoint {
        line(format!(
            "timer checkpoint done up to {read_ms}, log on the disk up to {flushed}, queue up to {queue_offset}"
        ));
    }
    for setting in settings(folder)? {
        let name = setting.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        line(format!(
            "config {name} {} bytes{}",
            setting.bytes,
            if setting.problem.is_some() { ", damaged" } else { "" }
        ));
    }
    out.write_all(text.as_bytes()).map_err(FolderError::Output)
}

fn checkpoint(folder: &Folder) -> Result<Option<[i64; CHECKPOINT.len()]>, FolderError> {
    let path = folder.root.join("checkpoint");
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(FolderError::io(&path))?,
    };
    let number = |at: usize| {
        bytes.get(at * 8..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| i64::from_be_bytes(*bytes))
    };
    Ok(Some(std::array::from_fn(number)))
}

/// When a segment's first record was stored; `None`: there is none.
fn first_store_ms(segment: &Piece) -> Result<Option<i64>, FolderError> {
    let mut head = [0; HEAD_BYTES];
    if segment.bytes < HEAD_BYTES as u64 {
        return Ok(None);
    }
    segment.open()?.read_exact_at(&mut head, 0).map_err(FolderError::io(&segment.path))?;
    Ok((head[..4] != [0; 4]).then(|| head_store_ms(&head)))
}
