//! Pulling messages.

headers! {
    /// PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361).
    PullMessageRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: &'a str = "topic",
        lite_topic: Option<&'a str> = "liteTopic",
        queue_id: i32 = "queueId",
        /// Where to begin.
        queue_offset: i64 = "queueOffset",
        max_msg_nums: i32 = "maxMsgNums",
        /// Bits [`PullMessageRequest::COMMIT_OFFSET`] and following.
        sys_flag: i32 = "sysFlag",
        /// Committed when the flag says so; −1 when there is none.
        commit_offset: i64 = "commitOffset",
        /// How long an answer may wait for messages.
        suspend_timeout_millis: i64 = "suspendTimeoutMillis",
        subscription: Option<&'a str> = "subscription",
        sub_version: i64 = "subVersion",
        expression_type: Option<&'a str> = "expressionType",
        max_msg_bytes: Option<i32> = "maxMsgBytes",
        /// −1 a client, 0 to 2 a proxy (in order, broadcast, stream).
        request_source: Option<i32> = "requestSource",
        proxy_forward_client_id: Option<&'a str> = "proxyFrowardClientId",
    }

    /// The answer to a pull. The body holds the records as they are stored.
    PullMessageResponse {
        suggest_which_broker_id: i64 = "suggestWhichBrokerId",
        next_begin_offset: i64 = "nextBeginOffset",
        min_offset: i64 = "minOffset",
        max_offset: i64 = "maxOffset",
        offset_delta: Option<i64> = "offsetDelta",
        topic_sys_flag: Option<i32> = "topicSysFlag",
        group_sys_flag: Option<i32> = "groupSysFlag",
        /// With NO_PERMISSION, who forbids: 1 broker, 2 group, 3 topic, 4 broadcasting, 5 subscription.
        forbidden_type: Option<i32> = "forbiddenType",
    }
}

impl PullMessageRequest<'_> {
    /// `sysFlag`: the request carries an offset to commit.
    pub const COMMIT_OFFSET: i32 = 1;
    /// `sysFlag`: the answer may wait until there are messages.
    pub const SUSPEND: i32 = 2;
    /// `sysFlag`: the request carries its subscription.
    pub const SUBSCRIPTION: i32 = 4;
    /// `sysFlag`: messages are filtered by a class.
    pub const CLASS_FILTER: i32 = 8;
    /// `sysFlag`: a lite pull.
    pub const LITE_PULL: i32 = 16;

    /// Is this bit of `sysFlag` set?
    pub const fn has(&self, flag: i32) -> bool {
        self.sys_flag & flag != 0
    }
}
