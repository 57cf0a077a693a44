//! Administration and statistics of a broker's consumer groups.

headers! {
    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). Old peers send no fields and want everything.
    GetAllSubscriptionGroupRequest<'a> {
        /// The first group wanted, counted from zero.
        group_seq: Option<i32> = "groupSeq",
        /// The version that earlier pages had, as JSON.
        data_version: Option<&'a str> = "dataVersion",
        max_group_num: Option<i32> = "maxGroupNum",
    }

    /// The answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
    GetAllSubscriptionGroupResponse {
        total_group_num: Option<i32> = "totalGroupNum",
    }

    /// GET_SUBSCRIPTIONGROUP_CONFIG (352) and QUERY_TOPICS_BY_CONSUMER (343).
    GroupRequest<'a> {
        group: &'a str = "group",
    }

    /// DELETE_SUBSCRIPTIONGROUP (207).
    DeleteSubscriptionGroupRequest<'a> {
        group_name: &'a str = "groupName",
        /// Forget the group's offsets, too.
        clean_offset: bool = "cleanOffset" or false,
    }

    /// UPDATE_AND_GET_GROUP_FORBIDDEN (353).
    UpdateGroupForbiddenRequest<'a> {
        group: &'a str = "group",
        topic: &'a str = "topic",
        /// Absent: only ask.
        readable: Option<bool> = "readable",
    }

    /// GET_CONSUME_STATS (208).
    GetConsumeStatsRequest<'a> {
        consumer_group: &'a str = "consumerGroup",
        topic: Option<&'a str> = "topic",
        /// Names joined by semicolons.
        topic_list: Option<&'a str> = "topicList",
    }

    /// GET_BROKER_CONSUME_STATS (317).
    GetBrokerConsumeStatsRequest {
        is_order: bool = "isOrder",
    }

    /// QUERY_SUBSCRIPTION_BY_CONSUMER (345).
    QuerySubscriptionByConsumerRequest<'a> {
        group: &'a str = "group",
        topic: Option<&'a str> = "topic",
    }
}
