//! Which kinds of messages a topic is meant for (its attribute `message.type`), and which kind a message is. Over remoting nothing is
//! refused for its kind, as with Apache's broker, whose proxies are what checks: the gRPC front door asks [`MessageType::accepts`].

use std::fmt;

use bolide_remoting::body::TopicConfig;
use bolide_store::record::Properties;

use crate::send::properties::Known;

/// The attribute that says what a topic is meant for.
pub const ATTRIBUTE: &str = "message.type";

/// A kind of message, or what a topic is meant for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MessageType {
    /// Nothing that can be named; no message is of this kind.
    Unspecified,
    /// Messages without further wishes. What a topic is meant for that does not say.
    #[default]
    Normal,
    /// Messages of a group (`__SHARDINGKEY`), consumed in their order.
    Fifo,
    /// Messages that wait, for a level or a time.
    Delay,
    /// Half messages of transactions.
    Transaction,
    /// Messages of which the more urgent come first (`_SYS_MSG_PRIORITY_`).
    Priority,
    /// Messages of a lite topic (`__LITE_TOPIC`).
    Lite,
    /// A topic for all kinds; no message is of this one.
    Mixed,
}

/// A message of a kind that its topic is not meant for. The text is what Apache's proxies answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("TopicMessageType validate failed, the expected type is {expected}, but actual type is {actual}")]
pub struct TypeConflict {
    /// What the topic is meant for.
    pub expected: MessageType,
    /// What the message is.
    pub actual: MessageType,
}

impl MessageType {
    /// What the topic is meant for.
    pub fn of_topic(topic: &TopicConfig) -> Self {
        match topic.attributes.get(ATTRIBUTE).map(String::as_str) {
            Some("UNSPECIFIED") => MessageType::Unspecified,
            Some("FIFO") => MessageType::Fifo,
            Some("DELAY") => MessageType::Delay,
            Some("TRANSACTION") => MessageType::Transaction,
            Some("PRIORITY") => MessageType::Priority,
            Some("LITE") => MessageType::Lite,
            Some("MIXED") => MessageType::Mixed,
            _ => MessageType::Normal,
        }
    }

    /// What a message with these properties is. Of several kinds that its properties speak of, the first of this order counts:
    /// transaction, delay, group, priority, lite topic.
    pub fn of_message(properties: Properties<'_>) -> Self {
        let mut known = Known::default();
        for (name, value) in properties.iter() {
            if let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) {
                known.note(name, value);
            }
        }
        known.message_type()
    }

    /// Whether a topic that is meant for this may get messages of that kind.
    ///
    /// # Errors
    /// When it may not.
    pub fn accepts(self, actual: MessageType) -> Result<(), TypeConflict> {
        let fits = actual == self || self == MessageType::Mixed;
        if fits && actual != MessageType::Unspecified {
            return Ok(());
        }
        Err(TypeConflict { expected: self, actual })
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MessageType::Unspecified => "UNSPECIFIED",
            MessageType::Normal => "NORMAL",
            MessageType::Fifo => "FIFO",
            MessageType::Delay => "DELAY",
            MessageType::Transaction => "TRANSACTION",
            MessageType::Priority => "PRIORITY",
            MessageType::Lite => "LITE",
            MessageType::Mixed => "MIXED",
        })
    }
}

#[cfg(test)]
mod tests;
