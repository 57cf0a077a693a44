//! What consumers do with a message they hold, by the handle that they got with it, whatever protocol they speak. The handle says all
//! that is needed; whether it is still good is decided by what is in flight, so that a time that was prolonged counts.

use std::net::SocketAddr;
use std::sync::Arc;

use super::acknowledge::{
    Change, Changed, acknowledge_ordered, acknowledge_soon, bounds, change_any, write_acknowledged,
};
use super::handle::{BadHandle, Handle, ORDERED};
use super::in_flight::{DeliveryKey, Place};
use super::retry_topic::{self, TopicKind};
use super::take::{Batch, Taken, Wanted};
use super::{check, revive};
use crate::broker::Broker;
use crate::lite;
use crate::refusal::Refusal;
use crate::retry;

/// One message as a consumer holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    key: DeliveryKey,
    offset: i64,
    /// The queue of the journal, or [`ORDERED`].
    revive_queue: i32,
    invisible_ms: i64,
    broker: String,
    /// Where the message lies in the log; negative where the handle does not say.
    physical_offset: i64,
}

/// Why nothing can be done with a handle.
#[derive(Debug)]
pub(crate) enum ReceiptError {
    /// The text is no handle of this broker, or it is no longer good.
    Invalid(String),
    /// Anything else.
    Refused(Refusal),
}

impl<R: Into<Refusal>> From<R> for ReceiptError {
    fn from(refusal: R) -> Self {
        ReceiptError::Refused(refusal.into())
    }
}

impl Receipt {
    /// The receipt for one message of a POP.
    pub(crate) fn of(
        broker: &Broker,
        wanted: &Wanted,
        taken: &Taken,
        batch: &Batch,
        offset: i64,
        physical_offset: i64,
    ) -> Self {
        Receipt {
            key: DeliveryKey { place: batch.place.clone(), start: batch.start, pop_ms: taken.pop_ms },
            offset,
            revive_queue: taken.revive_queue,
            invisible_ms: wanted.invisible_ms,
            broker: broker.config.get().broker_name.clone(),
            physical_offset,
        }
    }

    /// Reads the text that a consumer sends, with the topic and the group that it names: the parts of a handle as remoting knows it,
    /// then the place in the log, and the lite topic if it is one's.
    pub(crate) fn parse(broker: &Broker, text: &str, topic: &str, group: &str) -> Result<Self, ReceiptError> {
        let bad = || ReceiptError::Invalid(BadHandle(text.to_owned()).to_string());
        let Handle { start, pop_ms, invisible_ms, revive_queue, broker: name } =
            Handle::parse(text).map_err(|_| bad())?;
        let parts: Vec<&str> = text.split(' ').collect();
        let [_, _, _, _, kind, _, queue, offset, rest @ ..] = &parts[..] else { return Err(bad()) };
        let kind = TopicKind::parse(kind).ok_or_else(bad)?;
        let queue = queue.parse().map_err(|_| bad())?;
        let offset = offset.parse().map_err(|_| bad())?;
        let physical_offset = rest.first().map_or(Ok(-1), |part| part.parse()).map_err(|_| bad())?;
        if name != broker.config.get().broker_name {
            return Err(ReceiptError::Invalid(format!("the receipt handle is one of broker {name}")));
        }
        let topic = match rest.get(1) {
            Some(lite_topic) => lite::queue_of(topic, lite_topic),
            None => kind.topic(topic, group),
        };
        let place = Place::new(&topic, group, queue);
        let key = DeliveryKey { place, start, pop_ms };
        Ok(Receipt { key, offset, revive_queue, invisible_ms, broker: name.to_owned(), physical_offset })
    }

    /// Until when the message is hidden, if this receipt is the one of its latest delivery and it is not acknowledged.
    fn held_until_ms(&self, broker: &Broker) -> Option<i64> {
        let state = broker.pop.state.lock();
        match self.revive_queue {
            ORDERED => state.order.visible_ms(&self.key.place, self.offset, self.key.pop_ms),
            _ => state.in_flight.find(&self.key, self.offset).map(|delivery| delivery.due_ms),
        }
    }

    /// Checks what the receipt names, and that it is still good. Answers whether the message is held under it; if not, it may have
    /// been acknowledged a moment ago.
    fn check(&self, broker: &Broker, peer: SocketAddr) -> Result<bool, ReceiptError> {
        let Place { topic, queue, .. } = &self.key.place;
        check::check_handed_out(broker, peer, topic, *queue)?;
        let (min, max) = bounds(broker, topic, *queue);
        if !(min..max).contains(&self.offset) {
            let text = format!("message {} of {topic}@{queue} does not exist: there are {min} to {max}", self.offset);
            return Err(ReceiptError::Invalid(text));
        }
        let now_ms = broker.clock.now_ms();
        let held_until_ms = self.held_until_ms(broker);
        if held_until_ms.unwrap_or_else(|| self.key.pop_ms.saturating_add(self.invisible_ms)) <= now_ms {
            return Err(ReceiptError::Invalid("receipt handle is expired".to_owned()));
        }
        Ok(held_until_ms.is_some())
    }

    /// Acknowledges the message. Once more does no harm. The client may be told after the next [`write_acknowledged`].
    ///
    /// [`write_acknowledged`]: super::write_acknowledged
    pub(crate) fn acknowledge(&self, broker: &Arc<Broker>, peer: SocketAddr) -> Result<(), ReceiptError> {
        self.check(broker, peer)?;
        let DeliveryKey { place, pop_ms, .. } = &self.key;
        let acknowledged = match self.revive_queue {
            ORDERED => acknowledge_ordered(broker, peer, place, self.offset, *pop_ms),
            queue => acknowledge_soon(broker, &self.key, self.offset, queue, pop_ms.saturating_add(self.invisible_ms)),
        };
        acknowledged.map_err(ReceiptError::Refused)
    }

    /// Hides the message for another time from now on; answers the receipt that counts from then on. `suspended`: another delivery
    /// does not count as an attempt.
    pub(crate) fn change(
        &self,
        broker: &Broker,
        peer: SocketAddr,
        invisible_ms: i64,
        suspended: bool,
    ) -> Result<Receipt, ReceiptError> {
        if !self.check(broker, peer)? {
            return Err(ReceiptError::Invalid("the message is not held under this receipt handle".to_owned()));
        }
        let change = Change { offset: self.offset, invisible_ms, suspended };
        let changed = change_any(broker, &self.key, self.revive_queue, change)?;
        let Changed { start, pop_ms, invisible_ms, revive_queue } = changed;
        let key = DeliveryKey { start, pop_ms, ..self.key.clone() };
        Ok(Receipt { key, revive_queue, invisible_ms, ..self.clone() })
    }

    /// Sends the message to the group's dead letters and acknowledges it. Waits for the disk.
    pub(crate) fn give_up(&self, broker: &Arc<Broker>, peer: SocketAddr) -> Result<(), ReceiptError> {
        if !self.check(broker, peer)? {
            return Err(ReceiptError::Invalid("the message is not held under this receipt handle".to_owned()));
        }
        let Place { topic, group, queue } = &self.key.place;
        let Some(record) = revive::read_one(broker, topic, *queue, self.offset)? else {
            return Err(ReceiptError::Invalid(format!("message {} of {topic}@{queue} is gone", self.offset)));
        };
        let origin = lite::parts(topic).map_or_else(|| retry_topic::original(topic, group), |(parent, _)| parent);
        let created = retry::give_up(broker, group, origin, &record)?;
        if !created.is_empty() {
            broker.registrar.announce(created, Box::new(|| ()));
        }
        self.acknowledge(broker, peer)?;
        write_acknowledged(broker);
        Ok(())
    }
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Receipt { key, offset, revive_queue, invisible_ms, broker, physical_offset } = self;
        let DeliveryKey { place, start, pop_ms } = key;
        let handle =
            Handle { start: *start, pop_ms: *pop_ms, invisible_ms: *invisible_ms, revive_queue: *revive_queue, broker };
        let text = handle.write(TopicKind::of(&place.topic), place.queue, *offset);
        write!(f, "{text} {physical_offset}")?;
        lite::parts(&place.topic).map_or(Ok(()), |(_, lite_topic)| write!(f, " {lite_topic}"))
    }
}

#[cfg(test)]
mod tests;
