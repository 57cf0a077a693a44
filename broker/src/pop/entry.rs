//! What the journal of POP holds: the messages of the revive topic, in the JSON and with the tags of Apache's file mode, so that
//! either broker goes on where the other stopped. One kind is ours: what ordered POPs leave only in `consumerOrderInfo.json`, which
//! is written every few seconds, is kept here in between. Apache's broker passes over it.

use bolide_remoting::body;
use bolide_remoting::java_json::JsonError;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::in_flight::{Checkpoint, DeliveryKey, Holder, Place};
use super::order::OrderInfo;

/// The tag of checkpoints.
pub const CHECKPOINT_TAG: &str = "ck";
/// The tag of acknowledgements of one message.
pub const ACK_TAG: &str = "ack";
/// The tag of acknowledgements of several messages.
pub const BATCH_ACK_TAG: &str = "bAck";
/// The tag of ordered POPs' state. (Ours.)
pub const ORDER_TAG: &str = "order";

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Messages were taken.
    Checkpoint(Checkpoint),
    /// Messages of one POP are done with.
    Ack {
        /// The POP.
        key: DeliveryKey,
        /// The messages.
        offsets: Vec<i64>,
    },
    /// Where an ordered POP of a queue stands.
    Order(OrderEntry),
}

/// Where an ordered POP of a queue stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderEntry {
    /// The topic.
    #[serde(rename = "t")]
    pub topic: String,
    /// The group.
    #[serde(rename = "c")]
    pub group: String,
    /// The queue.
    #[serde(rename = "q")]
    pub queue: i32,
    /// The group's offset.
    #[serde(rename = "co")]
    pub committed: i64,
    /// As in `consumerOrderInfo.json`; absent where nothing is in flight any more.
    #[serde(rename = "info", default)]
    pub info: Option<OrderInfo>,
}

/// A message of the revive topic that is no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not the JSON of its kind.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A kind that is not known here.
    #[error("the tag {0:?} is not known")]
    Tag(String),
}

/// The JSON of a checkpoint: names and order of the fields are Apache's.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct CheckpointJson {
    /// The messages that are acknowledged, as bits by index in `d`.
    bm: i32,
    bn: String,
    c: String,
    /// The messages' distances from the start; absent in old checkpoints, whose messages lie side by side.
    d: Option<Vec<i64>>,
    it: i64,
    n: u8,
    pt: i64,
    q: i32,
    /// The client for which the broker renews the time. (Ours, like the next; Apache's broker passes over them.)
    #[serde(rename = "rc", skip_serializing_if = "Option::is_none")]
    renewing_client: Option<String>,
    #[serde(rename = "rn", skip_serializing_if = "Option::is_none")]
    renewals: Option<u32>,
    ro: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rp: Option<String>,
    so: i64,
    sp: bool,
    t: String,
}

/// The JSON of acknowledgements, of one message (`ao`) or several (`aol`).
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct AckJson {
    #[serde(alias = "ackOffset")]
    ao: i64,
    #[serde(alias = "ackOffsetList", skip_serializing_if = "Option::is_none")]
    aol: Option<Vec<i64>>,
    #[serde(alias = "brokerName")]
    bn: String,
    #[serde(alias = "consumerGroup")]
    c: String,
    #[serde(alias = "popTime")]
    pt: i64,
    #[serde(alias = "queueId")]
    q: i32,
    #[serde(alias = "startOffset")]
    so: i64,
    #[serde(alias = "topic")]
    t: String,
}

impl Entry {
    /// The tag that the entry is stored under.
    pub fn tag(&self) -> &'static str {
        match self {
            Entry::Checkpoint(_) => CHECKPOINT_TAG,
            Entry::Ack { offsets, .. } if offsets.len() == 1 => ACK_TAG,
            Entry::Ack { .. } => BATCH_ACK_TAG,
            Entry::Order(_) => ORDER_TAG,
        }
    }

    /// The value of `UNIQ_KEY`, by which operators find an entry with `queryMsgByUniqueKey`.
    pub fn unique_key(&self, broker: &str) -> String {
        match self {
            Entry::Checkpoint(Checkpoint { place, start, pop_ms, .. }) => {
                let Place { topic, group, queue } = place;
                format!("{topic}@{queue}@{start}@{group}@{pop_ms}@{broker}@{CHECKPOINT_TAG}")
            }
            Entry::Ack { key: DeliveryKey { place, pop_ms, .. }, offsets } => {
                let Place { topic, group, queue } = place;
                let offset = if let [offset] = offsets[..] { offset } else { -1 };
                format!("{topic}@{queue}@{offset}@{group}@{pop_ms}@{broker}@{ACK_TAG}")
            }
            Entry::Order(OrderEntry { topic, group, queue, .. }) => {
                format!("{topic}@{queue}@{group}@{broker}@{ORDER_TAG}")
            }
        }
    }

    /// The JSON that is stored.
    pub fn encode(&self, broker: &str) -> Bytes {
        match self {
            Entry::Checkpoint(checkpoint) => body::encode(&CheckpointJson {
                bm: 0,
                bn: broker.to_owned(),
                c: checkpoint.place.group.to_string(),
                d: Some(checkpoint.offsets.iter().map(|offset| offset - checkpoint.start).collect()),
                it: checkpoint.invisible_ms,
                // A POP takes at most 32 messages.
                n: u8::try_from(checkpoint.offsets.len()).unwrap_or(u8::MAX),
                pt: checkpoint.pop_ms,
                q: checkpoint.place.queue,
                renewing_client: checkpoint.holder.as_ref().map(|holder| holder.client.to_string()),
                renewals: checkpoint.holder.as_ref().map(|holder| holder.renewals),
                ro: 0,
                rp: None,
                so: checkpoint.start,
                sp: checkpoint.suspended,
                t: checkpoint.place.topic.to_string(),
            }),
            Entry::Ack { key, offsets } => {
                let single = if let [offset] = offsets[..] { Some(offset) } else { None };
                body::encode(&AckJson {
                    ao: single.unwrap_or(-1),
                    aol: if single.is_none() { Some(offsets.clone()) } else { None },
                    bn: broker.to_owned(),
                    c: key.place.group.to_string(),
                    pt: key.pop_ms,
                    q: key.place.queue,
                    so: key.start,
                    t: key.place.topic.to_string(),
                })
            }
            Entry::Order(order) => body::encode(order),
        }
    }

    /// Reads an entry.
    pub fn decode(tag: &str, json: &[u8]) -> Result<Self, EntryError> {
        match tag {
            CHECKPOINT_TAG => Ok(Entry::Checkpoint(body::decode::<CheckpointJson>(json)?.into())),
            ACK_TAG | BATCH_ACK_TAG => {
                let ack: AckJson = body::decode(json)?;
                let place = Place::new(&ack.t, &ack.c, ack.q);
                let key = DeliveryKey { place, start: ack.so, pop_ms: ack.pt };
                Ok(Entry::Ack { key, offsets: ack.aol.unwrap_or_else(|| vec![ack.ao]) })
            }
            ORDER_TAG => Ok(Entry::Order(body::decode(json)?)),
            other => Err(EntryError::Tag(other.to_owned())),
        }
    }
}

impl From<CheckpointJson> for Checkpoint {
    fn from(json: CheckpointJson) -> Self {
        let distances = match json.d {
            Some(distances) if !distances.is_empty() => distances,
            _ => (0..i64::from(json.n)).collect(),
        };
        let is_left = |index: usize| index >= 32 || json.bm >> index & 1 == 0;
        let left = distances.iter().enumerate().filter(|(index, _)| is_left(*index));
        Checkpoint {
            place: Place::new(&json.t, &json.c, json.q),
            start: json.so,
            pop_ms: json.pt,
            invisible_ms: json.it,
            offsets: left.map(|(_, distance)| json.so.saturating_add(*distance)).collect(),
            suspended: json.sp,
            holder: json
                .renewing_client
                .map(|client| Holder { client: client.into(), renewals: json.renewals.unwrap_or_default() }),
        }
    }
}

#[cfg(test)]
mod tests;
