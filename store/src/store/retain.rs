//! Retention: asks [`retention`](crate::retention) what is to go, and removes it from log, queues and index.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use super::{Inner, Store};
use crate::disk::Space;
use crate::error::{ReadError, StoreError};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::queue::Queue;
use crate::read::Boundary;
use crate::retention::{Oldest, Reason, RetentionRules, decide, pause_ms};

/// Time between two looks at topics that keep their messages for a shorter time than the log.
const TOPICS_MS: i64 = 60_000;

/// What retention remembers from one look to the next.
#[derive(Default)]
pub(super) struct Retention {
    /// Where the log began when queues and index were trimmed last.
    trimmed: i64,
    /// When topics with shorter times were looked at last.
    topics_ms: Option<i64>,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// Whether a segment went.
    pub removed: bool,
    /// Whether one should have gone in which something is still needed.
    pub pinned: bool,
    /// When to look again, in milliseconds from now.
    pub pause_ms: u64,
}

impl Store {
    /// Removes the oldest segment of the log if `rules` say so, and what queues and index have of it; refuses messages while
    /// the disk is too full. To be called again and again, by one thread at a time. May wait for the disk.
    ///
    /// `release` is asked before a segment goes: it stores again what is still needed of the messages before that offset, and
    /// says whether nothing there is needed any more. Its second argument tells that the disk leaves no time to wait.
    pub fn retain(
        &self,
        rules: &RetentionRules,
        release: &dyn Fn(PhysicalOffset, bool) -> bool,
    ) -> Result<Retained, StoreError> {
        let inner = &*self.inner;
        let mut retention = inner.retention.lock();
        let now_ms = inner.clock.now_ms();
        let space = inner.space()?;
        let oldest = inner.log.oldest().filter(|oldest| oldest.end <= inner.dispatcher.position().0);
        let verdict =
            decide(rules, space, oldest, now_ms, || oldest.is_some_and(|oldest| inner.is_kept(rules, oldest, now_ms)));
        inner.set_nearly_full(verdict.refuse.then_some(space));
        let mut retained = Retained { removed: false, pinned: false, pause_ms: rules.look_pause_ms };
        if let (Some(reason), Some(oldest)) = (verdict.remove, oldest) {
            let begin = PhysicalOffset(oldest.end);
            if release(begin, reason == Reason::Forced) {
                tracing::info!(
                    "removing the commit log segment at {}: {reason:?}, disk {} % full",
                    oldest.start,
                    space.used_percent()
                );
                inner.log.remove_before(begin)?;
                (retained.removed, retained.pause_ms) = (true, pause_ms(rules, reason));
            } else {
                retained.pinned = true;
            }
        }
        inner.trim(&mut retention)?;
        let is_time = retention.topics_ms.is_none_or(|looked_ms| (now_ms - looked_ms).abs() >= TOPICS_MS);
        if is_time {
            retention.topics_ms = Some(now_ms);
            inner.shorten_topics(rules, now_ms)?;
        }
        Ok(retained)
    }

    /// The first offset of a queue whose message lies at or behind `physical` in the log; the queue's end where none does.
    /// May wait for the disk.
    pub fn offset_from(&self, topic: &str, queue: QueueId, physical: PhysicalOffset) -> Result<QueueOffset, ReadError> {
        match self.inner.derived.queues.find(topic, queue) {
            Some(queue) => queue.offset_from(&self.inner.derived.queues.files, physical),
            None => Ok(QueueOffset(0)),
        }
        .map_err(ReadError::io("a consume queue"))
    }
}

impl Inner {
    /// The fuller one of the file systems that log and queues lie on.
    fn space(&self) -> Result<Space, StoreError> {
        let of = |dir| self.disk.space(dir).map_err(StoreError::io("look for room in", dir));
        let (log, root) = (of(&self.options.commit_log)?, of(&self.options.root)?);
        Ok(if root.used_percent() > log.used_percent() { root } else { log })
    }

    fn set_nearly_full(&self, space: Option<Space>) {
        let used_percent = space.map_or(0, |space| space.used_percent());
        let before = self.nearly_full.swap(used_percent, Relaxed);
        if before == 0 && used_percent > 0 {
            tracing::error!("the disk is {used_percent} % full: messages are refused (diskSpaceWarningLevelRatio)");
        } else if before > 0 && used_percent == 0 {
            tracing::info!("the disk has room again: messages are accepted");
        }
    }

    /// Whether a topic with a longer time has messages in the oldest segment that are to be kept. What cannot be read is.
    fn is_kept(&self, rules: &RetentionRules, oldest: Oldest, now_ms: i64) -> bool {
        rules.longer().any(|(topic, reserved_ms)| {
            let queues = self.derived.queues.of_topic(topic);
            queues.iter().any(|queue| {
                self.first_since(queue, now_ms - reserved_ms)
                    .and_then(|first| self.physical(queue, first))
                    .map_or(true, |physical| physical.is_some_and(|physical| physical.0 < oldest.end))
            })
        })
    }

    /// Where the message at `offset` lies; `None`: there is none.
    fn physical(&self, queue: &Queue, offset: QueueOffset) -> Result<Option<PhysicalOffset>, ReadError> {
        let unit = queue.unit(&self.derived.queues.files, offset, true).map_err(ReadError::io("a consume queue"))?;
        Ok(unit.map(|unit| unit.physical))
    }

    fn first_since(&self, queue: &Queue, store_ms: i64) -> Result<QueueOffset, ReadError> {
        self.offset_by_time(queue, store_ms, Boundary::Lower)
    }

    /// Makes queues and index begin where the log does.
    fn trim(&self, retention: &mut Retention) -> Result<(), StoreError> {
        let begin = self.log.begin();
        if begin.0 == retention.trimmed {
            return Ok(());
        }
        let files = &self.derived.queues.files;
        for queue in self.derived.queues.all() {
            let trimmed = queue.raise_min(files, begin).and_then(|()| queue.remove_before_min(files));
            self.unless_removed(&queue, trimmed)?;
        }
        if let Some(index) = &self.derived.index {
            index.remove_before(begin).map_err(StoreError::io("remove index files in", &self.options.root))?;
        }
        retention.trimmed = begin.0;
        Ok(())
    }

    /// Makes queues of topics with a shorter time begin with what is young enough.
    fn shorten_topics(&self, rules: &RetentionRules, now_ms: i64) -> Result<(), StoreError> {
        for (topic, reserved_ms) in rules.shorter() {
            for queue in self.derived.queues.of_topic(topic) {
                let Ok(first) = self.first_since(&queue, now_ms - reserved_ms) else { continue };
                queue.raise_min_to(first);
                self.unless_removed(&queue, queue.remove_before_min(&self.derived.queues.files))?;
            }
        }
        Ok(())
    }

    /// What goes wrong with a queue that was deleted meanwhile does not matter.
    fn unless_removed(&self, queue: &Queue, result: io::Result<()>) -> Result<(), StoreError> {
        match result {
            Err(_) if queue.is_removed() => Ok(()),
            other => other.map_err(StoreError::io("trim queues in", &self.derived.queues.dir())),
        }
    }
}
