//! Sending messages, sending them back, replying to them and recalling them.

headers! {
    /// SEND_MESSAGE (10), SEND_REPLY_MESSAGE (324); with the short names of [`SendMessageV2`] also
    /// SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320) and SEND_REPLY_MESSAGE_V2 (325). The body is
    /// the message's, or a batch of messages.
    SendMessageRequest<'a> {
        producer_group: &'a str = "producerGroup",
        topic: &'a str = "topic",
        /// The template that the topic is created from if it does not exist.
        default_topic: &'a str = "defaultTopic",
        default_topic_queue_nums: i32 = "defaultTopicQueueNums",
        /// A negative number lets the broker choose.
        queue_id: i32 = "queueId",
        sys_flag: i32 = "sysFlag",
        /// Milliseconds since 1970.
        born_timestamp: i64 = "bornTimestamp",
        /// The application's own; not interpreted.
        flag: i32 = "flag",
        /// Encoded as they are stored.
        properties: Option<&'a str> = "properties",
        reconsume_times: i32 = "reconsumeTimes" or 0,
        unit_mode: bool = "unitMode" or false,
        /// The body is a batch. SEND_BATCH_MESSAGE says so, too.
        batch: bool = "batch" or false,
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
        broker_name: Option<&'a str> = "bname",
    }

    /// The answer to every kind of send. The two fields in capitals travel beside Apache's header.
    SendMessageResponse<'a> {
        /// The `offsetMsgId`; of a batch all of them, joined by commas.
        msg_id: &'a str = "msgId",
        queue_id: i32 = "queueId",
        queue_offset: i64 = "queueOffset",
        transaction_id: Option<&'a str> = "transactionId",
        batch_uniq_id: Option<&'a str> = "batchUniqId",
        recall_handle: Option<&'a str> = "recallHandle",
        region: Option<&'a str> = "MSG_REGION",
        trace_on: Option<bool> = "TRACE_ON",
    }

    /// PUSH_REPLY_MESSAGE_TO_CLIENT (326), from a broker to the client that waits for a reply.
    ReplyMessageRequest<'a> {
        producer_group: &'a str = "producerGroup",
        topic: &'a str = "topic",
        default_topic: &'a str = "defaultTopic",
        default_topic_queue_nums: i32 = "defaultTopicQueueNums",
        queue_id: i32 = "queueId",
        sys_flag: i32 = "sysFlag",
        born_timestamp: i64 = "bornTimestamp",
        flag: i32 = "flag",
        properties: Option<&'a str> = "properties",
        reconsume_times: Option<i32> = "reconsumeTimes",
        unit_mode: bool = "unitMode" or false,
        /// `ip:port` of the replier.
        born_host: &'a str = "bornHost",
        /// `ip:port` of the broker.
        store_host: &'a str = "storeHost",
        store_timestamp: i64 = "storeTimestamp",
    }

    /// CONSUMER_SEND_MSG_BACK (36): the consumer could not handle a message and wants it again later.
    ConsumerSendMsgBackRequest<'a> {
        /// Physical offset of the message in the commit log.
        offset: i64 = "offset",
        group: &'a str = "group",
        /// Zero: by the number of attempts; negative: to the dead letters at once.
        delay_level: i32 = "delayLevel",
        origin_msg_id: Option<&'a str> = "originMsgId",
        origin_topic: Option<&'a str> = "originTopic",
        unit_mode: bool = "unitMode" or false,
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
    }

    /// RECALL_MESSAGE (370): takes back a message whose time has not come.
    RecallMessageRequest<'a> {
        producer_group: Option<&'a str> = "producerGroup",
        topic: &'a str = "topic",
        recall_handle: &'a str = "recallHandle",
    }

    /// The answer to RECALL_MESSAGE. The field in capitals travels beside Apache's header.
    RecallMessageResponse<'a> {
        msg_id: &'a str = "msgId",
        region: &'a str = "MSG_REGION",
    }
}

other_names! {
    /// Writes a [`SendMessageRequest`] under the short names of SEND_MESSAGE_V2.
    SendMessageV2, decode_v2 for SendMessageRequest {
        producer_group: &'a str = "a",
        topic: &'a str = "b",
        default_topic: &'a str = "c",
        default_topic_queue_nums: i32 = "d",
        queue_id: i32 = "e",
        sys_flag: i32 = "f",
        born_timestamp: i64 = "g",
        flag: i32 = "h",
        properties: Option<&'a str> = "i",
        reconsume_times: i32 = "j" or 0,
        unit_mode: bool = "k" or false,
        max_reconsume_times: Option<i32> = "l",
        batch: bool = "m" or false,
        broker_name: Option<&'a str> = "n",
    }
}
