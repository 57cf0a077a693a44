//! Topics: which exist, what they look like, and the requests that create, change, list and remove them. The rules are in
//! [`table`]; this module shares the table between threads and keeps `config/topics.json`.

pub(crate) mod batch;
pub mod message_type;
pub mod permission;
pub(crate) mod requests;
pub mod table;

/// Bits of a topic's `topicSysFlag`.
pub mod sys_flag {
    /// The topic belongs to a unit.
    pub const UNIT: i32 = 1;
    /// The topic's subscriptions belong to a unit.
    pub const UNIT_SUBSCRIPTION: i32 = 2;
}

use std::collections::BTreeMap;
use std::sync::Arc;

use bolide_remoting::body::{DataVersion, TopicConfig, TopicConfigSerializeWrapper};
use bolide_store::{Clock, light};
use parking_lot::{Mutex, RwLock};

use crate::attribute::AttributeError;
use crate::config_file::{ConfigFile, ConfigFileError};
use crate::topic::table::{Lookup, TopicDefaults, TopicTable};

/// The topics of a broker, shared between its threads.
pub struct Topics {
    table: RwLock<TopicTable>,
    file: ConfigFile,
    /// The version that the file has; its lock also keeps two threads from writing at once.
    saved: Mutex<Option<DataVersion>>,
    clock: Arc<dyn Clock>,
    /// Whether there are light queues (`enableLmq`).
    light_queues: bool,
}

impl Topics {
    /// Takes over the topics that the file kept.
    pub fn load(defaults: &TopicDefaults, file: ConfigFile, clock: Arc<dyn Clock>) -> Result<Self, ConfigFileError> {
        let mut table = TopicTable::new(defaults, clock.now_ms());
        let kept: Option<TopicConfigSerializeWrapper> = file.load()?;
        if let Some(kept) = kept {
            table.restore(kept.topic_config_table.into_values(), kept.data_version);
        }
        let light_queues = defaults.light_queues;
        Ok(Topics { table: RwLock::new(table), file, saved: Mutex::new(None), clock, light_queues })
    }

    /// Brings the file up to date. Waits for the disk.
    pub fn save(&self) -> Result<(), ConfigFileError> {
        let mut saved = self.saved.lock();
        let wrapper = self.wrapper();
        if saved.as_ref() != Some(&wrapper.data_version) {
            self.file.save(&wrapper)?;
            *saved = Some(wrapper.data_version);
        }
        Ok(())
    }

    /// A topic, if it exists. That of a light queue always does, and is in no list.
    pub fn get(&self, topic: &str) -> Option<Arc<TopicConfig>> {
        if self.is_light(topic) {
            return Some(Arc::new(table::plain(topic, 1)));
        }
        self.table.read().get(topic).cloned()
    }

    /// See [`TopicTable::for_message`].
    pub fn for_message(&self, topic: &str, template: &str, queue_nums: i32, sys_flag: i32) -> Option<Lookup> {
        self.table.write().for_message(topic, template, queue_nums, sys_flag, self.clock.now_ms())
    }

    /// See [`TopicTable::for_group`].
    pub fn for_group(&self, topic: &str, queue_nums: i32, order: bool, sys_flag: i32) -> Lookup {
        self.table.write().for_group(topic, queue_nums, order, sys_flag, self.clock.now_ms())
    }

    /// See [`TopicTable::update`]. The topics of light queues are as they are.
    pub fn update(&self, wanted: TopicConfig) -> Result<Lookup, AttributeError> {
        if self.is_light(&wanted.topic_name) {
            return Ok(Lookup::Known(Arc::new(table::plain(&wanted.topic_name, 1))));
        }
        self.table.write().update(wanted, self.clock.now_ms())
    }

    /// Removes a topic. Answers whether it was there.
    pub fn remove(&self, topic: &str) -> bool {
        self.table.write().remove(topic, self.clock.now_ms())
    }

    /// Marks the topics that name servers list as ordered (`ORDER_TOPIC_CONFIG`).
    pub fn follow_order_config<'a>(&self, ordered: impl Iterator<Item = &'a String>) {
        let mut table = self.table.write();
        for topic in ordered {
            table.set_ordered(topic, self.clock.now_ms());
        }
    }

    /// Marks a change that concerns all topics at once.
    pub fn touch(&self) {
        self.table.write().touch(self.clock.now_ms());
    }

    /// Follows a change of `autoCreateTopicEnable`.
    pub fn set_auto_create(&self, auto_create: bool) {
        self.table.write().set_auto_create(auto_create);
    }

    /// How many topics there are.
    pub fn count(&self) -> usize {
        self.table.read().len()
    }

    /// Whether the topic belongs to the system on this broker.
    pub fn is_system_topic(&self, topic: &str) -> bool {
        self.table.read().is_system_topic(topic)
    }

    /// Names of the topics that belong to the system.
    pub fn system_topics(&self) -> Vec<String> {
        self.table.read().system_topics().map(str::to_owned).collect()
    }

    /// The topics of clients that have an attribute, with its value.
    pub fn with_attribute(&self, name: &str) -> Vec<(Arc<str>, String)> {
        let table = self.table.read();
        let clients = table.iter().filter(|config| !table.is_system_topic(&config.topic_name));
        let having = clients.filter_map(|config| Some((&config.topic_name, config.attributes.get(name)?)));
        having.map(|(topic, value)| (Arc::from(topic.as_str()), value.clone())).collect()
    }

    /// All topics and the state of the table, at one moment.
    pub fn wrapper(&self) -> TopicConfigSerializeWrapper {
        let table = self.table.read();
        let all: BTreeMap<String, TopicConfig> =
            table.iter().map(|config| (config.topic_name.clone(), (**config).clone())).collect();
        TopicConfigSerializeWrapper { topic_config_table: all, data_version: table.version() }
    }

    fn is_light(&self, topic: &str) -> bool {
        self.light_queues && light::is_light(topic)
    }

    /// The state of the table.
    pub fn version(&self) -> DataVersion {
        self.table.read().version()
    }
}
