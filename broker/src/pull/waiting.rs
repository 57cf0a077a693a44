//! Pulls that wait for a message (long polling): a plain state machine. It knows for each queue which pulls wait, from which offset
//! and until when; it does not know what a pull is, reads no message and answers nobody.

use std::collections::{BTreeMap, HashMap};

use bolide_store::{QueueId, QueueOffset};

/// A queue, by topic and number.
type Queues<V> = HashMap<String, HashMap<QueueId, V>>;

/// One waiting pull.
#[derive(Debug)]
struct Waiting<P> {
    ticket: Ticket,
    from: QueueOffset,
    pull: P,
}

/// Orders waiting pulls by the moment their patience ends; the second part tells equal moments apart.
type Ticket = (i64, u64);

/// All waiting pulls of a broker.
#[derive(Debug)]
pub struct WaitingPulls<P> {
    queues: Queues<Vec<Waiting<P>>>,
    deadlines: BTreeMap<Ticket, (String, QueueId)>,
    next: u64,
    limit: usize,
}

impl<P> WaitingPulls<P> {
    /// At most `limit` pulls wait at once; beyond that [`WaitingPulls::hold`] gives the pull back.
    pub fn new(limit: usize) -> Self {
        WaitingPulls { queues: HashMap::new(), deadlines: BTreeMap::new(), next: 0, limit }
    }

    /// Lets a pull wait for the message at `from` until `deadline_ms`, or gives it back where too many wait already.
    pub fn hold(&mut self, topic: &str, queue: QueueId, from: QueueOffset, deadline_ms: i64, pull: P) -> Result<(), P> {
        if self.deadlines.len() >= self.limit {
            return Err(pull);
        }
        let ticket = (deadline_ms, self.next);
        self.next += 1;
        self.deadlines.insert(ticket, (topic.to_owned(), queue));
        let queues = self.queues.entry(topic.to_owned()).or_default();
        queues.entry(queue).or_default().push(Waiting { ticket, from, pull });
        Ok(())
    }

    /// Takes out the pulls of a queue that can go on now that it reaches up to `max_offset` (exclusive), and that `wanted` accepts.
    pub fn arrived(
        &mut self,
        topic: &str,
        queue: QueueId,
        max_offset: QueueOffset,
        wanted: impl Fn(&P) -> bool,
    ) -> Vec<P> {
        let ready = |waiting: &Waiting<P>| waiting.from < max_offset && wanted(&waiting.pull);
        self.take(topic, queue, ready)
    }

    /// Takes out the pulls whose patience has ended.
    pub fn expired(&mut self, now_ms: i64) -> Vec<P> {
        let mut expired = Vec::new();
        while let Some(entry) = self.deadlines.first_entry() {
            let ticket = *entry.key();
            if ticket.0 > now_ms {
                break;
            }
            let (topic, queue) = entry.get().clone();
            expired.extend(self.take(&topic, queue, |waiting| waiting.ticket == ticket));
        }
        expired
    }

    /// Takes out every waiting pull, as the broker does when it stops.
    pub fn drain(&mut self) -> Vec<P> {
        self.deadlines.clear();
        let queues = std::mem::take(&mut self.queues);
        queues.into_values().flat_map(HashMap::into_values).flatten().map(|waiting| waiting.pull).collect()
    }

    /// How many pulls wait.
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether no pull waits.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    fn take(&mut self, topic: &str, queue: QueueId, ready: impl Fn(&Waiting<P>) -> bool) -> Vec<P> {
        let mut taken = Vec::new();
        let Some(queues) = self.queues.get_mut(topic) else {
            return taken;
        };
        let Some(waiting) = queues.get_mut(&queue) else {
            return taken;
        };
        for pull in waiting.extract_if(.., |waiting| ready(waiting)) {
            self.deadlines.remove(&pull.ticket);
            taken.push(pull.pull);
        }
        if waiting.is_empty() {
            queues.remove(&queue);
            if queues.is_empty() {
                self.queues.remove(topic);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
