//! The names that Apache gives to what is counted, and what each stands for here.

/// Counts of a topic.
pub(super) mod topic {
    pub(in crate::statistics) const MESSAGES: usize = 0;
    pub(in crate::statistics) const BYTES: usize = 1;
    pub(in crate::statistics) const ALL: usize = 2;
}

/// Counts of a group in a topic.
pub(super) mod group {
    pub(in crate::statistics) const MESSAGES: usize = 0;
    pub(in crate::statistics) const BYTES: usize = 1;
    /// Answers with messages.
    pub(in crate::statistics) const GETS: usize = 2;
    /// How long answers waited for the disk, in milliseconds.
    pub(in crate::statistics) const WAITED_MS: usize = 3;
    pub(in crate::statistics) const DISK_MESSAGES: usize = 4;
    pub(in crate::statistics) const DISK_BYTES: usize = 5;
    /// Answers that came from the disk.
    pub(in crate::statistics) const DISK_GETS: usize = 6;
    pub(in crate::statistics) const ACKS: usize = 7;
    /// Checkpoints of POP.
    pub(in crate::statistics) const CHECKPOINTS: usize = 8;
    pub(in crate::statistics) const SEND_BACKS: usize = 9;
    pub(in crate::statistics) const DEAD_LETTERS: usize = 10;
    /// Messages that POP stored for another delivery.
    pub(in crate::statistics) const REVIVED: usize = 11;
    pub(in crate::statistics) const ALL: usize = 12;
}

/// Counts of the broker as a whole.
pub(super) mod broker {
    pub(in crate::statistics) const PUT_MESSAGES: usize = 0;
    pub(in crate::statistics) const GET_MESSAGES: usize = 1;
    /// Without those of system topics.
    pub(in crate::statistics) const USER_PUT_MESSAGES: usize = 2;
    /// Without those of system topics.
    pub(in crate::statistics) const USER_GET_MESSAGES: usize = 3;
    pub(in crate::statistics) const ACKS: usize = 4;
    pub(in crate::statistics) const CHECKPOINTS: usize = 5;
    pub(in crate::statistics) const DISK_MESSAGES: usize = 6;
    pub(in crate::statistics) const DISK_BYTES: usize = 7;
    /// Messages that the timers delivered, or put back for longer.
    pub(in crate::statistics) const TIMED: usize = 8;
    pub(in crate::statistics) const ALL: usize = 9;
}

/// A count, and the count of occasions over which its average is taken; the number is the place in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) value: usize,
    pub(super) times: Option<usize>,
}

/// Whose count a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The key is a topic.
    Topic(Measure),
    /// The key is `topic@group`.
    Group(Measure),
    /// The key is the cluster's name.
    Broker(Measure),
}

/// What a name stands for.
pub(super) fn find(name: &str) -> Option<Subject> {
    let topic = |value, times| Some(Subject::Topic(Measure { value, times: Some(times) }));
    let group = |value, times| Some(Subject::Group(Measure { value, times: Some(times) }));
    let broker = |value| Some(Subject::Broker(Measure { value, times: None }));
    match name {
        "TOPIC_PUT_NUMS" => topic(topic::MESSAGES, topic::MESSAGES),
        "TOPIC_PUT_SIZE" => topic(topic::BYTES, topic::MESSAGES),
        "GROUP_GET_NUMS" => group(group::MESSAGES, group::GETS),
        "GROUP_GET_SIZE" => group(group::BYTES, group::GETS),
        "GROUP_GET_LATENCY" => group(group::WAITED_MS, group::GETS),
        "GROUP_GET_FROM_DISK_NUMS" => group(group::DISK_MESSAGES, group::DISK_GETS),
        "GROUP_GET_FROM_DISK_SIZE" => group(group::DISK_BYTES, group::DISK_GETS),
        "GROUP_ACK_NUMS" => group(group::ACKS, group::ACKS),
        "GROUP_CK_NUMS" => group(group::CHECKPOINTS, group::CHECKPOINTS),
        "SNDBCK_PUT_NUMS" => group(group::SEND_BACKS, group::SEND_BACKS),
        "BROKER_PUT_NUMS" => broker(broker::PUT_MESSAGES),
        "BROKER_GET_NUMS" => broker(broker::GET_MESSAGES),
        "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC" => broker(broker::USER_PUT_MESSAGES),
        "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC" => broker(broker::USER_GET_MESSAGES),
        "BROKER_ACK_NUMS" => broker(broker::ACKS),
        "BROKER_CK_NUMS" => broker(broker::CHECKPOINTS),
        "BROKER_GET_FROM_DISK_NUMS" => broker(broker::DISK_MESSAGES),
        "BROKER_GET_FROM_DISK_SIZE" => broker(broker::DISK_BYTES),
        _ => None,
    }
}
