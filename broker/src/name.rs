//! Which names topics and consumer groups may have, and which topics belong to the system.
//! The limits and the remarks are Apache's (`TopicValidator`), because clients and operators know them by heart.

use std::fmt;

use crate::delay::SCHEDULE_TOPIC;
use crate::timer::TIMER_TOPIC;
use crate::transaction::{GIVEN_UP_TOPIC, HALF_TOPIC, OP_TOPIC};

/// Prefix of the topic to which a group's failed messages return.
pub const RETRY_PREFIX: &str = "%RETRY%";
/// Prefix of the topic that keeps the messages a group gave up on.
pub const DEAD_LETTER_PREFIX: &str = "%DLQ%";
/// The template topic: a topic that is created by its first message takes its permission from here.
pub const TEMPLATE_TOPIC: &str = "TBW102";

/// What a cluster's name is followed by in the name of its topic for replies.
pub const REPLY_SUFFIX: &str = "_REPLY_TOPIC";

const TOPIC_MAX_CHARS: usize = 127;
const RETRY_TOPIC_MAX_CHARS: usize = 255;
const GROUP_MAX_CHARS: usize = 120;
const SYSTEM_TOPIC_PREFIX: &str = "rmq_sys_";

/// Topics that exist for the broker's own use on every broker.
pub const SYSTEM_TOPICS: [&str; 12] = [
    TEMPLATE_TOPIC,
    SCHEDULE_TOPIC,
    "BenchmarkTest",
    HALF_TOPIC,
    "RMQ_SYS_TRACE_TOPIC",
    OP_TOPIC,
    GIVEN_UP_TOPIC,
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "CHECKPOINT_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
];

/// System topics that only the broker itself writes to.
const NOT_ALLOWED_SEND_TOPICS: [&str; 9] = [
    SCHEDULE_TOPIC,
    HALF_TOPIC,
    OP_TOPIC,
    GIVEN_UP_TOPIC,
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
    TIMER_TOPIC,
];

/// Consumer groups that exist on every broker.
pub const SYSTEM_GROUPS: [&str; 8] = [
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
    "CID_RMQ_SYS_TRANS",
];

/// Why a name is refused. The text is what Apache's broker answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or nothing but white space.
    #[error("The specified {0} is blank.")]
    Blank(Kind),
    /// A character outside `%|a-zA-Z0-9_-`.
    #[error("The specified {0}: {1}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$")]
    IllegalCharacter(Kind, String),
    /// Longer than its kind allows.
    #[error("The specified {0}: {1}, is longer than {0} max length: {2}")]
    TooLong(Kind, String, usize),
}

/// What a refused name would have named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A topic.
    Topic,
    /// A producer or consumer group.
    Group,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Topic => "topic",
            Kind::Group => "group",
        })
    }
}

/// Checks a topic's name; retry and dead-letter topics may be longer than others.
pub fn check_topic(topic: &str) -> Result<(), NameError> {
    let limit = if is_retry_topic(topic) || topic.starts_with(DEAD_LETTER_PREFIX) {
        RETRY_TOPIC_MAX_CHARS
    } else {
        TOPIC_MAX_CHARS
    };
    check(Kind::Topic, topic, limit)
}

/// Checks a group's name.
pub fn check_group(group: &str) -> Result<(), NameError> {
    check(Kind::Group, group, GROUP_MAX_CHARS)
}

fn check(kind: Kind, name: &str, limit: usize) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Blank(kind));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'_' | b'-');
    if !name.bytes().all(legal) {
        return Err(NameError::IllegalCharacter(kind, name.to_owned()));
    }
    if name.len() > limit {
        return Err(NameError::TooLong(kind, name.to_owned(), limit));
    }
    Ok(())
}

/// Whether the topic is the broker's own. The names that depend on the configuration
/// (cluster, broker, reply and revive topics) are known to the topic table instead.
pub fn is_system_topic(topic: &str) -> bool {
    SYSTEM_TOPICS.contains(&topic) || topic.starts_with(SYSTEM_TOPIC_PREFIX)
}

/// Whether the group belongs to the system.
pub fn is_system_group(group: &str) -> bool {
    SYSTEM_GROUPS.contains(&group)
}

/// Whether clients may send to the topic at all.
pub fn is_send_allowed(topic: &str) -> bool {
    !NOT_ALLOWED_SEND_TOPICS.contains(&topic)
}

/// Whether the topic holds some group's retries.
pub fn is_retry_topic(topic: &str) -> bool {
    topic.starts_with(RETRY_PREFIX)
}

/// The topic of a group's retries.
pub fn retry_topic(group: &str) -> String {
    format!("{RETRY_PREFIX}{group}")
}

#[cfg(test)]
mod tests;
