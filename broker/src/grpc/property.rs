//! Properties with a meaning to brokers and clients: a producer may not use their names for its own, and a consumer does not see them
//! among the sender's.

/// Names that producers may not use.
const RESERVED: [&str; 52] = [
    "1ST_POP_TIME",
    "ARRIVE_TIME",
    "BORN_TIMESTAMP",
    "BUYER_ID",
    "CLUSTER",
    "CONSUME_START_TIME",
    "CORRECTION_FLAG",
    "CORRELATION_ID",
    "DELAY",
    "DLQ_ORIGIN_MESSAGE_ID",
    "DLQ_ORIGIN_TOPIC",
    "EXTEND_UNIQ_INFO",
    "INNER_MULTI_QUEUE_OFFSET",
    "INSTANCE_ID",
    "KEYS",
    "MAX_OFFSET",
    "MAX_RECONSUME_TIMES",
    "MIN_OFFSET",
    "MQ2_FLAG",
    "MSG_REGION",
    "MSG_TYPE",
    "ORIGIN_GROUP",
    "ORIGIN_MESSAGE_ID",
    "PGROUP",
    "POP_CK",
    "POP_CK_OFFSET",
    "PUSH_REPLY_TIME",
    "REAL_QID",
    "REAL_TOPIC",
    "RECONSUME_TIME",
    "REPLY_TO_CLIENT",
    "RETRY_TOPIC",
    "TAGS",
    "TIMER_DELAY_LEVEL",
    "TIMER_DELAY_MS",
    "TIMER_DELAY_SEC",
    "TIMER_DELIVER_MS",
    "TIMER_DEL_UNIQKEY",
    "TIMER_DEQUEUE_MS",
    "TIMER_ENQUEUE_MS",
    "TIMER_OUT_MS",
    "TIMER_ROLL_TIMES",
    "TRACE_ON",
    "TRANSFER_FLAG",
    "TRAN_MSG",
    "TRAN_PREPARED_QUEUE_OFFSET",
    "TTL",
    "UNIQ_KEY",
    "WAIT",
    "_SYS_MSG_PRIORITY_",
    "__BORNHOST",
    "__CRC32#",
];

/// Names of ours and others', which Apache lets producers use; consumers find what they say in the system's properties.
const HIDDEN: [&str; 7] = [
    "CHECK_IMMUNITY_TIME_IN_SECONDS",
    "TRACE_CONTEXT",
    "TRANSACTION_CHECK_TIMES",
    "__LITE_TOPIC",
    "__SHARDINGKEY",
    "__STARTDELIVERTIME",
    "__transactionId__",
];

/// Whether a producer may not use the name.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok() || name == key::LITE_TOPIC
}

/// Whether a property is the sender's own business.
pub(super) fn is_users(name: &str) -> bool {
    RESERVED.binary_search(&name).is_err() && HIDDEN.binary_search(&name).is_err()
}

/// Properties that this room reads and writes; the names are the wire's.
pub(super) mod key {
    pub(in crate::grpc) const TAGS: &str = "TAGS";
    pub(in crate::grpc) const KEYS: &str = "KEYS";
    pub(in crate::grpc) const UNIQUE_KEY: &str = "UNIQ_KEY";
    pub(in crate::grpc) const TRANSACTION_PREPARED: &str = "TRAN_MSG";
    pub(in crate::grpc) const IMMUNITY_SECONDS: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
    pub(in crate::grpc) const PRODUCER_GROUP: &str = "PGROUP";
    pub(in crate::grpc) const DELAY_LEVEL: &str = "DELAY";
    pub(in crate::grpc) const DELIVER_MS: &str = "TIMER_DELIVER_MS";
    pub(in crate::grpc) const DELAY_MS: &str = "TIMER_DELAY_MS";
    pub(in crate::grpc) const DELAY_SECONDS: &str = "TIMER_DELAY_SEC";
    pub(in crate::grpc) const OUT_MS: &str = "TIMER_OUT_MS";
    pub(in crate::grpc) const START_DELIVER_TIME: &str = "__STARTDELIVERTIME";
    pub(in crate::grpc) const PRIORITY: &str = "_SYS_MSG_PRIORITY_";
    pub(in crate::grpc) const MESSAGE_GROUP: &str = "__SHARDINGKEY";
    pub(in crate::grpc) const LITE_TOPIC: &str = "__LITE_TOPIC";
    pub(in crate::grpc) const TRACE_CONTEXT: &str = "TRACE_CONTEXT";
    pub(in crate::grpc) const BORN_HOST: &str = "__BORNHOST";
    pub(in crate::grpc) const BORN_TIMESTAMP: &str = "BORN_TIMESTAMP";
    pub(in crate::grpc) const DEAD_LETTER_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
    pub(in crate::grpc) const DEAD_LETTER_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        assert!(RESERVED.is_sorted() && HIDDEN.is_sorted());
        assert!(is_reserved("TAGS") && is_reserved("__LITE_TOPIC") && !is_reserved("colour"));
        assert!(!is_reserved("__SHARDINGKEY") && !is_users("__SHARDINGKEY") && is_users("colour"));
    }
}
