//! Offsets: a group's place in a queue, a queue's ends, and times turned into offsets.

headers! {
    /// QUERY_CONSUMER_OFFSET (14). The answer is an [`OffsetResponse`].
    QueryConsumerOffsetRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        set_zero_if_not_found: Option<bool> = "setZeroIfNotFound",
    }

    /// UPDATE_CONSUMER_OFFSET (15).
    UpdateConsumerOffsetRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        commit_offset: i64 = "commitOffset",
    }

    /// SEARCH_OFFSET_BY_TIMESTAMP (29). The answer is an [`OffsetResponse`].
    SearchOffsetRequest<'a> {
        topic: &'a str = "topic",
        lite_topic: Option<&'a str> = "liteTopic",
        queue_id: i32 = "queueId",
        /// Milliseconds since 1970.
        timestamp: i64 = "timestamp",
        /// `LOWER` (also when absent) or `UPPER`, in any case of letters.
        boundary_type: Option<&'a str> = "boundaryType",
    }

    /// GET_MAX_OFFSET (30). The answer is an [`OffsetResponse`].
    GetMaxOffsetRequest<'a> {
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        committed: bool = "committed" or false,
    }

    /// GET_MIN_OFFSET (31). The answer is an [`OffsetResponse`].
    GetMinOffsetRequest<'a> {
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
    }

    /// The answer of QUERY_CONSUMER_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP, GET_MAX_OFFSET and
    /// GET_MIN_OFFSET.
    OffsetResponse {
        offset: i64 = "offset",
    }

    /// GET_EARLIEST_MSG_STORETIME (32).
    GetEarliestMsgStoretimeRequest<'a> {
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
    }

    /// The answer to GET_EARLIEST_MSG_STORETIME.
    GetEarliestMsgStoretimeResponse {
        /// Milliseconds since 1970; −1 when there is no message.
        timestamp: i64 = "timestamp",
    }

    /// INVOKE_BROKER_TO_RESET_OFFSET (222), and RESET_CONSUMER_CLIENT_OFFSET (220) towards clients.
    ResetOffsetRequest<'a> {
        topic: &'a str = "topic",
        group: &'a str = "group",
        /// −1: every queue.
        queue_id: i32 = "queueId" or -1,
        /// Where to; −1 or absent: by the time.
        offset: Option<i64> = "offset",
        timestamp: i64 = "timestamp",
        is_force: bool = "isForce",
    }

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), and GET_CONSUMER_STATUS_FROM_CLIENT (221) towards
    /// clients.
    GetConsumerStatusRequest<'a> {
        topic: &'a str = "topic",
        group: &'a str = "group",
        client_addr: Option<&'a str> = "clientAddr",
    }

    /// CLONE_GROUP_OFFSET (314).
    CloneGroupOffsetRequest<'a> {
        src_group: &'a str = "srcGroup",
        dest_group: &'a str = "destGroup",
        topic: Option<&'a str> = "topic",
        offline: bool = "offline" or false,
    }

    /// QUERY_CORRECTION_OFFSET (308).
    QueryCorrectionOffsetRequest<'a> {
        /// Names joined by commas.
        filter_groups: Option<&'a str> = "filterGroups",
        compare_group: &'a str = "compareGroup",
        topic: &'a str = "topic",
    }
}
