//! Random histories on a disk that fails in every way that disks fail: the process is killed, the power goes (with torn
//! sectors, and unsynced pages and entries lost in any combination), there is no room, reads, writes and syncs fail. What was
//! promised must hold in each of them; see [`model::Model`] for what that is.
//!
//! The store runs without its threads: each of their deeds is a step of the history, so that a seed repeats it.

mod derived;
mod flips;
mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::random::{Random, for_seeds, seeds};
use super::{Machine, message};
use crate::disk::{Disk, Sector};
use crate::error::{PutError, StoreError};
use crate::options::FlushMode;
use crate::record::properties;
use crate::store::Store;
use model::{Message, Model};

/// Histories per run, on as many threads as there are cores; `BOLIDE_SEED=n` runs that one only.
const HISTORIES: u64 = 10_000;
const STEPS: usize = 60;
const TOPICS: [&str; 3] = ["Orders", "%RETRY%group", "a|b"];
/// A full disk is tried again after a second.
const PATIENCE_MS: i64 = 2_000;

struct History {
    random: Random,
    machine: Machine,
    model: Model,
    keys: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut machine = Machine::new();
        let options = &mut machine.options;
        options.flush_mode = random.of(&[FlushMode::Sync, FlushMode::Async]);
        options.segment_bytes = random.of(&[8 << 10, 16 << 10, 20_000]);
        options.queue_file_units = random.of(&[8, 50, 300]);
        options.index_units = random.of(&[20, 90]);
        options.index_slots = random.of(&[7, 200]);
        options.append_property_crc = random.below(2) == 0;
        Self { random, machine, model: Model::default(), keys: 0 }
    }

    fn open(&self) -> Store {
        let Machine { disk, clock, events, options } = &self.machine;
        let disk = std::sync::Arc::new(disk.clone());
        Store::open_idle(options.clone(), disk, clock.clone(), events.clone()).unwrap()
    }

    /// One message with keys of its own, as text.
    fn new_message(&mut self, longest: usize) -> (Vec<u8>, String, Vec<u8>) {
        let body = (0..self.random.below(longest)).map(|_| self.random.below(256) as u8).collect();
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        let mut text = Vec::new();
        properties::push(&mut text, properties::KEYS, &key);
        properties::push(&mut text, properties::TAGS, "T");
        (body, key, text)
    }

    fn put(&mut self, store: &Store) {
        let (topic, queue) = (self.random.of(&TOPICS), self.random.below(3) as i32);
        if self.random.below(5) > 0 {
            let longest = self.random.of(&[10, 600, 1_900]);
            let (body, key, text) = self.new_message(longest);
            match store.put(&message(topic, queue, &body, &text)) {
                Ok(put) => self.model.stored(Message::new(topic, queue, body, key, put)),
                Err(error) => self.refused(store, &error),
            }
            return;
        }
        let mut batch = Vec::new();
        let messages: Vec<_> = (0..1 + self.random.below(5)).map(|_| self.new_message(100)).collect();
        for (body, _, text) in &messages {
            for number in [(22 + body.len() + text.len()) as i32, 0, 0, 7, body.len() as i32] {
                batch.extend(number.to_be_bytes());
            }
            batch.extend(body);
            batch.extend((text.len() as i16).to_be_bytes());
            batch.extend(text);
        }
        match store.put_batch(&message(topic, queue, &batch, b"")) {
            Ok(puts) => {
                for (put, (body, key, _)) in puts.into_iter().zip(messages) {
                    self.model.stored(Message::new(topic, queue, body, key, put));
                }
            }
            Err(error) => self.refused(store, &error),
        }
    }

    fn refused(&self, store: &Store, error: &PutError) {
        match error {
            PutError::NoSpace => assert!(self.model.may_lack_room(&*self.machine.clock), "{error}"),
            PutError::NoSegment { .. } => assert!(self.model.may_lack_segment(&*self.machine.clock), "{error}"),
            PutError::Poisoned { .. } => assert!(matches!(store.health().refusal, Some(PutError::Poisoned { .. }))),
            other => panic!("{other}"),
        }
    }

    fn step(&mut self, store: Store) -> Store {
        self.machine.clock.advance(self.random.of(&[0, 0, 1, 50, 700]));
        match self.random.below(100) {
            0..40 => self.put(&store),
            40..52 => store.dispatch(),
            52..56 => drop(store.inner.dispatcher.settle(&store.inner.surroundings())),
            56..58 => self.model.check_read(&store, self.random.below(self.model.messages().len() + 1)),
            58..66 => drop(store.inner.flush_log()),
            66..73 => self.checkpoint(&store),
            73..75 => store.inner.log.prepare(),
            75..77 => store.inner.log.cool(),
            77..81 => self.machine.disk.write_back(&mut |limit| self.random.below(limit)),
            81..84 => {
                let full = self.random.below(2) == 0;
                self.machine.disk.set_full(full);
                self.model.set_full(full, &*self.machine.clock);
            }
            84..87 => self.strike(),
            87..89 => self.heal(),
            89..91 => self.delete_topic(&store),
            91..93 => return self.closed(store),
            93..96 => return self.killed(store),
            _ => return self.without_power(store),
        }
        self.model.promise(store.flushed_offset());
        store
    }

    fn checkpoint(&mut self, store: &Store) {
        match store.inner.take_checkpoint() {
            Ok(()) => {}
            Err(StoreError::Io { .. } | StoreError::Incomplete { .. } | StoreError::Refused(_)) => {
                assert!(self.model.was_faulty(), "nothing failed");
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// From now on reads, writes or syncs of some files fail.
    fn strike(&mut self) {
        self.model.fault();
        let write = self.random.of(&["consumequeue", "index", "checkpoint", "consumequeue/Orders"]);
        let sync = self.random.of(&["consumequeue", "index", "checkpoint", "commitlog", "consumequeue/Orders"]);
        let read = self.random.of(&["consumequeue", "index", "commitlog"]);
        match self.random.below(3) {
            0 => self.machine.disk.fail_writes(Some(&self.machine.path(write))),
            1 => self.machine.disk.fail_reads(Some(&self.machine.path(read))),
            _ => self.machine.disk.fail_syncs(Some(&self.machine.path(sync))),
        }
    }

    fn heal(&mut self) {
        self.machine.disk.fail_reads(None);
        self.machine.disk.fail_writes(None);
        self.machine.disk.fail_syncs(None);
        self.machine.disk.set_full(false);
        self.model.heal(&*self.machine.clock);
    }

    fn delete_topic(&mut self, store: &Store) {
        let topic = self.random.of(&TOPICS);
        if !self.model.was_faulty() && self.random.below(3) == 0 {
            let known = store.delete_topic(topic).unwrap();
            let had_messages = self.model.delete(topic);
            assert!(known || !had_messages, "{topic} was not deleted");
        }
    }

    fn closed(&mut self, store: Store) -> Store {
        let closed = store.close();
        assert!(closed.is_ok() || self.model.was_faulty(), "{closed:?}");
        self.killed(store)
    }

    fn killed(&mut self, store: Store) -> Store {
        self.machine.crash(store);
        self.model.restarted();
        let store = self.open();
        self.model.killed(&store);
        self.model.check(&store);
        store
    }

    fn without_power(&mut self, store: Store) -> Store {
        let sector = self.random.of(&[Sector::Small, Sector::Page]);
        let disk = self.machine.disk.power_cut(sector, &mut |limit| self.random.below(limit));
        drop(store);
        self.machine.disk = disk;
        self.model.restarted();
        let store = self.open();
        self.model.cut_off(&store);
        self.model.check(&store);
        store
    }

    /// Once the faults are over everything works again.
    fn recovers(&mut self, mut store: Store) -> Store {
        self.heal();
        if store.health().refusal.is_some_and(|refusal| matches!(refusal, PutError::Poisoned { .. })) {
            store = self.killed(store);
        }
        self.machine.clock.advance(PATIENCE_MS);
        let (body, key, text) = self.new_message(50);
        let put = store.put(&message(TOPICS[0], 0, &body, &text)).unwrap();
        self.model.stored(Message::new(TOPICS[0], 0, body, key, put));
        store.dispatch_all().ok();
        store.checkpoint_now();
        self.model.check(&store);
        store.close().unwrap();
        assert_eq!(store.flushed_offset(), store.max_physical_offset());
        self.killed(store)
    }
}

fn run(seed: u64) -> (History, Store) {
    let mut history = History::new(seed);
    let mut store = history.open();
    for _ in 0..STEPS {
        store = history.step(store);
    }
    let store = history.recovers(store);
    (history, store)
}

/// All files of a folder, by path.
fn contents(disk: &dyn Disk, dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in disk.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            all.extend(contents(disk, &path));
        } else {
            all.insert(path.clone(), disk.read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_seed_repeats_its_history() {
    for seed in 1..=20 {
        let [one, other] = [run(seed), run(seed)].map(|(history, _)| contents(&history.machine.disk, Path::new("/")));
        assert!(!one.is_empty() && one == other, "history {seed} ended in another way the second time");
    }
}

#[test]
fn promises_hold_on_a_failing_disk() {
    let seeds = seeds(HISTORIES);
    // The machine's cores share the work.
    let (one, other) = seeds.split_at(seeds.len() / 2);
    std::thread::scope(|scope| {
        for seeds in [one, other] {
            scope.spawn(|| for_seeds("promises_hold", seeds, |seed| drop(run(seed))));
        }
    });
}
