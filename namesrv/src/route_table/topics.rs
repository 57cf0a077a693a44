//! What operators do to topics and brokers' permissions, whatever the brokers themselves say.

use bolide_remoting::body::QueueData;

use super::{PERM_READ, PERM_WRITE, RouteTable};

impl<C: Clone + PartialEq> RouteTable<C> {
    /// Enters a topic's queues. If any of them is of an unknown broker, nothing is entered, and that broker's name returned.
    ///
    /// # Errors
    /// The name of the unknown broker.
    pub fn register_topic(&mut self, topic: &str, queues: Vec<QueueData>) -> Result<(), String> {
        if let Some(unknown) = queues.iter().find(|queues| !self.brokers.contains_key(&queues.broker_name)) {
            return Err(unknown.broker_name.clone());
        }
        for queues in queues {
            self.put_queues(queues, topic);
        }
        Ok(())
    }

    /// Removes a topic.
    pub fn delete_topic(&mut self, topic: &str) {
        self.queue_count -= self.topics.remove(topic).map_or(0, |by_broker| by_broker.len());
        self.mappings.remove(topic);
    }

    /// Removes a topic from the brokers of one cluster.
    pub fn delete_topic_in_cluster(&mut self, topic: &str, cluster: &str) {
        let (Some(names), Some(by_broker)) = (self.clusters.get(cluster), self.topics.get_mut(topic)) else {
            return;
        };
        let before = by_broker.len();
        by_broker.retain(|broker_name, _| !names.contains(broker_name));
        self.queue_count -= before - by_broker.len();
        if by_broker.is_empty() {
            self.delete_topic(topic);
        }
    }

    /// Takes from a broker the permission to take messages, until it registers a change. Returns of how many topics.
    pub fn wipe_write_permission(&mut self, broker_name: &str) -> i32 {
        self.change_permissions(broker_name, |perm| perm & !PERM_WRITE)
    }

    /// Gives a broker the permission to take messages and give them out. Returns of how many topics.
    pub fn add_write_permission(&mut self, broker_name: &str) -> i32 {
        self.change_permissions(broker_name, |_| PERM_READ | PERM_WRITE)
    }

    pub(super) fn change_permissions(&mut self, broker_name: &str, change: impl Fn(i32) -> i32) -> i32 {
        let mut count = 0;
        for queues in self.topics.values_mut().filter_map(|by_broker| by_broker.get_mut(broker_name)) {
            queues.perm = change(queues.perm);
            count += 1;
        }
        count
    }
}
