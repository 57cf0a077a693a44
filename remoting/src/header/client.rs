//! Clients and their groups: who is there, who has come or gone, and what a broker asks its clients.

headers! {
    /// What the answer to HEART_BEAT (34) says.
    HeartbeatResponse {
        heartbeat_v2: bool = "IS_SUPPORT_HEART_BEAT_V2" or false,
        /// The group's subscription differs from what was known.
        subscription_changed: bool = "IS_SUB_CHANGE" or false,
    }

    /// UNREGISTER_CLIENT (35).
    UnregisterClientRequest<'a> {
        client_id: &'a str = "clientID",
        producer_group: Option<&'a str> = "producerGroup",
        consumer_group: Option<&'a str> = "consumerGroup",
    }

    /// GET_CONSUMER_LIST_BY_GROUP (38), GET_CONSUMER_CONNECTION_LIST (203), and
    /// NOTIFY_CONSUMER_IDS_CHANGED (40) towards clients.
    ConsumerGroupRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
    }

    /// GET_PRODUCER_CONNECTION_LIST (204).
    GetProducerConnectionListRequest<'a> {
        producer_group: &'a str = "producerGroup",
    }

    /// GET_CONSUMER_RUNNING_INFO (307).
    GetConsumerRunningInfoRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        client_id: &'a str = "clientId",
        jstack_enable: bool = "jstackEnable" or false,
    }

    /// CONSUME_MESSAGE_DIRECTLY (309). Towards the client, the body is the message.
    ConsumeMessageDirectlyRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        client_id: Option<&'a str> = "clientId",
        msg_id: Option<&'a str> = "msgId",
        broker_name: Option<&'a str> = "brokerName",
        topic: Option<&'a str> = "topic",
        topic_sys_flag: Option<i32> = "topicSysFlag",
        group_sys_flag: Option<i32> = "groupSysFlag",
    }

    /// NOTIFY_UNSUBSCRIBE_LITE (200073), towards clients.
    NotifyUnsubscribeLiteRequest<'a> {
        lite_topic: &'a str = "liteTopic",
        consumer_group: &'a str = "consumerGroup",
        client_id: &'a str = "clientId",
    }

    /// Fields that any request may carry beside its own, for proxies and static topics.
    CommonFields<'a> {
        namespace: Option<&'a str> = "ns",
        namespaced: Option<bool> = "nsd",
        broker_name: Option<&'a str> = "bname",
        oneway: Option<bool> = "oway",
        /// The queue id is a logical one, of a static topic.
        logical: Option<bool> = "lo",
    }
}
