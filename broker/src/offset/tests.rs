//! Offsets with their files, against a naive model: one flat map of offsets, one of resets that wait, and what was saved last.

use std::path::Path;
use std::sync::Arc;

use bolide_store::disk::FakeDisk;
use bolide_store::{Disk, ManualClock};
use proptest::prelude::*;

use super::*;

const GROUPS: [&str; 2] = ["g", "%LMQ%g"];
const TOPICS: [&str; 2] = ["orders", "%RETRY%g"];
const QUEUES: i32 = 2;

/// A group, a topic and a queue.
type Place = (usize, usize, i32);

#[derive(Debug, Clone)]
enum Step {
    Commit(Place, i64),
    Reset(Place, i64),
    Pull(Place),
    RemoveTopic(usize),
    RemoveGroup(usize),
    Clone {
        from: usize,
        to: usize,
        topic: usize,
    },
    Save,
    /// The disk takes nothing, so that the next save must try again.
    FailedSave,
    Stop,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..GROUPS.len(), 0..TOPICS.len(), 0..QUEUES);
    prop_oneof![
        8 => (place.clone(), 0..50i64).prop_map(|(place, offset)| Step::Commit(place, offset)),
        3 => (place.clone(), 0..50i64).prop_map(|(place, offset)| Step::Reset(place, offset)),
        4 => place.prop_map(Step::Pull),
        1 => (0..TOPICS.len()).prop_map(Step::RemoveTopic),
        1 => (0..GROUPS.len()).prop_map(Step::RemoveGroup),
        1 => (0..GROUPS.len(), 0..GROUPS.len(), 0..TOPICS.len()).prop_map(|(from, to, topic)| Step::Clone { from, to, topic }),
        2 => Just(Step::Save),
        1 => Just(Step::FailedSave),
        1 => Just(Step::Stop),
        2 => Just(Step::Kill),
    ]
}

fn open(disk: &FakeDisk, light_groups: bool) -> Offsets {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let file = |name| ConfigFile::new(Path::new("/store"), name, disk.clone());
    Offsets::load(light_groups, file, &ManualClock::new(1)).unwrap()
}

#[derive(Debug, Default)]
struct Model {
    offsets: BTreeMap<Place, i64>,
    resets: BTreeMap<Place, i64>,
    saved: BTreeMap<Place, i64>,
}

impl Model {
    fn forget(&mut self, is_gone: impl Fn(&Place) -> bool) {
        self.offsets.retain(|place, _| !is_gone(place));
        self.resets.retain(|place, _| !is_gone(place));
    }

    fn clone_group(&mut self, from: usize, to: usize, topic: usize) {
        let copied: Vec<_> =
            (0..QUEUES).filter_map(|q| self.offsets.get(&(from, topic, q)).map(|&o| ((to, topic, q), o))).collect();
        if !copied.is_empty() {
            self.offsets.retain(|&(g, t, _), _| (g, t) != (to, topic));
            self.offsets.extend(copied);
        }
    }

    fn restart(&mut self) {
        self.offsets = self.saved.clone();
        self.resets.clear();
    }
}

/// A broker's offsets on a disk, and what they should be.
struct World {
    disk: FakeDisk,
    offsets: Offsets,
    light_groups: bool,
    model: Model,
    saves: i64,
}

impl World {
    fn new(light_groups: bool) -> Self {
        let disk = FakeDisk::new();
        ConfigFile::create_folder(Path::new("/store"), &disk).unwrap();
        World { offsets: open(&disk, light_groups), disk, light_groups, model: Model::default(), saves: 0 }
    }

    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Commit(place, offset) => {
                let (g, t, q) = place;
                let taken = self.offsets.write().commit(GROUPS[g], TOPICS[t], q, offset);
                prop_assert_eq!(taken, !self.model.resets.contains_key(&place));
                if taken {
                    self.model.offsets.insert(place, offset);
                }
            }
            Step::Reset(place, offset) => {
                let (g, t, q) = place;
                self.offsets.write().reset(GROUPS[g], TOPICS[t], q, offset);
                self.model.offsets.insert(place, offset);
                self.model.resets.insert(place, offset);
            }
            Step::Pull(place) => {
                let (g, t, q) = place;
                let expected = self.model.resets.remove(&place);
                prop_assert_eq!(self.offsets.read().has_reset(GROUPS[g], TOPICS[t], q), expected.is_some());
                prop_assert_eq!(self.offsets.write().take_reset(GROUPS[g], TOPICS[t], q), expected);
            }
            Step::RemoveTopic(topic) => {
                self.offsets.write().remove_topic(TOPICS[topic]);
                self.model.forget(|(_, t, _)| *t == topic);
            }
            Step::RemoveGroup(group) => {
                self.offsets.write().remove_group(GROUPS[group]);
                self.model.forget(|(g, _, _)| *g == group);
            }
            Step::Clone { from, to, topic } => {
                self.offsets.write().clone_group(GROUPS[from], GROUPS[to], TOPICS[topic]);
                self.model.clone_group(from, to, topic);
            }
            Step::Save => self.save(),
            Step::FailedSave => {
                self.disk.set_full(true);
                // Nothing to be written is no failure.
                if self.offsets.save(0, || ()).is_ok() {
                    self.model.saved = self.model.offsets.clone();
                }
                self.disk.set_full(false);
            }
            Step::Stop => {
                self.save();
                self.restart();
            }
            Step::Kill => self.restart(),
        }
        Ok(())
    }

    fn save(&mut self) {
        self.saves += 1;
        self.offsets.save(self.saves, || ()).unwrap();
        self.model.saved = self.model.offsets.clone();
    }

    fn restart(&mut self) {
        self.disk = self.disk.fork();
        self.offsets = open(&self.disk, self.light_groups);
        self.model.restart();
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let table = self.offsets.read();
        for (g, group) in GROUPS.iter().enumerate() {
            for (t, topic) in TOPICS.iter().enumerate() {
                let place = |q| (g, t, q);
                for q in 0..QUEUES {
                    let expected = self.model.resets.get(&place(q)).or(self.model.offsets.get(&place(q)));
                    prop_assert_eq!(table.query(group, topic, q), expected.copied(), "{} {} {}", group, topic, q);
                }
                let expected: QueueOffsets =
                    (0..QUEUES).filter_map(|q| self.model.offsets.get(&place(q)).map(|&offset| (q, offset))).collect();
                prop_assert_eq!(table.of_group(group, topic), expected);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn offsets_are_what_was_committed_last_and_after_a_kill_what_was_saved_last(
        steps in prop::collection::vec(step(), 1..60), light_groups in any::<bool>(),
    ) {
        let mut world = World::new(light_groups);
        for step in steps {
            world.apply(step)?;
            world.check()?;
        }
    }
}
