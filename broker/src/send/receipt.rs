//! What a producer is told about a stored message.

use bolide_remoting::header::SendMessageResponse;
use bolide_remoting::{Body, ResponseCode};
use bolide_store::record::{encode_message_id, push_message_id};
use bolide_store::{PhysicalOffset, Put, QueueId, QueueOffset};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::reply::Respond;
use crate::send::unique_id::UniqueId;
use crate::send::waiter::Sent;

/// The length of an id with an IPv4 address, and of the comma behind it.
const MESSAGE_ID_BYTES: usize = 33;

/// A message's unique key: the producer's, or one that the broker made for want of it.
#[derive(Debug, Clone)]
pub(super) enum UniqueKey<'a> {
    Sent(&'a str),
    Made(UniqueId),
    Owned(String),
}

impl UniqueKey<'_> {
    fn as_str(&self) -> &str {
        match self {
            UniqueKey::Sent(key) => key,
            UniqueKey::Made(id) => id.as_str(),
            UniqueKey::Owned(key) => key,
        }
    }

    fn into_owned(self) -> UniqueKey<'static> {
        match self {
            UniqueKey::Sent(key) => UniqueKey::Owned(key.to_owned()),
            UniqueKey::Made(id) => UniqueKey::Made(id),
            UniqueKey::Owned(key) => UniqueKey::Owned(key),
        }
    }
}

/// The answer to a send.
#[derive(Debug, Clone)]
pub(super) struct Receipt<'a> {
    message_ids: String,
    queue: QueueId,
    /// Offset of the (first) message in its queue.
    queue_offset: QueueOffset,
    /// Where the (first) message lies.
    physical: PhysicalOffset,
    unique_key: Option<UniqueKey<'a>>,
    /// With what the message can be taken back, if it waits for a time of its own.
    recall_handle: Option<String>,
}

impl<'a> Receipt<'a> {
    pub(super) fn one(broker: &Broker, queue: QueueId, put: &Put, unique_key: UniqueKey<'a>) -> Self {
        Receipt {
            message_ids: encode_message_id(broker.store_host, put.physical_offset),
            queue,
            queue_offset: put.queue_offset,
            physical: put.physical_offset,
            unique_key: Some(unique_key),
            recall_handle: None,
        }
    }

    /// `puts` is not empty; the offsets of a batch are consecutive.
    pub(super) fn batch(broker: &Broker, queue: QueueId, puts: &[Put], unique_key: Option<&'a str>) -> Self {
        let mut message_ids = String::with_capacity(puts.len() * MESSAGE_ID_BYTES);
        for put in puts {
            if !message_ids.is_empty() {
                message_ids.push(',');
            }
            push_message_id(&mut message_ids, broker.store_host, put.physical_offset);
        }
        let first = puts.first();
        Receipt {
            message_ids,
            queue,
            queue_offset: first.map(|put| put.queue_offset).unwrap_or_default(),
            physical: first.map(|put| put.physical_offset).unwrap_or_default(),
            unique_key: unique_key.map(UniqueKey::Sent),
            recall_handle: None,
        }
    }

    /// The same for a message that can be taken back.
    pub(super) fn with_recall_handle(self, recall_handle: Option<String>) -> Self {
        Receipt { recall_handle, ..self }
    }

    pub(super) fn into_owned(self) -> Receipt<'static> {
        Receipt {
            message_ids: self.message_ids,
            queue: self.queue,
            queue_offset: self.queue_offset,
            physical: self.physical,
            unique_key: self.unique_key.map(UniqueKey::into_owned),
            recall_handle: self.recall_handle,
        }
    }

    /// What a producer over gRPC is told.
    pub(super) fn sent(self, is_confirmed: bool) -> Sent {
        Sent {
            queue_offset: self.queue_offset,
            physical: self.physical,
            recall_handle: self.recall_handle,
            is_confirmed,
        }
    }

    /// The message is stored as safely as the configuration promises.
    pub(super) fn answer(&self, broker: &Broker, reply: impl Respond) {
        reply.respond(ResponseCode::SUCCESS, None, &self.header(&broker.config.get()), Body::Empty);
    }

    /// The message is stored, but the disk has not confirmed it in time.
    pub(super) fn answer_late(&self, broker: &Broker, reply: impl Respond) {
        let remark = Some("the disk did not confirm the message within syncFlushTimeout");
        reply.respond(ResponseCode::FLUSH_DISK_TIMEOUT, remark, &self.header(&broker.config.get()), Body::Empty);
    }

    fn header<'b>(&'b self, config: &'b BrokerConfig) -> SendMessageResponse<'b> {
        SendMessageResponse {
            msg_id: &self.message_ids,
            queue_id: self.queue.0,
            queue_offset: self.queue_offset.0,
            transaction_id: self.unique_key.as_ref().map(UniqueKey::as_str),
            batch_uniq_id: None,
            recall_handle: self.recall_handle.as_deref(),
            region: Some(&config.region_id),
            trace_on: Some(config.trace_on),
        }
    }
}
