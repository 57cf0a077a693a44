//! The consumer groups of a broker: a plain state machine behind `config/subscriptionGroup.json`. It decides which groups exist,
//! what each may do, and counts changes in Apache's data version. No I/O, no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bolide_remoting::body::{DataVersion, SubscriptionGroupConfig};

use crate::attribute::{self, AttributeError};
use crate::name;

/// Permissions that operators took from a group for a topic, as bits; by group, then topic.
pub type Forbidden = BTreeMap<String, BTreeMap<String, i32>>;

/// All consumer groups of one broker.
#[derive(Debug)]
pub struct GroupTable {
    groups: HashMap<String, Arc<SubscriptionGroupConfig>>,
    forbidden: Forbidden,
    version: DataVersion,
    auto_create: bool,
}

impl GroupTable {
    /// A table with the groups that every broker has. `auto_create` is `autoCreateSubscriptionGroup`.
    pub fn new(auto_create: bool, now_ms: i64) -> Self {
        let groups = name::SYSTEM_GROUPS.iter().map(|group| ((*group).to_owned(), Arc::new(plain(group))));
        GroupTable {
            groups: groups.collect(),
            forbidden: Forbidden::new(),
            version: DataVersion::new(now_ms),
            auto_create,
        }
    }

    /// A group, if it exists.
    pub fn get(&self, group: &str) -> Option<&Arc<SubscriptionGroupConfig>> {
        self.groups.get(group)
    }

    /// Finds a group that a client names, or creates it where the configuration allows and the name is legal.
    pub fn find(&mut self, group: &str, now_ms: i64) -> Option<Arc<SubscriptionGroupConfig>> {
        if let Some(known) = self.groups.get(group) {
            return Some(known.clone());
        }
        if !self.auto_create || name::check_group(group).is_err() {
            return None;
        }
        Some(self.insert(plain(group), now_ms))
    }

    /// Follows a change of the configuration.
    pub fn set_auto_create(&mut self, auto_create: bool) {
        self.auto_create = auto_create;
    }

    /// Whether the group exists.
    pub fn contains(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// Creates or replaces a group as an operator asks. `wanted.attributes` are changes (`+name`, `-name`) to those it has.
    pub fn update(&mut self, mut wanted: SubscriptionGroupConfig, now_ms: i64) -> Result<(), AttributeError> {
        let old = self.groups.get(&wanted.group_name);
        let current = old.map(|old| &old.attributes);
        wanted.attributes = attribute::change(attribute::GROUP, current, &wanted.attributes)?;
        self.insert(wanted, now_ms);
        Ok(())
    }

    /// Removes a group. Answers whether it was there.
    pub fn remove(&mut self, group: &str, now_ms: i64) -> bool {
        let removed = self.groups.remove(group).is_some();
        if removed {
            self.forbidden.remove(group);
            self.version = self.version.next(now_ms);
        }
        removed
    }

    /// Whether the bit `index` (0 is reading) of the group's permission for the topic was taken away.
    pub fn is_forbidden(&self, group: &str, topic: &str, index: u32) -> bool {
        let bits = self.forbidden.get(group).and_then(|topics| topics.get(topic)).copied().unwrap_or(0);
        bits & (1 << index) != 0
    }

    /// Takes the bit `index` of the group's permission for the topic away, or gives it back.
    pub fn set_forbidden(&mut self, group: &str, topic: &str, index: u32, forbidden: bool, now_ms: i64) {
        if self.is_forbidden(group, topic, index) == forbidden {
            return;
        }
        let topics = self.forbidden.entry(group.to_owned()).or_default();
        let bits = topics.entry(topic.to_owned()).or_insert(0);
        *bits ^= 1 << index;
        if *bits == 0 {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.forbidden.remove(group);
        }
        self.version = self.version.next(now_ms);
    }

    /// All groups.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SubscriptionGroupConfig>> {
        self.groups.values()
    }

    /// How many groups there are, those of the system included.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are none; never the case, for there are system groups.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Permissions taken away, for the file.
    pub fn forbidden(&self) -> &Forbidden {
        &self.forbidden
    }

    /// The state of the table; changes with each change of a group.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// Takes over what `subscriptionGroup.json` kept.
    pub fn restore(
        &mut self,
        groups: impl IntoIterator<Item = SubscriptionGroupConfig>,
        forbidden: Forbidden,
        version: DataVersion,
    ) {
        for config in groups {
            self.groups.insert(config.group_name.clone(), Arc::new(config));
        }
        self.forbidden = forbidden;
        self.version = version;
    }

    fn insert(&mut self, config: SubscriptionGroupConfig, now_ms: i64) -> Arc<SubscriptionGroupConfig> {
        let config = Arc::new(config);
        self.groups.insert(config.group_name.clone(), config.clone());
        self.version = self.version.next(now_ms);
        config
    }
}

pub(super) fn plain(group: &str) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig { group_name: group.to_owned(), ..SubscriptionGroupConfig::default() }
}

#[cfg(test)]
mod tests;
