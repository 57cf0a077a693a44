//! Looking through a queue for messages that meet a condition over their properties, which the queue's entries do not tell.

use bolide_store::record::RecordView;
use bolide_store::{QueueOffset, QueueRead, ReadError, ReadStatus};

use super::Pull;

/// How many messages one pull looks at, at most: as many as Apache's `maxFilterMessageSize` lets it pass over. A rare match in a busy
/// topic is found by several pulls, each of which goes on where the last one stopped.
const MOST_LOOKED_AT: usize = 800;

/// Reads until something matches, nothing is left, or enough was looked at. `read` reads messages from an offset on.
pub(super) fn scan<S>(
    pull: &Pull<S>,
    read: impl Fn(QueueOffset) -> Result<QueueRead, ReadError>,
) -> Result<QueueRead, ReadError> {
    let mut found = read(pull.offset)?;
    if !pull.subscription.looks_at_messages() {
        return Ok(found);
    }
    let mut looked_at = 0;
    while found.status == ReadStatus::Found {
        looked_at += found.count;
        keep_matching(pull, &mut found);
        if found.count > 0 {
            return Ok(found);
        }
        found.status = ReadStatus::NoMatched;
        if looked_at >= MOST_LOOKED_AT || found.next_offset >= found.max_offset {
            return Ok(found);
        }
        match read(found.next_offset) {
            Ok(next) => found = next,
            // What was passed over so far need not be read again.
            Err(ReadError::Cold) => return Ok(found),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Takes out of a read what does not match. Matching neighbours still share a slice.
fn keep_matching<S>(pull: &Pull<S>, read: &mut QueueRead) {
    let (mut kept, mut count, mut bytes) = (Vec::new(), 0, 0);
    for slice in std::mem::take(&mut read.records) {
        let (mut start, mut at) = (0, 0);
        let mut keep = |from: usize, to: usize| {
            if from < to {
                kept.push(slice.slice(from..to));
                bytes += to - from;
            }
        };
        while let Ok(view) = RecordView::parse(&slice[at..]) {
            let end = at + view.size();
            if pull.subscription.matches(&view) {
                count += 1;
            } else {
                keep(start, at);
                start = end;
            }
            at = end;
        }
        keep(start, at);
    }
    read.records = kept;
    (read.count, read.bytes) = (count, bytes);
}

#[cfg(test)]
mod tests;
