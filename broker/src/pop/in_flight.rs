//! Which messages are in flight for which group, and until when: a plain state machine. Entries of the journal go in (checkpoints
//! and acknowledgements, whether just written or read again after a start), with the time; what comes out is which messages are
//! due for another delivery, and how far the journal is no longer needed. It reads no clock, no message and no file.
//!
//! One message is in flight for one group at most once: a later checkpoint about it (its time was changed, or an operator set the
//! group's offset back) takes the place of the earlier one, whose handle is stale from then on. Which is later is told by the time
//! of the POP, so that the queues of the journal may be read in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A queue as one group consumes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The topic that the messages lie in; for retries the retry topic.
    pub topic: Arc<str>,
    /// The consumer group.
    pub group: Arc<str>,
    /// The queue's number.
    pub queue: i32,
}

impl Place {
    /// A queue of a topic, as `group` consumes it.
    pub fn new(topic: &str, group: &str, queue: i32) -> Self {
        Place { topic: topic.into(), group: group.into(), queue }
    }
}

/// Where an entry lies in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition {
    /// The queue of the revive topic.
    pub queue: i32,
    /// The offset in that queue.
    pub offset: i64,
}

/// Messages that one POP took from one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The queue and the group.
    pub place: Place,
    /// Where the POP began to read. With the time of the POP it tells checkpoints of one place apart.
    pub start: i64,
    /// When the messages were taken, in milliseconds since 1970.
    pub pop_ms: i64,
    /// For how long they are hidden from the group, in milliseconds.
    pub invisible_ms: i64,
    /// The messages' offsets, ascending.
    pub offsets: Vec<i64>,
    /// The consumer was not ready rather than unable: another delivery does not count as an attempt.
    pub suspended: bool,
    /// For whom the broker hides them longer and longer, where it does.
    pub holder: Option<Holder>,
}

/// A client for which the broker hides a message for as long as the client is there and has not acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The client's id.
    pub client: Arc<str>,
    /// How often the time has been prolonged.
    pub renewals: u32,
}

impl Holder {
    /// A client that has just got the message.
    pub fn new(client: Arc<str>) -> Self {
        Holder { client, renewals: 0 }
    }
}

impl Checkpoint {
    /// When the messages become due for another delivery.
    pub fn due_ms(&self) -> i64 {
        self.pop_ms.saturating_add(self.invisible_ms)
    }
}

/// What a handle says about the delivery that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The queue and the group.
    pub place: Place,
    /// Where the POP began to read.
    pub start: i64,
    /// When it was, in milliseconds since 1970.
    pub pop_ms: i64,
}

/// One message in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where the POP began to read.
    pub start: i64,
    /// When it was.
    pub pop_ms: i64,
    /// Until when the message is hidden.
    pub due_ms: i64,
    /// See [`Checkpoint::suspended`].
    pub suspended: bool,
    /// See [`Checkpoint::holder`].
    pub holder: Option<Holder>,
    /// The checkpoint's entry in the journal.
    pub at: JournalPosition,
}

/// A message whose time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The queue and the group.
    pub place: Place,
    /// The message.
    pub offset: i64,
    /// How it was delivered.
    pub delivery: Delivery,
}

/// A checkpoint in the journal some of whose messages are in flight.
#[derive(Debug)]
struct Pin {
    /// With the offsets that are left.
    checkpoint: Checkpoint,
}

#[derive(Debug, Default)]
struct JournalQueue {
    /// Everything before is known here.
    next: i64,
    /// Entries that are known beyond a gap: somebody else wrote in between.
    ahead: BTreeSet<i64>,
    pins: BTreeMap<i64, Pin>,
}

/// Acknowledgements that came before their checkpoint.
#[derive(Debug, Default)]
struct Early {
    offsets: BTreeSet<i64>,
    /// When to stop waiting for the checkpoint.
    until_ms: i64,
}

/// How many checkpoints may have acknowledgements that came before them.
const MAX_EARLY: usize = 100_000;

/// All messages in flight on a broker.
#[derive(Debug, Default)]
pub struct InFlight {
    places: HashMap<Place, BTreeMap<i64, Delivery>>,
    /// Every message in flight, by the time it is due.
    due: BTreeSet<(i64, Place, i64)>,
    /// Those of them that are held by a client.
    held: BTreeSet<(i64, Place, i64)>,
    by_client: HashMap<Arc<str>, BTreeSet<(Place, i64)>>,
    journal: BTreeMap<i32, JournalQueue>,
    early: HashMap<DeliveryKey, Early>,
}

impl InFlight {
    /// Begins to follow a queue of the journal at `next`: everything before has been dealt with.
    pub fn follow(&mut self, queue: i32, next: i64) {
        let followed = self.journal.entry(queue).or_default();
        followed.next = followed.next.max(next);
    }

    /// The first entry of a journal queue that is not known here yet.
    pub fn unread(&self, queue: i32) -> i64 {
        self.journal.get(&queue).map_or(0, |followed| followed.next)
    }

    /// Notes that an entry of the journal is known here. Each entry must be noted, whatever it says.
    pub fn note(&mut self, at: JournalPosition) {
        let queue = self.journal.entry(at.queue).or_default();
        if at.offset >= queue.next {
            queue.ahead.insert(at.offset);
        }
        while queue.ahead.first() == Some(&queue.next) {
            queue.ahead.pop_first();
            queue.next += 1;
        }
    }

    /// Whether an entry has been noted.
    pub fn is_known(&self, at: JournalPosition) -> bool {
        let queue = self.journal.get(&at.queue);
        queue.is_some_and(|queue| at.offset < queue.next || queue.ahead.contains(&at.offset))
    }

    /// The last entry of a journal queue up to which nothing is needed any more; −1 where even the first is.
    pub fn done(&self, queue: i32) -> i64 {
        let Some(queue) = self.journal.get(&queue) else { return -1 };
        queue.pins.first_key_value().map_or(queue.next, |(pinned, _)| *pinned) - 1
    }

    /// Takes in a checkpoint. A message that is in flight already belongs to whichever of the two POPs was later.
    pub fn take(&mut self, checkpoint: &Checkpoint, at: JournalPosition) {
        self.note(at);
        let key = DeliveryKey { place: checkpoint.place.clone(), start: checkpoint.start, pop_ms: checkpoint.pop_ms };
        let early = self.early.remove(&key).unwrap_or_default();
        let delivery = Delivery {
            start: checkpoint.start,
            pop_ms: checkpoint.pop_ms,
            due_ms: checkpoint.due_ms(),
            suspended: checkpoint.suspended,
            holder: checkpoint.holder.clone(),
            at,
        };
        let mut taken = Vec::new();
        for &offset in checkpoint.offsets.iter().filter(|offset| !early.offsets.contains(offset)) {
            let known = self.places.get(&key.place).and_then(|place| place.get(&offset));
            // The same POP at a later place in the journal: the checkpoint was written again.
            let wins = known.is_none_or(|known| (known.pop_ms, known.at) < (delivery.pop_ms, at));
            if wins {
                self.remove(&key.place, offset);
                self.due.insert((delivery.due_ms, key.place.clone(), offset));
                if let Some(holder) = &delivery.holder {
                    self.held.insert((delivery.due_ms, key.place.clone(), offset));
                    self.by_client.entry(holder.client.clone()).or_default().insert((key.place.clone(), offset));
                }
                self.places.entry(key.place.clone()).or_default().insert(offset, delivery.clone());
                taken.push(offset);
            }
        }
        if !taken.is_empty() {
            let pin = Pin { checkpoint: Checkpoint { offsets: taken, ..checkpoint.clone() } };
            self.journal.entry(at.queue).or_default().pins.insert(at.offset, pin);
        }
    }

    /// How a message is in flight, if the handle is the one of its latest delivery.
    pub fn find(&self, key: &DeliveryKey, offset: i64) -> Option<&Delivery> {
        let delivery = self.places.get(&key.place)?.get(&offset)?;
        (delivery.start == key.start && delivery.pop_ms == key.pop_ms).then_some(delivery)
    }

    /// A message is done with. Answers whether it was in flight under this key; else nothing changes.
    pub fn acknowledge(&mut self, key: &DeliveryKey, offset: i64) -> bool {
        let found = self.find(key, offset).is_some();
        if found {
            self.remove(&key.place, offset);
        }
        found
    }

    /// Remembers an acknowledgement whose checkpoint may still come, until `until_ms`.
    pub fn acknowledge_early(&mut self, key: DeliveryKey, offset: i64, until_ms: i64) {
        if self.early.len() < MAX_EARLY || self.early.contains_key(&key) {
            let early = self.early.entry(key).or_default();
            early.offsets.insert(offset);
            early.until_ms = early.until_ms.max(until_ms);
        }
    }

    /// Forgets acknowledgements whose checkpoint has not come in time.
    pub fn forget_early(&mut self, now_ms: i64) {
        self.early.retain(|_, early| early.until_ms > now_ms);
    }

    /// Up to `limit` messages whose time is up, the longest due first. They stay in flight until they are acknowledged, as they are
    /// once they have been stored for another delivery.
    pub fn due(&self, now_ms: i64, limit: usize) -> Vec<Due> {
        let due = self.due.iter().take_while(|(due_ms, ..)| *due_ms <= now_ms).take(limit);
        due.filter_map(|(_, place, offset)| self.in_flight(place, *offset)).collect()
    }

    /// Up to `limit` messages that are held by a client and due by `until_ms`, the first due first.
    pub fn held(&self, until_ms: i64, limit: usize) -> Vec<Due> {
        let held = self.held.iter().take_while(|(due_ms, ..)| *due_ms <= until_ms).take(limit);
        held.filter_map(|(_, place, offset)| self.in_flight(place, *offset)).collect()
    }

    /// The clients that hold messages.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_client.keys()
    }

    /// All messages that a client holds.
    pub fn held_by(&self, client: &str) -> Vec<Due> {
        let held = self.by_client.get(client).into_iter().flatten();
        held.filter_map(|(place, offset)| self.in_flight(place, *offset)).collect()
    }

    fn in_flight(&self, place: &Place, offset: i64) -> Option<Due> {
        let delivery = self.places.get(place)?.get(&offset)?.clone();
        Some(Due { place: place.clone(), offset, delivery })
    }

    /// When the next message is due.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(due_ms, ..)| *due_ms)
    }

    /// A message is due at another time than its checkpoint says, as long as this process runs. Its handle stays what it is.
    pub fn postpone(&mut self, due: &Due, until_ms: i64) {
        let delivery = self.places.get_mut(&due.place).and_then(|place| place.get_mut(&due.offset));
        if let Some(delivery) = delivery.filter(|delivery| **delivery == due.delivery) {
            let before = (delivery.due_ms, due.place.clone(), due.offset);
            delivery.due_ms = until_ms;
            for times in [&mut self.due, &mut self.held] {
                if times.remove(&before) {
                    times.insert((until_ms, due.place.clone(), due.offset));
                }
            }
        }
    }

    /// How many messages of a queue are in flight for a group.
    pub fn count(&self, place: &Place) -> usize {
        self.places.get(place).map_or(0, BTreeMap::len)
    }

    /// The queues and groups with messages in flight.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.keys()
    }

    /// How many messages are in flight in all.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether no message is in flight.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Checkpoints that lie more than `distance` entries before the end of their journal queue, with what is left of them. Written
    /// again, they no longer keep the entries after them from being forgotten.
    pub fn lagging(&self, distance: i64) -> Vec<(JournalPosition, Checkpoint)> {
        let mut lagging = Vec::new();
        for (&queue, followed) in &self.journal {
            lagging.extend(self.pinned_before(queue, followed.next - distance));
        }
        lagging
    }

    /// Checkpoints before an offset of a journal queue, with what is left of them.
    pub fn pinned_before(&self, queue: i32, end: i64) -> Vec<(JournalPosition, Checkpoint)> {
        let pins = self.journal.get(&queue).into_iter().flat_map(|followed| followed.pins.range(..end.max(0)));
        pins.map(|(&offset, pin)| (JournalPosition { queue, offset }, pin.checkpoint.clone())).collect()
    }

    /// The messages of a queue before `end` that are in flight.
    pub fn before(&self, place: &Place, end: i64) -> Vec<Due> {
        let messages = self.places.get(place).into_iter().flat_map(|messages| messages.range(..end));
        messages.map(|(&offset, delivery)| Due { place: place.clone(), offset, delivery: delivery.clone() }).collect()
    }

    /// Forgets all messages of the places that `is_gone` names; answers what was left of their checkpoints.
    pub fn forget(&mut self, is_gone: impl Fn(&Place) -> bool) -> Vec<(JournalPosition, Checkpoint)> {
        let mut forgotten = Vec::new();
        for (&queue, followed) in &self.journal {
            let pins = followed.pins.iter().filter(|(_, pin)| is_gone(&pin.checkpoint.place));
            forgotten.extend(pins.map(|(&offset, pin)| (JournalPosition { queue, offset }, pin.checkpoint.clone())));
        }
        let gone: Vec<Place> = self.places.keys().filter(|place| is_gone(place)).cloned().collect();
        for place in gone {
            let offsets: Vec<i64> = self.places.get(&place).into_iter().flatten().map(|(offset, _)| *offset).collect();
            for offset in offsets {
                self.remove(&place, offset);
            }
        }
        forgotten
    }

    fn remove(&mut self, place: &Place, offset: i64) {
        let Some(messages) = self.places.get_mut(place) else { return };
        let Some(delivery) = messages.remove(&offset) else { return };
        if messages.is_empty() {
            self.places.remove(place);
        }
        let time = (delivery.due_ms, place.clone(), offset);
        self.due.remove(&time);
        if let Some(holder) = &delivery.holder {
            self.held.remove(&time);
            if let Some(held) = self.by_client.get_mut(&holder.client) {
                held.remove(&(time.1, offset));
                if held.is_empty() {
                    self.by_client.remove(&holder.client);
                }
            }
        }
        let Some(queue) = self.journal.get_mut(&delivery.at.queue) else { return };
        if let Some(pin) = queue.pins.get_mut(&delivery.at.offset) {
            pin.checkpoint.offsets.retain(|left| *left != offset);
            if pin.checkpoint.offsets.is_empty() {
                queue.pins.remove(&delivery.at.offset);
            }
        }
    }
}

#[cfg(test)]
mod tests;
