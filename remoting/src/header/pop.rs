//! POP: taking messages for a while, acknowledging them, and asking whether there are any.

headers! {
    /// POP_MESSAGE (200050).
    PopMessageRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        /// −1: any queue.
        queue_id: i32 = "queueId",
        max_msg_nums: i32 = "maxMsgNums",
        /// How long the messages stay hidden from others, in milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// How long the answer may wait, in milliseconds.
        poll_time: i64 = "pollTime",
        /// When the client asked, in milliseconds since 1970.
        born_time: i64 = "bornTime",
        /// Where a new group begins: 0 at the oldest message, 1 at the newest.
        init_mode: i32 = "initMode",
        exp_type: Option<&'a str> = "expType",
        exp: Option<&'a str> = "exp",
        order: Option<bool> = "order",
        attempt_id: Option<&'a str> = "attemptId",
    }

    /// The answer to POP_MESSAGE; the body holds the records as they are stored.
    PopMessageResponse<'a> {
        pop_time: i64 = "popTime",
        invisible_time: i64 = "invisibleTime",
        revive_qid: i32 = "reviveQid",
        rest_num: i64 = "restNum",
        start_offset_info: Option<&'a str> = "startOffsetInfo",
        msg_offset_info: Option<&'a str> = "msgOffsetInfo",
        order_count_info: Option<&'a str> = "orderCountInfo",
    }

    /// ACK_MESSAGE (200051).
    AckMessageRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        extra_info: &'a str = "extraInfo",
        offset: i64 = "offset",
        lite_topic: Option<&'a str> = "liteTopic",
    }

    /// CHANGE_MESSAGE_INVISIBLETIME (200053).
    ChangeInvisibleTimeRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        extra_info: &'a str = "extraInfo",
        offset: i64 = "offset",
        invisible_time: i64 = "invisibleTime",
        lite_topic: Option<&'a str> = "liteTopic",
        suspend: bool = "suspend" or false,
    }

    /// The answer to CHANGE_MESSAGE_INVISIBLETIME.
    ChangeInvisibleTimeResponse {
        pop_time: i64 = "popTime",
        invisible_time: i64 = "invisibleTime",
        revive_qid: i32 = "reviveQid",
    }

    /// PEEK_MESSAGE (200052).
    PeekMessageRequest<'a> {
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        max_msg_nums: i32 = "maxMsgNums",
        consumer_group: &'a str = "consumerGroup",
    }

    /// NOTIFICATION (200054): tells when there are messages, without taking them.
    NotificationRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
        poll_time: i64 = "pollTime",
        born_time: i64 = "bornTime",
        order: Option<bool> = "order",
        attempt_id: Option<&'a str> = "attemptId",
        exp_type: Option<&'a str> = "expType",
        exp: Option<&'a str> = "exp",
    }

    /// The answer to NOTIFICATION.
    NotificationResponse {
        has_msg: bool = "hasMsg",
        polling_full: bool = "pollingFull" or false,
    }

    /// POLLING_INFO (200055).
    PollingInfoRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        queue_id: i32 = "queueId",
    }

    /// The answer to POLLING_INFO.
    PollingInfoResponse {
        polling_num: i32 = "pollingNum",
    }

    /// POP_LITE_MESSAGE (200070).
    PopLiteMessageRequest<'a> {
        client_id: &'a str = "clientId",
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        max_msg_num: i32 = "maxMsgNum",
        invisible_time: i64 = "invisibleTime",
        poll_time: i64 = "pollTime",
        born_time: i64 = "bornTime",
        attempt_id: Option<&'a str> = "attemptId",
    }

    /// The answer to POP_LITE_MESSAGE.
    PopLiteMessageResponse<'a> {
        pop_time: i64 = "popTime",
        invisible_time: i64 = "invisibleTime",
        revive_qid: i32 = "reviveQid",
        start_offset_info: Option<&'a str> = "startOffsetInfo",
        msg_offset_info: Option<&'a str> = "msgOffsetInfo",
        order_count_info: Option<&'a str> = "orderCountInfo",
    }
}
