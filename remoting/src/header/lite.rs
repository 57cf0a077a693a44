//! What operators ask about lite topics.

headers! {
    /// GET_LITE_TOPIC_INFO (200076).
    GetLiteTopicInfoRequest<'a> {
        parent_topic: &'a str = "parentTopic",
        lite_topic: &'a str = "liteTopic",
    }

    /// GET_LITE_CLIENT_INFO (200077).
    GetLiteClientInfoRequest<'a> {
        parent_topic: &'a str = "parentTopic",
        group: &'a str = "group",
        client_id: &'a str = "clientId",
        /// The most lite topics that are listed.
        max_count: i32 = "maxCount" or 1_000,
    }

    /// GET_LITE_GROUP_INFO (200078).
    GetLiteGroupInfoRequest<'a> {
        group: &'a str = "group",
        /// Absent: all of the group.
        lite_topic: Option<&'a str> = "liteTopic",
        /// The most lite topics that are listed.
        top_k: i32 = "topK" or 0,
    }

    /// TRIGGER_LITE_DISPATCH (200079).
    TriggerLiteDispatchRequest<'a> {
        group: &'a str = "group",
        /// Absent: all of the group.
        client_id: Option<&'a str> = "clientId",
    }
}
