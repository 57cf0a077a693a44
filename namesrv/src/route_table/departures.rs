//! How brokers are heard of, and how they leave: by saying so, by losing their connection, or by silence.

use super::{Address, Effect, MASTER_ID, PERM_WRITE, RouteTable, min_broker_id_change};

impl<C: Clone + PartialEq> RouteTable<C> {
    /// A broker says that it lives.
    pub fn heartbeat(&mut self, cluster: &str, address: &str, now_ms: i64) {
        let address = Address { cluster: cluster.to_owned(), address: address.to_owned() };
        if let Some(live) = self.live.get_mut(&address) {
            live.heard_ms = now_ms;
        }
    }

    /// A broker says that it leaves.
    pub fn unregister(
        &mut self,
        cluster: &str,
        address: &str,
        broker_name: &str,
        broker_id: i64,
        effects: &mut Vec<Effect<C>>,
    ) {
        let live = self.live.remove(&Address { cluster: cluster.to_owned(), address: address.to_owned() });
        let Some(broker) = self.brokers.get_mut(broker_name) else {
            return;
        };
        let was_min = broker.broker_addrs.keys().next() == Some(&broker_id);
        let before = broker.broker_addrs.len();
        broker.broker_addrs.retain(|_, known| known != address);
        if live.is_some() || broker.broker_addrs.len() < before {
            tracing::info!(cluster, broker = broker_name, id = broker_id, "{address} unregistered");
        }
        if broker.broker_addrs.is_empty() {
            self.forget_name(broker_name);
            return;
        }
        if !broker.enable_acting_master {
            return;
        }
        if was_min {
            effects.extend(min_broker_id_change(broker, Some(address), None));
        }
        if !broker.broker_addrs.contains_key(&MASTER_ID) {
            self.change_permissions(broker_name, |perm| perm & !PERM_WRITE);
        }
    }

    /// The last broker of a name is gone: so is the name, and every topic that only it had.
    fn forget_name(&mut self, broker_name: &str) {
        self.brokers.remove(broker_name);
        self.clusters.retain(|_, names| {
            names.remove(broker_name);
            !names.is_empty()
        });
        self.remove_queues(broker_name, |_| true);
        self.mappings.retain(|_, by_broker| {
            by_broker.remove(broker_name);
            !by_broker.is_empty()
        });
    }

    /// A connection is gone, and with it the brokers that registered through it last.
    pub fn closed(&mut self, connection: &C, effects: &mut Vec<Effect<C>>) {
        let gone = |live: &super::Live<C>| live.connection == *connection;
        for address in self.select(gone) {
            self.lose(&address, effects);
        }
    }

    /// Time has passed: brokers that were silent for too long are gone.
    pub fn expire(&mut self, now_ms: i64, effects: &mut Vec<Effect<C>>) {
        let silent = |live: &super::Live<C>| live.heard_ms.saturating_add(live.timeout_ms) < now_ms;
        for address in self.select(silent) {
            if let Some(live) = self.live.get(&address) {
                tracing::warn!(broker = live.broker_name, "{} was silent for {} ms", address.address, live.timeout_ms);
                effects.push(Effect::Close(live.connection.clone()));
            }
            self.lose(&address, effects);
        }
    }

    fn select(&self, chosen: impl Fn(&super::Live<C>) -> bool) -> Vec<Address> {
        let mut addresses: Vec<Address> =
            self.live.iter().filter(|(_, live)| chosen(live)).map(|(address, _)| address.clone()).collect();
        addresses.sort_unstable();
        addresses
    }

    fn lose(&mut self, address: &Address, effects: &mut Vec<Effect<C>>) {
        let Some(live) = self.live.remove(address) else {
            return;
        };
        let addresses = self.brokers.get(&live.broker_name).map(|broker| &broker.broker_addrs);
        let id = addresses.and_then(|known| known.iter().find(|(_, known)| **known == address.address));
        // A broker whose number another address has taken over has no place that could be taken from it.
        if let Some((&id, _)) = id {
            self.unregister(&address.cluster, &address.address, &live.broker_name, id, effects);
        }
    }
}
