//! Who subscribes to which lite topics, and in which of them there may be something for whom: a plain state machine. It reads no clock
//! and no queue, and sends nobody anything.
//!
//! A queue in which something may be is noted for each of its subscribers, once; whoever looks first takes what is there. So nothing
//! is missed if a subscriber goes away, and a look in vain costs little.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// A client with what it consumes: lite topics of one parent, for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The client's id.
    pub client: Arc<str>,
    /// Its group.
    pub group: Arc<str>,
    /// The topic whose lite topics the group consumes.
    pub parent: Arc<str>,
}

/// There would be more subscriptions than this limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub usize);

#[derive(Debug)]
struct Entry {
    who: Subscriber,
    /// It wants all lite topics of its parent, whatever there are.
    wants_all: bool,
    queues: BTreeSet<Arc<str>>,
    /// Queues in which something may be, in the order in which that was noted; none twice.
    waiting: VecDeque<Arc<str>>,
    is_waiting: HashSet<Arc<str>>,
    /// When the client said last what it subscribes to, in milliseconds.
    said_ms: i64,
}

impl Entry {
    fn of(who: &Subscriber) -> Self {
        Entry {
            who: who.clone(),
            wants_all: false,
            queues: BTreeSet::new(),
            waiting: VecDeque::new(),
            is_waiting: HashSet::new(),
            said_ms: 0,
        }
    }

    fn mark(&mut self, queue: &Arc<str>) {
        if self.is_waiting.insert(queue.clone()) {
            self.waiting.push_back(queue.clone());
        }
    }

    fn forget(&mut self, queue: &str) {
        if self.is_waiting.remove(queue) {
            self.waiting.retain(|waiting| **waiting != *queue);
        }
    }
}

/// All subscriptions.
#[derive(Debug, Default)]
pub struct Subscriptions {
    clients: HashMap<Arc<str>, Entry>,
    /// The clients that subscribe to a queue.
    by_queue: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The clients that want all lite topics of a parent.
    by_parent: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// How many pairs of client and queue there are.
    count: usize,
}

impl Subscriptions {
    /// Whether nobody subscribes to anything.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether a client has said that it subscribes.
    pub fn knows(&self, client: &str) -> bool {
        self.clients.contains_key(client)
    }

    /// How many pairs of client and queue there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// For how many clients something may have come.
    pub fn waiting_clients(&self) -> usize {
        self.clients.values().filter(|entry| !entry.waiting.is_empty()).count()
    }

    /// The queues that a client has named, and when it was last heard of, in milliseconds.
    pub fn of_client(&self, client: &str) -> Option<(Vec<Arc<str>>, i64)> {
        self.clients.get(client).map(|entry| (entry.queues.iter().cloned().collect(), entry.said_ms))
    }

    /// Who subscribes to a queue, and whether to all of the parent's.
    pub fn subscribers(&self, parent: &str, queue: &str) -> Vec<(Subscriber, bool)> {
        let clients = self.by_queue.get(queue).into_iter().chain(self.by_parent.get(parent)).flatten();
        let entries = clients.filter_map(|client| self.clients.get(client));
        entries.map(|entry| (entry.who.clone(), entry.wants_all)).collect()
    }

    /// A client subscribes to one queue more. Answers whether that is new.
    ///
    /// # Errors
    /// When the client has `most_of_client` already, or all together have `most`.
    pub fn add(
        &mut self,
        who: &Subscriber,
        queue: &str,
        most_of_client: usize,
        most: usize,
        now_ms: i64,
    ) -> Result<bool, TooMany> {
        let known = self.clients.get(&who.client);
        let (same, other) = (known.filter(|entry| entry.who == *who), known.filter(|entry| entry.who != *who));
        if !same.is_some_and(|entry| entry.queues.contains(queue)) {
            let count = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.queues.len());
            if count(same) >= most_of_client {
                return Err(TooMany(most_of_client));
            }
            // What it had as somebody else it gives up with this.
            if self.count - count(other) >= most {
                return Err(TooMany(most));
            }
        }
        let queue: Arc<str> = queue.into();
        let entry = self.entry(who, now_ms);
        let is_new = entry.queues.insert(queue.clone());
        if is_new {
            self.count += 1;
            self.by_queue.entry(queue).or_default().insert(who.client.clone());
        }
        Ok(is_new)
    }

    /// A client says what all its queues are. Answers those that are new.
    ///
    /// # Errors
    /// As [`Subscriptions::add`]; nothing has changed then.
    pub fn replace(
        &mut self,
        who: &Subscriber,
        queues: BTreeSet<Arc<str>>,
        most_of_client: usize,
        most: usize,
        now_ms: i64,
    ) -> Result<Vec<Arc<str>>, TooMany> {
        let has = self.clients.get(&who.client).map_or(0, |entry| entry.queues.len());
        if queues.len() > most_of_client {
            return Err(TooMany(most_of_client));
        }
        if self.count - has + queues.len() > most {
            return Err(TooMany(most));
        }
        let entry = self.entry(who, now_ms);
        let gone: Vec<Arc<str>> = entry.queues.difference(&queues).cloned().collect();
        let new: Vec<Arc<str>> = queues.difference(&entry.queues).cloned().collect();
        for queue in gone {
            self.remove(&who.client, &queue);
        }
        for queue in &new {
            self.add(who, queue, usize::MAX, usize::MAX, now_ms)?;
        }
        Ok(new)
    }

    /// A client wants all lite topics of its parent. Answers whether that is new.
    pub fn add_all(&mut self, who: &Subscriber, now_ms: i64) -> bool {
        let entry = self.entry(who, now_ms);
        let is_new = !std::mem::replace(&mut entry.wants_all, true);
        self.by_parent.entry(who.parent.clone()).or_default().insert(who.client.clone());
        is_new
    }

    /// The others of the client's group that subscribe to a queue.
    pub fn others(&self, queue: &str, who: &Subscriber) -> Vec<Arc<str>> {
        let clients = self.by_queue.get(queue).into_iter().flatten();
        let is_other = |client: &&Arc<str>| {
            **client != who.client && self.clients.get(*client).is_some_and(|entry| entry.who.group == who.group)
        };
        clients.filter(is_other).cloned().collect()
    }

    /// A client gives a queue up. Answers whether it had it.
    pub fn remove(&mut self, client: &str, queue: &str) -> bool {
        let Some(entry) = self.clients.get_mut(client) else { return false };
        if !entry.queues.remove(queue) {
            return false;
        }
        entry.forget(queue);
        self.count -= 1;
        if let Some(clients) = self.by_queue.get_mut(queue) {
            clients.remove(client);
            if clients.is_empty() {
                self.by_queue.remove(queue);
            }
        }
        true
    }

    /// A client is gone.
    pub fn leave(&mut self, client: &str) {
        let Some(entry) = self.clients.get(client) else { return };
        let queues: Vec<Arc<str>> = entry.queues.iter().cloned().collect();
        for queue in queues {
            self.remove(client, &queue);
        }
        if let Some(entry) = self.clients.remove(client)
            && let Some(clients) = self.by_parent.get_mut(&entry.who.parent)
        {
            clients.remove(client);
            if clients.is_empty() {
                self.by_parent.remove(&entry.who.parent);
            }
        }
    }

    /// Something may be in a queue, for one group or for all. Notes it for those who want it, and says who they are.
    pub fn mark(&mut self, parent: &str, queue: &str, group: Option<&str>) -> Vec<Subscriber> {
        let clients = self.by_queue.get(queue).into_iter().chain(self.by_parent.get(parent)).flatten();
        let clients: Vec<Arc<str>> = clients.cloned().collect();
        let queue: Arc<str> = queue.into();
        let mut found = Vec::new();
        for client in clients {
            let Some(entry) = self.clients.get_mut(&client) else { continue };
            if group.is_none_or(|group| *entry.who.group == *group) {
                entry.mark(&queue);
                found.push(entry.who.clone());
            }
        }
        found
    }

    /// Something may be in a queue, for one client.
    pub fn mark_for(&mut self, client: &str, queue: &str) {
        if let Some(entry) = self.clients.get_mut(client)
            && (entry.wants_all || entry.queues.contains(queue))
        {
            entry.mark(&queue.into());
        }
    }

    /// Takes the queue out in which there may have been something for the client for the longest time.
    pub fn next(&mut self, client: &str) -> Option<Arc<str>> {
        let entry = self.clients.get_mut(client)?;
        let queue = entry.waiting.pop_front()?;
        entry.is_waiting.remove(&queue);
        Some(queue)
    }

    /// Whether [`Subscriptions::next`] has an answer.
    pub fn has_next(&self, client: &str) -> bool {
        self.clients.get(client).is_some_and(|entry| !entry.waiting.is_empty())
    }

    /// Forgets clients that have not said for longer than `limit_ms` what they subscribe to.
    pub fn expire(&mut self, now_ms: i64, limit_ms: i64) {
        let silent = self.clients.iter().filter(|(_, entry)| now_ms.saturating_sub(entry.said_ms) > limit_ms);
        let silent: Vec<Arc<str>> = silent.map(|(client, _)| client.clone()).collect();
        silent.iter().for_each(|client| self.leave(client));
    }

    /// The client's entry. One that came with another group or parent before is another one now.
    fn entry(&mut self, who: &Subscriber, now_ms: i64) -> &mut Entry {
        if self.clients.get(&who.client).is_some_and(|entry| entry.who != *who) {
            self.leave(&who.client);
        }
        let entry = self.clients.entry(who.client.clone()).or_insert_with(|| Entry::of(who));
        entry.said_ms = now_ms;
        entry
    }
}
