//! The topics of a broker: a plain state machine behind `config/topics.json`. It decides what a topic that is created by a message,
//! a heartbeat or an operator looks like, and counts changes in Apache's data version. No I/O, no clock.

use std::collections::HashMap;
use std::sync::Arc;

use bolide_remoting::body::{DataVersion, TopicConfig};

use crate::attribute::{self, AttributeError};
use crate::delay::SCHEDULE_TOPIC;
use crate::name::{REPLY_SUFFIX, TEMPLATE_TOPIC};
use crate::timer::TIMER_TOPIC;
use crate::topic::permission;
use crate::transaction::{HALF_TOPIC, OP_TOPIC};

/// The part of the broker's configuration that shapes topics.
#[derive(Debug, Clone)]
pub struct TopicDefaults {
    /// `brokerClusterName`: also the name of a template topic.
    pub cluster: String,
    /// `brokerName`: also the name of a topic.
    pub broker: String,
    /// `defaultTopicQueueNums`: queues of the template topic and so the most that a first message may ask for.
    pub queue_nums: i32,
    /// `autoCreateTopicEnable`.
    pub auto_create: bool,
    /// `traceTopicEnable`: whether the trace topic exists from the start.
    pub trace_topic: bool,
    /// `msgTraceTopicName`.
    pub trace_topic_name: String,
    /// `clusterTopicEnable`.
    pub cluster_topic: bool,
    /// `brokerTopicEnable`.
    pub broker_topic: bool,
    /// `reviveQueueNum`: queues of the topic in which POP keeps its checkpoints.
    pub revive_queues: i32,
    /// `enableLmq`.
    pub light_queues: bool,
}

/// Result of looking up a topic that may have to be created.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// It was there.
    Known(Arc<TopicConfig>),
    /// It was created now: name servers must hear of it.
    Created(Arc<TopicConfig>),
}

impl Lookup {
    /// The topic, new or old.
    pub fn config(&self) -> &Arc<TopicConfig> {
        match self {
            Lookup::Known(config) | Lookup::Created(config) => config,
        }
    }
}

/// All topics of one broker.
#[derive(Debug)]
pub struct TopicTable {
    topics: HashMap<String, Arc<TopicConfig>>,
    version: DataVersion,
    /// The names that depend on the configuration; see [`crate::name::is_system_topic`] for the rest.
    own_names: Vec<String>,
    auto_create: bool,
}

impl TopicTable {
    /// A table with the system topics that every broker has.
    pub fn new(defaults: &TopicDefaults, now_ms: i64) -> Self {
        let mut table = TopicTable {
            topics: HashMap::new(),
            version: DataVersion::new(now_ms),
            own_names: Vec::new(),
            auto_create: defaults.auto_create,
        };
        table.add_system_topics(defaults);
        table
    }

    fn add_system_topics(&mut self, defaults: &TopicDefaults) {
        use permission::{INHERIT, READ, WRITE};
        let open = |enabled: bool| INHERIT | if enabled { READ | WRITE } else { 0 };
        let revive = format!("rmq_sys_REVIVE_LOG_{}", defaults.cluster);
        let members = format!("rmq_sys_SYNC_BROKER_MEMBER_{}", defaults.broker);
        let reply = format!("{}{REPLY_SUFFIX}", defaults.cluster);
        let fixed = [
            ("SELF_TEST_TOPIC", 1, READ | WRITE),
            ("BenchmarkTest", 1024, READ | WRITE),
            (&defaults.cluster, 16, open(defaults.cluster_topic)),
            (&defaults.broker, 1, open(defaults.broker_topic)),
            ("OFFSET_MOVED_EVENT", 1, READ | WRITE),
            (SCHEDULE_TOPIC, 18, READ | WRITE),
            (&reply, 1, READ | WRITE),
            (&revive, defaults.revive_queues, READ | WRITE),
            (&members, 1, INHERIT),
            (HALF_TOPIC, 1, READ | WRITE),
            (OP_TOPIC, 1, READ | WRITE),
            ("RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", 1, READ | WRITE),
            ("RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC", 1, READ | WRITE),
            (TIMER_TOPIC, 1, READ | WRITE),
        ];
        let template = (TEMPLATE_TOPIC, defaults.queue_nums, INHERIT | READ | WRITE);
        let trace = (defaults.trace_topic_name.as_str(), 1, READ | WRITE);
        let optional = [defaults.auto_create.then_some(template), defaults.trace_topic.then_some(trace)];
        for (name, queues, perm) in fixed.into_iter().chain(optional.into_iter().flatten()) {
            let config = TopicConfig { perm, ..plain(name, queues) };
            self.topics.insert(name.to_owned(), Arc::new(config));
            self.own_names.push(name.to_owned());
        }
    }

    /// A topic, if it exists.
    pub fn get(&self, topic: &str) -> Option<&Arc<TopicConfig>> {
        self.topics.get(topic)
    }

    /// All topics.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TopicConfig>> {
        self.topics.values()
    }

    /// Follows a change of `autoCreateTopicEnable`.
    pub fn set_auto_create(&mut self, auto_create: bool) {
        self.auto_create = auto_create;
    }

    /// How many topics there are.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether the table is empty; it never is, for there are system topics.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// The state of the table; changes with each change of a topic.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// Marks a change that concerns all topics at once, such as the broker's permission.
    pub fn touch(&mut self, now_ms: i64) {
        self.version = self.version.next(now_ms);
    }

    /// Names of the topics that belong to the system on this broker.
    pub fn system_topics(&self) -> impl Iterator<Item = &str> {
        let others =
            crate::name::SYSTEM_TOPICS.into_iter().filter(|name| !self.own_names.iter().any(|own| own == name));
        self.own_names.iter().map(String::as_str).chain(others)
    }

    /// Whether the topic belongs to the system on this broker.
    pub fn is_system_topic(&self, topic: &str) -> bool {
        crate::name::is_system_topic(topic) || self.own_names.iter().any(|own| own == topic)
    }

    /// Finds the topic of a message, or creates it after the template that the producer named. `None`: the template does not
    /// exist or is not open to inheritance (`autoCreateTopicEnable=false`).
    pub fn for_message(
        &mut self,
        topic: &str,
        template: &str,
        queue_nums: i32,
        sys_flag: i32,
        now_ms: i64,
    ) -> Option<Lookup> {
        if let Some(known) = self.topics.get(topic) {
            return Some(Lookup::Known(known.clone()));
        }
        let model = self.topics.get(template)?;
        let closed = template == TEMPLATE_TOPIC && !self.auto_create;
        if closed || !permission::is_inherited(model.perm) {
            return None;
        }
        let config = TopicConfig {
            perm: model.perm & !permission::INHERIT,
            topic_sys_flag: sys_flag,
            topic_filter_type: model.topic_filter_type,
            ..plain(topic, queue_nums.clamp(0, model.write_queue_nums))
        };
        Some(Lookup::Created(self.insert(config, now_ms)))
    }

    /// Finds or creates a topic that the broker itself needs for a group: retries and dead letters. An existing one is brought
    /// in line with `order`.
    pub fn for_group(&mut self, topic: &str, queue_nums: i32, order: bool, sys_flag: i32, now_ms: i64) -> Lookup {
        match self.topics.get(topic).cloned() {
            Some(known) if known.order == order => Lookup::Known(known),
            Some(known) => {
                let config = TopicConfig { order, ..(*known).clone() };
                Lookup::Created(self.insert(config, now_ms))
            }
            None => {
                let config = TopicConfig { order, topic_sys_flag: sys_flag, ..plain(topic, queue_nums) };
                Lookup::Created(self.insert(config, now_ms))
            }
        }
    }

    /// Creates or replaces a topic as an operator asks. `wanted.attributes` are changes (`+name`, `-name`) to those it has.
    pub fn update(&mut self, mut wanted: TopicConfig, now_ms: i64) -> Result<Lookup, AttributeError> {
        let old = self.topics.get(&wanted.topic_name);
        wanted.attributes = attribute::change(attribute::TOPIC, old.map(|old| &old.attributes), &wanted.attributes)?;
        match old {
            Some(old) if **old == wanted => Ok(Lookup::Known(old.clone())),
            _ => Ok(Lookup::Created(self.insert(wanted, now_ms))),
        }
    }

    /// Marks a topic as ordered, if it exists.
    pub fn set_ordered(&mut self, topic: &str, now_ms: i64) {
        if let Some(config) = self.topics.get(topic).filter(|config| !config.order).cloned() {
            self.insert(TopicConfig { order: true, ..(*config).clone() }, now_ms);
        }
    }

    /// Removes a topic. Answers whether it was there.
    pub fn remove(&mut self, topic: &str, now_ms: i64) -> bool {
        let removed = self.topics.remove(topic).is_some();
        if removed {
            self.version = self.version.next(now_ms);
        }
        removed
    }

    /// Takes over what `topics.json` kept; the file's word counts more than the defaults.
    pub fn restore(&mut self, topics: impl IntoIterator<Item = TopicConfig>, version: DataVersion) {
        for config in topics {
            self.topics.insert(config.topic_name.clone(), Arc::new(config));
        }
        self.version = version;
    }

    fn insert(&mut self, config: TopicConfig, now_ms: i64) -> Arc<TopicConfig> {
        let config = Arc::new(config);
        self.topics.insert(config.topic_name.clone(), config.clone());
        self.version = self.version.next(now_ms);
        config
    }
}

/// A readable and writable topic with as many read as write queues.
pub(super) fn plain(name: &str, queue_nums: i32) -> TopicConfig {
    TopicConfig {
        topic_name: name.to_owned(),
        read_queue_nums: queue_nums,
        write_queue_nums: queue_nums,
        perm: permission::READ | permission::WRITE,
        ..TopicConfig::default()
    }
}

#[cfg(test)]
mod tests;
