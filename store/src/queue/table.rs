//! All queues by topic and number.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::extent::{Extent, Trust};
use super::open::open_all;
use super::{Queue, QueueFiles};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::light::is_light;
use crate::offset::QueueId;
use crate::options::StoreOptions;

/// The queues of a store.
pub(crate) struct Queues {
    pub(crate) files: QueueFiles,
    /// Where in the log the first message lies that a queue lacks because its file is damaged; `i64::MAX`: none does.
    pub(crate) damaged_from: i64,
    topics: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    numbers: AtomicU32,
    light: AtomicUsize,
}

struct Topic {
    name: Arc<str>,
    /// Sorted by number.
    queues: RwLock<Vec<Arc<Queue>>>,
}

impl Topic {
    fn find(&self, id: QueueId) -> Option<Arc<Queue>> {
        let queues = self.queues.read();
        queues.binary_search_by_key(&id, |queue| queue.id).ok().map(|index| Arc::clone(&queues[index]))
    }
}

impl Queues {
    /// Finds the queues on the disk, as far as they can be trusted.
    pub(crate) fn open(
        options: &StoreOptions,
        disk: &Arc<dyn Disk>,
        trust: Trust,
        clock: &dyn Clock,
    ) -> Result<Self, StoreError> {
        let files = QueueFiles::new(options, Arc::clone(disk), trust != Trust::All);
        disk.create_dir_durably(&files.dir).map_err(StoreError::io("create", &files.dir))?;
        let mut queues = Self {
            files,
            damaged_from: i64::MAX,
            topics: RwLock::default(),
            numbers: AtomicU32::new(0),
            light: AtomicUsize::new(0),
        };
        queues.damaged_from = open_all(&queues, trust, clock)?;
        Ok(queues)
    }

    /// The queue, if there is one.
    pub(crate) fn find(&self, topic: &str, id: QueueId) -> Option<Arc<Queue>> {
        self.topics.read().get(topic)?.find(id)
    }

    /// Whether the queue exists and lacks messages that it should have.
    pub(crate) fn is_damaged(&self, topic: &str, id: QueueId) -> bool {
        self.find(topic, id).is_some_and(|queue| queue.is_damaged())
    }

    /// The queue, made if there is none.
    pub(crate) fn find_or_create(&self, topic: &str, id: QueueId) -> Arc<Queue> {
        self.find(topic, id).unwrap_or_else(|| self.insert(topic, id, Extent::EMPTY))
    }

    /// The folder of all queues.
    pub(crate) fn dir(&self) -> std::path::PathBuf {
        self.files.dir.clone()
    }

    /// All topics that have queues.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        self.topics.read().keys().cloned().collect()
    }

    /// The queues of a topic, by number.
    pub(crate) fn of_topic(&self, topic: &str) -> Vec<Arc<Queue>> {
        self.topics.read().get(topic).map(|topic| topic.queues.read().clone()).unwrap_or_default()
    }

    /// How many queues are light ones.
    pub(crate) fn light(&self) -> usize {
        self.light.load(Ordering::Relaxed)
    }

    /// All queues.
    pub(crate) fn all(&self) -> Vec<Arc<Queue>> {
        self.topics.read().values().flat_map(|topic| topic.queues.read().clone()).collect()
    }

    /// Takes a topic out of the table; its queues refuse further use. The caller holds the log's lock.
    pub(crate) fn take(&self, topic: &str) -> Vec<Arc<Queue>> {
        let queues = self
            .topics
            .write()
            .remove(topic)
            .map(|topic| std::mem::take(&mut *topic.queues.write()))
            .unwrap_or_default();
        for queue in &queues {
            queue.removed.store(true, Ordering::Release);
        }
        if is_light(topic) {
            self.light.fetch_sub(queues.len(), Ordering::Relaxed);
        }
        queues
    }

    /// Removes the files of queues that have been taken out.
    pub(crate) fn remove_files(&self, topic: &str, queues: &[Arc<Queue>]) -> io::Result<()> {
        for queue in queues {
            queue.discard();
            self.files.remove(queue)?;
        }
        let dir = self.files.dir.join(topic);
        if self.files.disk.exists(&dir)? {
            self.files.disk.remove_dir(&dir)?;
            self.files.disk.sync_dir(&self.files.dir)?;
        }
        Ok(())
    }

    /// Puts a queue into the table, unless it is there.
    pub(super) fn insert(&self, topic: &str, id: QueueId, extent: Extent) -> Arc<Queue> {
        let mut topics = self.topics.write();
        let topic = match topics.get(topic) {
            Some(topic) => Arc::clone(topic),
            None => {
                let name: Arc<str> = topic.into();
                let topic = Arc::new(Topic { name: Arc::clone(&name), queues: RwLock::default() });
                topics.insert(name, Arc::clone(&topic));
                topic
            }
        };
        let mut queues = topic.queues.write();
        match queues.binary_search_by_key(&id, |queue| queue.id) {
            Ok(index) => Arc::clone(&queues[index]),
            Err(index) => {
                let number = self.numbers.fetch_add(1, Ordering::Relaxed);
                let queue = Arc::new(Queue::new(Arc::clone(&topic.name), id, number, extent));
                queues.insert(index, Arc::clone(&queue));
                if is_light(&queue.topic) {
                    self.light.fetch_add(1, Ordering::Relaxed);
                }
                queue
            }
        }
    }
}
