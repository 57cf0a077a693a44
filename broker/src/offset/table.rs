//! How far each group has consumed each queue: a plain state machine behind requests 14 and 15 and `config/consumerOffset.json`.
//! Resets wait here until the consumer's next pull has seen them. No I/O, no clock.

use std::collections::{BTreeMap, HashMap};

/// Offsets of one topic's queues, by queue number.
pub type QueueOffsets = BTreeMap<i32, i64>;

#[derive(Debug, Default)]
struct Progress {
    committed: QueueOffsets,
    /// How far pulls went; ahead of `committed` while messages are being consumed. Not kept over restarts.
    pulled: QueueOffsets,
    /// Offsets that an operator set while consumers were online, each waiting for the next pull of its queue.
    reset: QueueOffsets,
}

/// Consumption progress of all groups on this broker.
#[derive(Debug, Default)]
pub struct OffsetTable {
    topics: HashMap<String, HashMap<String, Progress>>,
    changes: u64,
}

impl OffsetTable {
    /// The committed offset, or a reset that is still waiting, or `None` where the group has never committed.
    pub fn query(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let progress = self.progress(group, topic)?;
        progress.reset.get(&queue_id).or_else(|| progress.committed.get(&queue_id)).copied()
    }

    /// Where the group's pulls of the queue have got to; the committed offset where none was seen.
    pub fn query_pulled(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let progress = self.progress(group, topic)?;
        progress.pulled.get(&queue_id).copied().or_else(|| self.query(group, topic, queue_id))
    }

    /// Records what a group has consumed. Answers `false`, changing nothing, while a reset of that queue waits for its pull:
    /// a commit that was under way when the operator reset the offset must not undo the reset.
    pub fn commit(&mut self, group: &str, topic: &str, queue_id: i32, offset: i64) -> bool {
        let progress = self.progress_mut(group, topic);
        if progress.reset.contains_key(&queue_id) {
            return false;
        }
        let changed = progress.committed.insert(queue_id, offset) != Some(offset);
        self.changes += u64::from(changed);
        true
    }

    /// Records how far a pull went.
    pub fn pulled(&mut self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        self.progress_mut(group, topic).pulled.insert(queue_id, offset);
    }

    /// Takes the reset that waits for this queue's pull, if there is one.
    pub fn take_reset(&mut self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        self.topics.get_mut(topic)?.get_mut(group)?.reset.remove(&queue_id)
    }

    /// Whether any reset waits; lets the pull path skip the exclusive lock.
    pub fn has_reset(&self, group: &str, topic: &str, queue_id: i32) -> bool {
        self.progress(group, topic).is_some_and(|progress| progress.reset.contains_key(&queue_id))
    }

    /// Sets a queue's offset and makes the group's next pull answer with it.
    pub fn reset(&mut self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        let progress = self.progress_mut(group, topic);
        progress.reset.insert(queue_id, offset);
        progress.committed.insert(queue_id, offset);
        self.changes += 1;
    }

    /// Forgets all groups' progress in a topic.
    pub fn remove_topic(&mut self, topic: &str) {
        self.changes += u64::from(self.topics.remove(topic).is_some());
    }

    /// Forgets a group's progress in all topics.
    pub fn remove_group(&mut self, group: &str) {
        let mut removed = false;
        self.topics.retain(|_, groups| {
            removed |= groups.remove(group).is_some();
            !groups.is_empty()
        });
        self.changes += u64::from(removed);
    }

    /// Copies what one group has committed in a topic to another group; from a group that has committed nothing, nothing.
    pub fn clone_group(&mut self, from: &str, to: &str, topic: &str) {
        let committed = self.of_group(from, topic);
        if committed.is_empty() {
            return;
        }
        self.progress_mut(to, topic).committed = committed;
        self.changes += 1;
    }

    /// Groups that have committed an offset in the topic.
    pub fn groups_of_topic(&self, topic: &str) -> Vec<String> {
        let groups = self.topics.get(topic).into_iter().flatten();
        groups.filter(|(_, progress)| !progress.committed.is_empty()).map(|(group, _)| group.clone()).collect()
    }

    /// Topics in which the group has committed an offset.
    pub fn topics_of_group(&self, group: &str) -> Vec<String> {
        let consumed = |groups: &HashMap<String, Progress>| groups.get(group).is_some_and(|p| !p.committed.is_empty());
        self.topics.iter().filter(|(_, groups)| consumed(groups)).map(|(topic, _)| topic.clone()).collect()
    }

    /// What a group has committed in a topic, by queue.
    pub fn of_group(&self, group: &str, topic: &str) -> QueueOffsets {
        self.progress(group, topic).map(|progress| progress.committed.clone()).unwrap_or_default()
    }

    /// The topics and groups that have committed offsets.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.topics.iter().flat_map(|(topic, groups)| groups.iter().map(move |group| (topic, group)));
        let committed = pairs.filter(|(_, (_, progress))| !progress.committed.is_empty());
        committed.map(|(topic, (group, _))| (topic.as_str(), group.as_str()))
    }

    /// Of each queue of a topic that a group has committed: its number, that offset, and where pulls have got to.
    pub fn queues(&self, group: &str, topic: &str) -> Vec<(i32, i64, i64)> {
        let Some(Progress { committed, pulled, .. }) = self.progress(group, topic) else { return Vec::new() };
        let furthest = |queue, offset: i64| pulled.get(queue).map_or(offset, |pulled| offset.max(*pulled));
        committed.iter().map(|(queue, offset)| (*queue, *offset, furthest(queue, *offset))).collect()
    }

    /// All committed offsets, keyed `topic@group` as in `consumerOffset.json`.
    pub fn committed(&self) -> BTreeMap<String, QueueOffsets> {
        self.collect(|progress| &progress.committed)
    }

    /// How far pulls went, keyed like [`OffsetTable::committed`]; part of Apache's file, for information only.
    pub fn pulled_offsets(&self) -> BTreeMap<String, QueueOffsets> {
        self.collect(|progress| &progress.pulled)
    }

    fn collect(&self, part: impl Fn(&Progress) -> &QueueOffsets) -> BTreeMap<String, QueueOffsets> {
        let mut all = BTreeMap::new();
        for (topic, groups) in &self.topics {
            for (group, progress) in groups.iter().filter(|(_, progress)| !part(progress).is_empty()) {
                all.insert(format!("{topic}@{group}"), part(progress).clone());
            }
        }
        all
    }

    /// Puts back what [`OffsetTable::committed`] gave out. Keys without `@` are left out: they name no group.
    pub fn restore(&mut self, committed: BTreeMap<String, QueueOffsets>) {
        for (key, offsets) in committed {
            if let Some((topic, group)) = key.split_once('@') {
                self.progress_mut(group, topic).committed = offsets;
            }
        }
    }

    /// Grows with each change to a committed offset; tells whether the file is out of date.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn progress(&self, group: &str, topic: &str) -> Option<&Progress> {
        self.topics.get(topic)?.get(group)
    }

    fn progress_mut(&mut self, group: &str, topic: &str) -> &mut Progress {
        // Looked up before inserted: the keys exist in all but the first call, and `entry` would copy them each time.
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.to_owned(), HashMap::new());
        }
        let groups = self.topics.get_mut(topic).unwrap_or_else(|| unreachable!("inserted above"));
        if !groups.contains_key(group) {
            groups.insert(group.to_owned(), Progress::default());
        }
        groups.get_mut(group).unwrap_or_else(|| unreachable!("inserted above"))
    }
}

#[cfg(test)]
mod tests;
