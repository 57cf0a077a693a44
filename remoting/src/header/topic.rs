//! Administration of a broker's topics.

headers! {
    /// UPDATE_AND_CREATE_TOPIC (17).
    CreateTopicRequest<'a> {
        topic: &'a str = "topic",
        default_topic: &'a str = "defaultTopic",
        read_queue_nums: i32 = "readQueueNums",
        write_queue_nums: i32 = "writeQueueNums",
        /// Bits 4 read, 2 write, 1 inherit, 8 priority.
        perm: i32 = "perm",
        /// `SINGLE_TAG` or `MULTI_TAG`.
        topic_filter_type: &'a str = "topicFilterType",
        topic_sys_flag: Option<i32> = "topicSysFlag",
        order: bool = "order" or false,
        /// Changes, such as `+message.type=FIFO,-cleanup.policy`.
        attributes: Option<&'a str> = "attributes",
        force: bool = "force" or false,
    }

    /// DELETE_TOPIC_IN_BROKER (215), GET_TOPIC_STATS_INFO (202), GET_TOPIC_CONFIG (351),
    /// QUERY_TOPIC_CONSUME_BY_WHO (300) and GET_PARENT_TOPIC_INFO (200075).
    TopicRequest<'a> {
        topic: &'a str = "topic",
    }

    /// GET_ALL_TOPIC_CONFIG (21). Old peers send no fields and want everything.
    GetAllTopicConfigRequest<'a> {
        /// The first topic wanted, counted from zero.
        topic_seq: Option<i32> = "topicSeq",
        /// The version that earlier pages had, as JSON.
        data_version: Option<&'a str> = "dataVersion",
        max_topic_num: Option<i32> = "maxTopicNum",
    }

    /// The answer to GET_ALL_TOPIC_CONFIG.
    GetAllTopicConfigResponse {
        total_topic_num: Option<i32> = "totalTopicNum",
    }
}
