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
mod tests {
    use std::sync::Arc;

    use bolide_store::record::properties::push;
    use bolide_store::{ManualClock, NewMessage, NoEvents, QueueId, ReadLimits, RealDisk, Store, StoreOptions};

    use super::*;
    use crate::filter::Subscription;

    const LIMITS: ReadLimits = ReadLimits { max_messages: 32, max_bytes: usize::MAX };

    /// A store with messages `n=0`, `n=1`, … in one queue.
    fn store(folder: &std::path::Path, messages: i32) -> Store {
        let options = StoreOptions { segment_bytes: 1 << 20, ..StoreOptions::new(folder) };
        let clock = Arc::new(ManualClock::new(1));
        let store = Store::open(options, Arc::new(RealDisk), clock, Arc::new(NoEvents)).unwrap();
        for number in 0..messages {
            let mut properties = Vec::new();
            push(&mut properties, "n", number.to_string());
            let host = "127.0.0.1:1".parse().unwrap();
            let message = NewMessage {
                topic: "t",
                queue: QueueId(0),
                flag: 0,
                sys_flag: 0,
                born_ms: 1,
                born_host: host,
                store_host: host,
                reconsume_times: 0,
                prepared_offset: 0,
                body: b"body",
                properties: &properties,
            };
            store.put(&message).unwrap();
        }
        store.dispatch();
        store
    }

    fn pull(expression: &str, from: i64) -> Pull<&'static str> {
        Pull {
            group: "g",
            topic: "t",
            queue: QueueId(0),
            offset: QueueOffset(from),
            limits: LIMITS,
            subscription: Arc::new(Subscription::by_properties("t", expression, 1).unwrap()),
            topic_sys_flag: 0,
            group_sys_flag: 0,
        }
    }

    fn scan_store(store: &Store, pull: &Pull<&'static str>) -> (ReadStatus, i64, Vec<i64>) {
        let read = scan(pull, |from| store.read_queue_blocking("t", QueueId(0), from, LIMITS, &|_| true)).unwrap();
        let mut offsets = Vec::new();
        for slice in &read.records {
            let mut rest = &slice[..];
            while let Ok(view) = RecordView::parse(rest) {
                offsets.push(view.queue_offset().0);
                rest = &rest[view.size()..];
            }
        }
        assert_eq!(offsets.len(), read.count);
        assert_eq!(read.records.iter().map(|slice| slice.len()).sum::<usize>(), read.bytes);
        (read.status, read.next_offset.0, offsets)
    }

    #[test]
    fn only_what_matches_is_handed_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10);
        let found = scan_store(&store, &pull("n BETWEEN 2 AND 4 OR n = 8", 0));
        assert_eq!(found, (ReadStatus::Found, 10, vec![2, 3, 4, 8]));
    }

    #[test]
    fn a_rare_match_is_found_without_the_client_asking_for_each_batch() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 500);
        let (status, _, offsets) = scan_store(&store, &pull("n = 450", 0));
        assert_eq!((status, offsets), (ReadStatus::Found, vec![450]));
    }

    #[test]
    fn what_was_passed_over_is_not_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 2_000);
        let mut from = 0;
        let mut pulls = 0;
        loop {
            let (status, next, offsets) = scan_store(&store, &pull("n = 1999", from));
            pulls += 1;
            assert!(next > from);
            from = next;
            if status == ReadStatus::Found {
                assert_eq!(offsets, [1999]);
                break;
            }
            assert_eq!(status, ReadStatus::NoMatched);
        }
        assert_eq!(pulls, 3);
        assert_eq!(scan_store(&store, &pull("n = 1", 2_000)).0, ReadStatus::OverflowOne);
    }
}
