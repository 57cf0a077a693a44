//! Messages that the broker itself reads from the log, changes and stores again: delayed ones whose time has come, retries, dead
//! letters, committed transactions. Producers' messages never take this form; they are stored from the frame they came in.

use std::borrow::Cow;
use std::net::SocketAddr;

use bolide_store::record::RecordView;
use bolide_store::record::properties::{Properties, push};
use bolide_store::{NewMessage, Put, PutError, QueueId};
use bytes::Bytes;

use crate::broker::Broker;

/// A message apart from its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) queue: QueueId,
    pub(crate) flag: i32,
    pub(crate) sys_flag: i32,
    pub(crate) born_ms: i64,
    pub(crate) born_host: SocketAddr,
    pub(crate) reconsume_times: i32,
    /// Where the half message of its transaction lies, else 0.
    pub(crate) prepared_offset: i64,
    pub(crate) body: Bytes,
    pub(crate) properties: PropertyList<'static>,
}

impl Message {
    /// The message of a record. `record` is what `view` was parsed from: the body stays a part of it.
    pub(crate) fn of(record: &Bytes, view: &RecordView<'_>) -> Self {
        Message {
            topic: view.topic().to_owned(),
            queue: view.queue(),
            flag: view.flag(),
            sys_flag: view.sys_flag(),
            born_ms: view.born_ms(),
            born_host: view.born_host(),
            reconsume_times: view.reconsume_times(),
            prepared_offset: view.prepared_offset(),
            body: record.slice_ref(view.body()),
            properties: PropertyList::of(view.properties()).into_owned(),
        }
    }

    /// Stores the message as it is. Queues show it after the next [`bolide_store::Store::dispatch`].
    pub(crate) fn put(&self, broker: &Broker) -> Result<Put, PutError> {
        let properties = self.properties.encode();
        broker.store.put(&self.borrow(broker, &properties))
    }

    /// Like [`Message::put`], for what the broker accepted before: also while the disk is too full for producers' messages.
    pub(crate) fn put_again(&self, broker: &Broker) -> Result<Put, PutError> {
        let properties = self.properties.encode();
        broker.store.put_again(&self.borrow(broker, &properties))
    }

    fn borrow<'a>(&'a self, broker: &Broker, properties: &'a [u8]) -> NewMessage<'a> {
        NewMessage {
            topic: &self.topic,
            queue: self.queue,
            flag: self.flag,
            sys_flag: self.sys_flag,
            born_ms: self.born_ms,
            born_host: self.born_host,
            store_host: broker.store_host,
            reconsume_times: self.reconsume_times,
            prepared_offset: self.prepared_offset,
            body: &self.body,
            properties,
        }
    }
}

impl From<&NewMessage<'_>> for Message {
    fn from(message: &NewMessage<'_>) -> Self {
        Message {
            topic: message.topic.to_owned(),
            queue: message.queue,
            flag: message.flag,
            sys_flag: message.sys_flag,
            born_ms: message.born_ms,
            born_host: message.born_host,
            reconsume_times: message.reconsume_times,
            prepared_offset: message.prepared_offset,
            body: Bytes::copy_from_slice(message.body),
            properties: PropertyList::of(Properties(message.properties)).into_owned(),
        }
    }
}

/// A message's properties, in their order, as far as possible parts of what they were read from. Short: looking through it is
/// faster than a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PropertyList<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> PropertyList<'a> {
    /// The properties of a record; what is not UTF-8 is left out.
    pub(crate) fn of(properties: Properties<'a>) -> Self {
        let mut list = PropertyList::default();
        for (name, value) in properties.iter() {
            if let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) {
                list.set(name, value);
            }
        }
        list
    }

    pub(crate) fn into_owned(self) -> PropertyList<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        PropertyList(self.0.into_iter().map(|(name, value)| (owned(name), owned(value))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// All properties, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Reads a number; `None` where there is none, or something else stands there.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// The text that is stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes = self.0.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut text = Vec::with_capacity(bytes);
        for (name, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            push(&mut text, &**name, &**value);
        }
        text
    }
}

/// The records that lie one after the other in the slices of a read.
pub(crate) fn records(slices: &[Bytes]) -> impl Iterator<Item = (Bytes, RecordView<'_>)> {
    slices.iter().flat_map(|slice| {
        let mut rest = &slice[..];
        std::iter::from_fn(move || {
            let view = RecordView::parse(rest).ok()?;
            rest = &rest[view.size()..];
            Some((slice.slice_ref(view.bytes()), view))
        })
    })
}

#[cfg(test)]
mod tests;
