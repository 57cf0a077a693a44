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

    /// Copies what one group has committed in a topic to another group.
    pub fn clone_group(&mut self, from: &str, to: &str, topic: &str) {
        let Some(committed) = self.progress(from, topic).map(|progress| progress.committed.clone()) else {
            return;
        };
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_commit_does_not_undo_a_reset_that_no_pull_has_seen() {
        let mut table = OffsetTable::default();
        assert!(table.commit("g", "t", 0, 100));
        table.reset("g", "t", 0, 7);
        assert!(!table.commit("g", "t", 0, 101));
        assert_eq!(table.query("g", "t", 0), Some(7));
        assert_eq!(table.take_reset("g", "t", 0), Some(7));
        assert_eq!(table.take_reset("g", "t", 0), None);
        assert_eq!(table.query("g", "t", 0), Some(7));
        assert!(table.commit("g", "t", 0, 8));
    }

    #[test]
    fn groups_and_topics_are_listed_by_what_they_committed() {
        let mut table = OffsetTable::default();
        table.commit("g", "t", 0, 1);
        table.commit("h", "t", 1, 2);
        table.pulled("only-pulls", "t", 0, 5);
        let mut groups = table.groups_of_topic("t");
        groups.sort();
        assert_eq!(groups, ["g", "h"]);
        assert_eq!(table.topics_of_group("g"), ["t"]);
        table.remove_group("g");
        assert_eq!(table.query("g", "t", 0), None);
        table.remove_topic("t");
        assert!(table.committed().is_empty());
    }

    #[test]
    fn a_topic_whose_name_holds_percent_and_bar_survives_the_file() {
        let mut table = OffsetTable::default();
        table.commit("MQ_INST%g", "%RETRY%MQ|g", 3, 9);
        let mut copy = OffsetTable::default();
        copy.restore(table.committed());
        assert_eq!(copy.query("MQ_INST%g", "%RETRY%MQ|g", 3), Some(9));
    }

    /// One step of a random history over two groups, two topics and three queues.
    #[derive(Debug, Clone)]
    enum Step {
        Commit(u8, u8, i32, i64),
        Reset(u8, u8, i32, i64),
        Pull(u8, u8, i32),
        RemoveTopic(u8),
        RemoveGroup(u8),
        Clone(u8, u8, u8),
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        let place = (0..2u8, 0..2u8, 0..3i32);
        prop_oneof![
            6 => (place.clone(), 0..50i64).prop_map(|((g, t, q), o)| Step::Commit(g, t, q, o)),
            2 => (place.clone(), 0..50i64).prop_map(|((g, t, q), o)| Step::Reset(g, t, q, o)),
            4 => place.prop_map(|(g, t, q)| Step::Pull(g, t, q)),
            1 => (0..2u8).prop_map(Step::RemoveTopic),
            1 => (0..2u8).prop_map(Step::RemoveGroup),
            1 => (0..2u8, 0..2u8, 0..2u8).prop_map(|(a, b, t)| Step::Clone(a, b, t)),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        /// The naive model: two flat maps, one of offsets, one of waiting resets.
        #[test]
        fn behaves_as_two_flat_maps(steps in prop::collection::vec(step(), 1..80)) {
            let mut table = OffsetTable::default();
            let mut offsets: BTreeMap<(u8, u8, i32), i64> = BTreeMap::new();
            let mut resets: BTreeMap<(u8, u8, i32), i64> = BTreeMap::new();
            let (group, topic) = (|g: u8| format!("g{g}"), |t: u8| format!("t{t}"));
            for step in steps {
                match step {
                    Step::Commit(g, t, q, offset) => {
                        let taken = table.commit(&group(g), &topic(t), q, offset);
                        prop_assert_eq!(taken, !resets.contains_key(&(g, t, q)));
                        if taken { offsets.insert((g, t, q), offset); }
                    }
                    Step::Reset(g, t, q, offset) => {
                        table.reset(&group(g), &topic(t), q, offset);
                        offsets.insert((g, t, q), offset);
                        resets.insert((g, t, q), offset);
                    }
                    Step::Pull(g, t, q) => {
                        prop_assert_eq!(table.has_reset(&group(g), &topic(t), q), resets.contains_key(&(g, t, q)));
                        prop_assert_eq!(table.take_reset(&group(g), &topic(t), q), resets.remove(&(g, t, q)));
                    }
                    Step::RemoveTopic(t) => {
                        table.remove_topic(&topic(t));
                        offsets.retain(|&(_, topic, _), _| topic != t);
                        resets.retain(|&(_, topic, _), _| topic != t);
                    }
                    Step::RemoveGroup(g) => {
                        table.remove_group(&group(g));
                        offsets.retain(|&(group, _, _), _| group != g);
                        resets.retain(|&(group, _, _), _| group != g);
                    }
                    Step::Clone(from, to, t) => {
                        table.clone_group(&group(from), &group(to), &topic(t));
                        let copied: Vec<_> = (0..3).filter_map(|q| offsets.get(&(from, t, q)).map(|&o| (q, o))).collect();
                        let known = table.progress(&group(from), &topic(t)).is_some();
                        if known {
                            offsets.retain(|&(g, topic, _), _| (g, topic) != (to, t));
                            offsets.extend(copied.into_iter().map(|(q, o)| ((to, t, q), o)));
                        }
                    }
                    Step::Restart => {
                        let kept = table.committed();
                        table = OffsetTable::default();
                        table.restore(kept);
                        resets.clear();
                    }
                }
                for (g, t, q) in (0..2).flat_map(|g| (0..2).flat_map(move |t| (0..3).map(move |q| (g, t, q)))) {
                    let expected = resets.get(&(g, t, q)).or(offsets.get(&(g, t, q))).copied();
                    prop_assert_eq!(table.query(&group(g), &topic(t), q), expected);
                }
            }
        }
    }
}
