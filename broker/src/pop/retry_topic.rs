//! The topics that messages wait on for another delivery by POP: one for each pair of topic and group, in two namings.

use std::fmt;

use crate::name::RETRY_PREFIX;

/// Which topic a popped message lay in, as handles tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// The topic itself.
    Normal,
    /// A retry topic of the first naming, or a group's retry topic.
    RetryV1,
    /// A retry topic of the second naming.
    RetryV2,
}

impl TopicKind {
    /// What handles say about a topic of this name.
    pub fn of(topic: &str) -> Self {
        match topic.strip_prefix(RETRY_PREFIX) {
            None => TopicKind::Normal,
            Some(rest) if rest.contains('+') => TopicKind::RetryV2,
            Some(_) => TopicKind::RetryV1,
        }
    }

    /// Reads what batches of acknowledgements say.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "0" => Some(TopicKind::Normal),
            "1" => Some(TopicKind::RetryV1),
            "2" => Some(TopicKind::RetryV2),
            _ => None,
        }
    }

    /// The topic of this kind that belongs to a topic and a group.
    pub fn topic(self, topic: &str, group: &str) -> String {
        match self {
            TopicKind::Normal => topic.to_owned(),
            TopicKind::RetryV1 => v1(topic, group),
            TopicKind::RetryV2 => v2(topic, group),
        }
    }
}

impl fmt::Display for TopicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicKind::Normal => "0",
            TopicKind::RetryV1 => "1",
            TopicKind::RetryV2 => "2",
        })
    }
}

/// The retry topic of the first naming, which cannot always be taken apart again.
pub fn v1(topic: &str, group: &str) -> String {
    format!("{RETRY_PREFIX}{group}_{topic}")
}

/// The retry topic of the second naming.
pub fn v2(topic: &str, group: &str) -> String {
    format!("{RETRY_PREFIX}{group}+{topic}")
}

/// The topic that a group's retry topic belongs to; `topic` itself where it is no retry topic of that group.
pub fn original<'a>(topic: &'a str, group: &str) -> &'a str {
    let rest = topic.strip_prefix(RETRY_PREFIX).and_then(|rest| rest.strip_prefix(group));
    rest.and_then(|rest| rest.strip_prefix(['_', '+'])).unwrap_or(topic)
}

#[cfg(test)]
mod tests;
