//! POPs (and questions whether there is something to pop) that wait for a message: a plain state machine. It knows which topics each
//! of them listens to and until when; it does not know what they are, reads no message and answers nobody.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

/// The topic and the group that a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The topic as the client names it.
    pub topic: String,
    /// The consumer group.
    pub group: String,
}

/// Orders what waits by the moment its patience ends; the second part tells equal moments apart.
type Ticket = (i64, u64);

#[derive(Debug)]
struct Waiting<P> {
    /// Negative: any queue.
    queue: i32,
    held: P,
}

#[derive(Debug)]
struct Waiters<P> {
    waiting: BTreeMap<Ticket, Waiting<P>>,
    /// Other topics whose messages concern them too.
    retry_topics: Vec<String>,
}

/// Everything of one kind that waits on a broker.
#[derive(Debug)]
pub struct WaitingPops<P> {
    scopes: HashMap<Scope, Waiters<P>>,
    /// Who listens to a topic: those who named it, and those whose retries lie there.
    listeners: HashMap<String, HashSet<Scope>>,
    deadlines: BTreeMap<Ticket, Scope>,
    next: u64,
    limit: usize,
    limit_of_scope: usize,
}

/// Too much waits already; this is what would have waited.
#[derive(Debug, PartialEq, Eq)]
pub struct Full<P>(pub P);

impl<P> WaitingPops<P> {
    /// At most `limit` wait at once, and `limit_of_scope` for one topic and group.
    pub fn new(limit: usize, limit_of_scope: usize) -> Self {
        WaitingPops {
            scopes: HashMap::new(),
            listeners: HashMap::new(),
            deadlines: BTreeMap::new(),
            next: 0,
            limit,
            limit_of_scope,
        }
    }

    /// Lets something wait until `deadline_ms` for a message in a queue (negative: any queue) of the topic, or in one of the retry
    /// topics.
    pub fn hold(
        &mut self,
        scope: &Scope,
        queue: i32,
        retry_topics: [String; 2],
        deadline_ms: i64,
        held: P,
    ) -> Result<(), Full<P>> {
        let in_scope = self.scopes.get(scope).map_or(0, |waiters| waiters.waiting.len());
        if self.deadlines.len() >= self.limit || in_scope >= self.limit_of_scope {
            return Err(Full(held));
        }
        let ticket = (deadline_ms, self.next);
        self.next += 1;
        self.deadlines.insert(ticket, scope.clone());
        if in_scope == 0 {
            for topic in retry_topics.iter().chain([&scope.topic]) {
                self.listeners.entry(topic.clone()).or_default().insert(scope.clone());
            }
        }
        let waiters = self.scopes.entry(scope.clone());
        let waiters =
            waiters.or_insert_with(|| Waiters { waiting: BTreeMap::new(), retry_topics: Vec::from(retry_topics) });
        waiters.waiting.insert(ticket, Waiting { queue, held });
        Ok(())
    }

    /// A message has come: takes out, for each group that it concerns, the one that has waited longest for such a message.
    pub fn arrived(&mut self, topic: &str, queue: i32, wants: impl Fn(&P) -> bool) -> Vec<P> {
        let scopes: Vec<Scope> = self.listeners.get(topic).into_iter().flatten().cloned().collect();
        let takes = |scope: &Scope, waiting: &Waiting<P>| {
            let its_queue = scope.topic != topic || waiting.queue < 0 || waiting.queue == queue;
            its_queue && wants(&waiting.held)
        };
        scopes.iter().filter_map(|scope| self.take_first(scope, |waiting| takes(scope, waiting))).collect()
    }

    /// Takes out the one that has waited longest of a topic and group, among those that `queue` concerns (negative: those for any
    /// queue).
    pub fn first(&mut self, scope: &Scope, queue: i32) -> Option<P> {
        self.take_first(scope, |waiting| waiting.queue < 0 || waiting.queue == queue)
    }

    /// Takes out those whose patience has ended.
    pub fn expired(&mut self, now_ms: i64) -> Vec<P> {
        let mut expired = Vec::new();
        while let Some((&ticket, scope)) = self.deadlines.first_key_value() {
            if ticket.0 > now_ms {
                break;
            }
            let scope = scope.clone();
            expired.extend(self.take(&scope, ticket));
        }
        expired
    }

    /// Takes out all, as the broker does when it stops.
    pub fn drain(&mut self) -> Vec<P> {
        self.deadlines.clear();
        self.listeners.clear();
        let scopes = std::mem::take(&mut self.scopes).into_values();
        scopes.flat_map(|waiters| waiters.waiting.into_values()).map(|waiting| waiting.held).collect()
    }

    /// How many wait for a queue (negative: those for any queue).
    pub fn count(&self, scope: &Scope, queue: i32) -> usize {
        let waiters = self.scopes.get(scope).into_iter().flat_map(|waiters| waiters.waiting.values());
        waiters.filter(|waiting| waiting.queue.max(-1) == queue.max(-1)).count()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    fn take_first(&mut self, scope: &Scope, wanted: impl Fn(&Waiting<P>) -> bool) -> Option<P> {
        let waiters = self.scopes.get(scope)?;
        let ticket = *waiters.waiting.iter().find(|(_, waiting)| wanted(waiting))?.0;
        self.take(scope, ticket)
    }

    fn take(&mut self, scope: &Scope, ticket: Ticket) -> Option<P> {
        self.deadlines.remove(&ticket);
        let waiters = self.scopes.get_mut(scope)?;
        let taken = waiters.waiting.remove(&ticket)?;
        if waiters.waiting.is_empty() {
            let topics = self.scopes.remove(scope).map(|waiters| waiters.retry_topics).unwrap_or_default();
            for topic in topics.iter().chain([&scope.topic]) {
                if let Some(listeners) = self.listeners.get_mut(topic) {
                    listeners.remove(scope);
                    if listeners.is_empty() {
                        self.listeners.remove(topic);
                    }
                }
            }
        }
        Some(taken.held)
    }
}
