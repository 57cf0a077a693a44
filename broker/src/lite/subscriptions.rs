//! Who subscribes to which lite topics, and in which of them there may be something for whom: a plain state machine. It reads no clock
//! and no queue, and sends nobody anything.
//!
//! A queue in which something may be is noted for each of its subscribers, once; whoever looks first takes what is there. So nothing
//! is missed if a subscriber goes away, and a look in vain costs little.

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn who(client: &str, group: &str) -> Subscriber {
        Subscriber { client: client.into(), group: group.into(), parent: "p".into() }
    }

    fn names(found: &[Subscriber]) -> Vec<&str> {
        found.iter().map(|who| &*who.client).collect()
    }

    #[test]
    fn a_queue_is_noted_once_for_each_of_its_subscribers() {
        let mut all = Subscriptions::default();
        all.add(&who("a", "g"), "x", 9, 9, 0).unwrap();
        all.add(&who("b", "h"), "x", 9, 9, 0).unwrap();
        assert_eq!(names(&all.mark("p", "x", None)), ["a", "b"]);
        assert_eq!(names(&all.mark("p", "x", Some("g"))), ["a"]);
        assert_eq!((all.next("a").as_deref(), all.next("a")), (Some("x"), None));
        assert!(all.has_next("b") && !all.has_next("a"));
        assert!(all.mark("p", "y", None).is_empty());
    }

    #[test]
    fn limits_hold_and_a_client_that_knows_better_is_believed() {
        let mut all = Subscriptions::default();
        assert_eq!(all.add(&who("a", "g"), "x", 1, 9, 0), Ok(true));
        assert_eq!(all.add(&who("a", "g"), "x", 1, 9, 0), Ok(false));
        assert_eq!(all.add(&who("a", "g"), "y", 1, 9, 0), Err(TooMany(1)));
        assert_eq!(all.add(&who("b", "g"), "x", 9, 1, 0), Err(TooMany(1)));
        assert_eq!(all.replace(&who("a", "g"), ["y".into(), "z".into()].into(), 9, 1, 0), Err(TooMany(1)));
        assert_eq!(all.replace(&who("a", "g"), ["y".into()].into(), 9, 1, 0), Ok(vec!["y".into()]));
        assert!(all.mark("p", "x", None).is_empty());
        all.add(&who("a", "other"), "x", 1, 1, 0).unwrap();
        assert!(all.mark("p", "y", None).is_empty(), "it belongs to another group now");
    }

    #[test]
    fn who_wants_all_gets_all_of_its_parent_until_it_falls_silent() {
        let mut all = Subscriptions::default();
        assert!(all.add_all(&who("a", "g"), 0));
        assert!(!all.add_all(&who("a", "g"), 10));
        assert_eq!(names(&all.mark("p", "anything", None)), ["a"]);
        assert!(all.mark("q", "anything", None).is_empty());
        all.expire(110, 100);
        assert!(!all.is_empty());
        all.expire(111, 100);
        assert!(all.is_empty() && all.by_parent.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(usize, usize),
        Remove(usize, usize),
        Replace(usize, BTreeSet<usize>),
        Leave(usize),
        Mark(usize),
        Next(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3usize, 0..4usize).prop_map(|(client, queue)| Step::Add(client, queue)),
            (0..3usize, 0..4usize).prop_map(|(client, queue)| Step::Remove(client, queue)),
            (0..3usize, prop::collection::btree_set(0..4usize, 0..4))
                .prop_map(|(client, set)| Step::Replace(client, set)),
            (0..3usize).prop_map(Step::Leave),
            (0..4usize).prop_map(Step::Mark),
            (0..3usize).prop_map(Step::Next),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        /// The naive model: each client's queues, and a list of those that were marked.
        #[test]
        fn behaves_as_lists_do(steps in prop::collection::vec(step(), 1..60)) {
            const LIMIT: usize = 6;
            let mut all = Subscriptions::default();
            let mut model: BTreeMap<usize, (BTreeSet<usize>, Vec<usize>)> = BTreeMap::new();
            let (client_of, queue_of) = (|index: usize| who(&format!("c{index}"), "g"), |index: usize| format!("q{index}"));
            for step in steps {
                let total: usize = model.values().map(|(queues, _)| queues.len()).sum();
                match step {
                    Step::Add(client, queue) => {
                        let has = model.get(&client).is_some_and(|(queues, _)| queues.contains(&queue));
                        let added = all.add(&client_of(client), &queue_of(queue), 9, LIMIT, 0);
                        let fits = has || total < LIMIT;
                        prop_assert_eq!(added, if fits { Ok(!has) } else { Err(TooMany(LIMIT)) });
                        if fits {
                            model.entry(client).or_default().0.insert(queue);
                        }
                    }
                    Step::Remove(client, queue) => {
                        let had = model.get_mut(&client).is_some_and(|(queues, waiting)| {
                            waiting.retain(|waiting| *waiting != queue);
                            queues.remove(&queue)
                        });
                        prop_assert_eq!(all.remove(&client_of(client).client, &queue_of(queue)), had);
                    }
                    Step::Replace(client, set) => {
                        let has = model.get(&client).map_or(0, |(queues, _)| queues.len());
                        let queues = set.iter().map(|queue| queue_of(*queue).into()).collect();
                        let replaced = all.replace(&client_of(client), queues, 9, LIMIT, 0);
                        prop_assert_eq!(replaced.is_ok(), total - has + set.len() <= LIMIT);
                        if replaced.is_ok() {
                            let entry = model.entry(client).or_default();
                            entry.1.retain(|queue| set.contains(queue));
                            entry.0 = set;
                        }
                    }
                    Step::Leave(client) => {
                        all.leave(&client_of(client).client);
                        model.remove(&client);
                    }
                    Step::Mark(queue) => {
                        let mut expected = Vec::new();
                        for (client, (queues, waiting)) in &mut model {
                            if queues.contains(&queue) {
                                expected.push(client_of(*client));
                                if !waiting.contains(&queue) {
                                    waiting.push(queue);
                                }
                            }
                        }
                        prop_assert_eq!(all.mark("p", &queue_of(queue), None), expected);
                    }
                    Step::Next(client) => {
                        let waiting = model.get_mut(&client).map(|(_, waiting)| waiting);
                        let expected = waiting.filter(|waiting| !waiting.is_empty()).map(|waiting| waiting.remove(0));
                        let next = all.next(&client_of(client).client);
                        prop_assert_eq!(next.map(|queue| queue.to_string()), expected.map(queue_of));
                    }
                }
                prop_assert_eq!(all.count, model.values().map(|(queues, _)| queues.len()).sum::<usize>());
            }
        }
    }
}
