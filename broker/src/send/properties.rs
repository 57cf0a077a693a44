//! What the broker does to a message's properties before it is stored: reserved names are taken out, its own are added.
//! The text is copied once, pair by pair, and no map is built.

use bolide_store::light;
use bolide_store::record::Properties;
use bolide_store::record::properties::push;

use crate::timer::timing;
use crate::topic::message_type::MessageType;

/// Properties with a meaning to the broker; the names are the wire's.
pub(crate) mod key {
    /// The id that the producer gave the message.
    pub(crate) const UNIQUE_KEY: &str = "UNIQ_KEY";
    /// The handle of a popped message; never stored.
    pub(crate) const POP_CHECKPOINT: &str = "POP_CK";
    /// The region of the broker that stored the message.
    pub(crate) const REGION: &str = "MSG_REGION";
    /// Whether the message is traced.
    pub(crate) const TRACE: &str = "TRACE_ON";
    /// The cluster of the broker that stored the message.
    pub(crate) const CLUSTER: &str = "CLUSTER";
    /// Whether the producer wants to wait for the disk.
    pub(crate) const WAIT: &str = "WAIT";
    /// The level of a delayed message.
    pub(crate) const DELAY_LEVEL: &str = "DELAY";
    /// Set on a transaction's half message.
    pub(crate) const TRANSACTION_PREPARED: &str = "TRAN_MSG";
    /// The group of messages that are consumed in order.
    pub(crate) const SHARDING_KEY: &str = "__SHARDINGKEY";
    /// How urgent a message is: from 0, the larger the sooner.
    pub(crate) const PRIORITY: &str = "_SYS_MSG_PRIORITY_";
    /// How many messages a batch holds that is one record; only Apache's broker makes those.
    pub(crate) const INNER_COUNT: &str = "INNER_NUM";
    /// The lite topic of a message, within its topic.
    pub(crate) const LITE_TOPIC: &str = "__LITE_TOPIC";
}

/// What this broker adds to each message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// `regionId` of the configuration.
    pub(crate) region: &'a str,
    /// `traceOn` of the configuration.
    pub(crate) trace_on: bool,
    /// `brokerClusterName` of the configuration.
    pub(crate) cluster: &'a str,
}

/// What the broker reads from a message's properties while it copies them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    /// The producer's id of the message.
    pub(crate) unique_key: Option<&'a str>,
    /// The producer does not wait for the disk, even where the broker flushes synchronously.
    pub(crate) no_wait: bool,
    /// The level of delay that the message asks for; above 0.
    pub(crate) delay_level: Option<i32>,
    /// The message asks for delivery at a time of its own (the property that says so).
    pub(crate) timed_by: Option<&'a str>,
    /// The message is a transaction's half message.
    pub(crate) is_half: bool,
    /// The message names a level of delay, be it one without effect.
    names_delay_level: bool,
    /// The message belongs to a group that is consumed in order.
    is_grouped: bool,
    /// The message says how urgent it is, be it nonsense.
    names_priority: bool,
    /// How urgent the message is: 0 or more.
    pub(crate) priority: Option<i32>,
    /// The message claims to hold others.
    pub(crate) claims_to_be_batch: bool,
    /// The message's lite topic.
    pub(crate) lite_topic: Option<&'a str>,
    /// The light queues that the message is to enter, separated by commas.
    pub(crate) light_queues: Option<&'a str>,
}

impl<'a> Known<'a> {
    /// Takes a property into account.
    pub(crate) fn note(&mut self, name: &'a str, value: &'a str) {
        match name {
            key::UNIQUE_KEY => self.unique_key = Some(value),
            key::WAIT => self.no_wait = value == "false",
            key::DELAY_LEVEL => {
                self.names_delay_level = true;
                self.delay_level = value.parse().ok().filter(|level| *level > 0);
            }
            timing::DELAY_SECONDS | timing::DELAY_MS | timing::DELIVER_MS | timing::START_DELIVER_TIME => {
                self.timed_by = Some(name);
            }
            key::TRANSACTION_PREPARED => self.is_half = value.eq_ignore_ascii_case("true"),
            key::SHARDING_KEY => self.is_grouped = true,
            key::PRIORITY => {
                self.names_priority = true;
                self.priority = value.parse().ok().filter(|priority| *priority >= 0);
            }
            key::INNER_COUNT => self.claims_to_be_batch = true,
            key::LITE_TOPIC => self.lite_topic = Some(value),
            light::DISPATCH => self.light_queues = Some(value),
            _ => {}
        }
    }

    /// What kind of message it is.
    pub(crate) fn message_type(&self) -> MessageType {
        if self.is_half {
            MessageType::Transaction
        } else if self.names_delay_level || self.timed_by.is_some() {
            MessageType::Delay
        } else if self.is_grouped {
            MessageType::Fifo
        } else if self.names_priority {
            MessageType::Priority
        } else if self.lite_topic.is_some() {
            MessageType::Lite
        } else {
            MessageType::Normal
        }
    }

    /// Whether the message asks for no delay.
    pub(crate) fn is_at_once(&self) -> bool {
        self.delay_level.is_none() && self.timed_by.is_none()
    }
}

/// Copies `text` to `out` without reserved properties and without those that `stamp` sets, then appends the stamp.
/// Pairs with an empty value or without a separator are dropped, as Java's decoder does.
pub(crate) fn stamp<'a>(text: &'a str, stamp: Stamp<'_>, out: &mut Vec<u8>) -> Known<'a> {
    let mut known = Known::default();
    out.clear();
    for (name, value) in Properties(text.as_bytes()).iter() {
        // Both are parts of a text that is UTF-8, cut at ASCII characters.
        let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            continue;
        };
        match name {
            key::POP_CHECKPOINT | key::REGION | key::TRACE | key::CLUSTER => continue,
            _ => known.note(name, value),
        }
        push(out, name, value);
    }
    let trace = if stamp.trace_on { "true" } else { "false" };
    for (name, value) in [(key::REGION, stamp.region), (key::TRACE, trace), (key::CLUSTER, stamp.cluster)] {
        push(out, name, value);
    }
    known
}

#[cfg(test)]
mod tests;
