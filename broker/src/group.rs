//! Consumer groups: which exist, what they may do, and the requests that create, change, list and remove them. The rules are in
//! [`table`]; this module shares the table between threads and keeps `config/subscriptionGroup.json`.

pub(crate) mod batch;
pub(crate) mod requests;
pub(crate) mod survey;
pub mod table;
pub(crate) mod waits;

use std::sync::Arc;

use bolide_remoting::body::{DataVersion, SubscriptionGroupConfig, SubscriptionGroupWrapper};
use bolide_store::{Clock, light};
use parking_lot::{Mutex, RwLock};

use crate::attribute::AttributeError;
use crate::config::BrokerConfig;
use crate::config_file::{ConfigFile, ConfigFileError};
use crate::group::table::GroupTable;

/// The bit of a group's permissions for a topic that stands for reading.
const READ_INDEX: u32 = 0;

/// The consumer groups of a broker, shared between its threads.
pub struct Groups {
    table: RwLock<GroupTable>,
    file: ConfigFile,
    /// The version that the file has; its lock also keeps two threads from writing at once.
    saved: Mutex<Option<DataVersion>>,
    clock: Arc<dyn Clock>,
    /// Whether there are groups of light queues (`enableLmq`).
    light_groups: bool,
}

impl Groups {
    /// Takes over the groups that the file kept.
    pub fn load(config: &BrokerConfig, file: ConfigFile, clock: Arc<dyn Clock>) -> Result<Self, ConfigFileError> {
        let mut table = GroupTable::new(config.auto_create_subscription_group, clock.now_ms());
        let kept: Option<SubscriptionGroupWrapper> = file.load()?;
        if let Some(kept) = kept {
            table.restore(kept.subscription_group_table.into_values(), kept.forbidden_table, kept.data_version);
        }
        let light_groups = config.enable_lmq;
        Ok(Groups { table: RwLock::new(table), file, saved: Mutex::new(None), clock, light_groups })
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

    /// A group, if it exists. One of light queues always does, and is in no list.
    pub fn get(&self, group: &str) -> Option<Arc<SubscriptionGroupConfig>> {
        if self.is_light(group) {
            return Some(Arc::new(table::plain(group)));
        }
        self.table.read().get(group).cloned()
    }

    /// A group that a client names; created where the configuration allows.
    pub fn find(&self, group: &str) -> Option<Arc<SubscriptionGroupConfig>> {
        // Nearly always known: the shared lock does.
        self.get(group).or_else(|| self.table.write().find(group, self.clock.now_ms()))
    }

    /// See [`GroupTable::update`]. Groups of light queues are as they are.
    pub fn update(&self, wanted: SubscriptionGroupConfig) -> Result<(), AttributeError> {
        if self.is_light(&wanted.group_name) {
            return Ok(());
        }
        self.table.write().update(wanted, self.clock.now_ms())
    }

    /// Removes a group. Answers whether it was there.
    pub fn remove(&self, group: &str) -> bool {
        self.table.write().remove(group, self.clock.now_ms())
    }

    /// Whether an operator took the permission to read the topic from the group.
    pub fn is_reading_forbidden(&self, group: &str, topic: &str) -> bool {
        self.table.read().is_forbidden(group, topic, READ_INDEX)
    }

    /// Takes the permission to read a topic from a group, or gives it back.
    pub fn set_reading_forbidden(&self, group: &str, topic: &str, forbidden: bool) {
        self.table.write().set_forbidden(group, topic, READ_INDEX, forbidden, self.clock.now_ms());
    }

    /// Follows a change of `autoCreateSubscriptionGroup`.
    pub fn set_auto_create(&self, auto_create: bool) {
        self.table.write().set_auto_create(auto_create);
    }

    fn is_light(&self, group: &str) -> bool {
        self.light_groups && light::is_light(group)
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.table.read().len()
    }

    /// All groups and the state of the table, at one moment.
    pub fn wrapper(&self) -> SubscriptionGroupWrapper {
        let table = self.table.read();
        SubscriptionGroupWrapper {
            subscription_group_table: table.iter().map(|g| (g.group_name.clone(), (**g).clone())).collect(),
            forbidden_table: table.forbidden().clone(),
            data_version: table.version(),
        }
    }
}
