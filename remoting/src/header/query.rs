//! Finding messages that are already known by something: key, id, place or time.

headers! {
    /// QUERY_MESSAGE (12). Beside it the field `_UNIQUE_KEY_QUERY` says that the key is a unique one.
    QueryMessageRequest<'a> {
        topic: &'a str = "topic",
        key: &'a str = "key",
        max_num: i32 = "maxNum",
        /// Milliseconds since 1970.
        begin_timestamp: i64 = "beginTimestamp",
        /// Milliseconds since 1970.
        end_timestamp: i64 = "endTimestamp",
        /// `K` key, `U` unique key, `T` tag.
        index_type: Option<&'a str> = "indexType",
        last_key: Option<&'a str> = "lastKey",
        unique_key_query: bool = "_UNIQUE_KEY_QUERY" or false,
    }

    /// The answer to QUERY_MESSAGE. The body holds the records as they are stored.
    QueryMessageResponse {
        index_last_update_timestamp: i64 = "indexLastUpdateTimestamp",
        index_last_update_phyoffset: i64 = "indexLastUpdatePhyoffset",
    }

    /// VIEW_MESSAGE_BY_ID (33). The answer has no fields; its body is the record.
    ViewMessageRequest<'a> {
        /// Newer clients say which topic they expect.
        topic: Option<&'a str> = "topic",
        /// Physical offset in the commit log.
        offset: i64 = "offset",
    }

    /// QUERY_CONSUME_QUEUE (321).
    QueryConsumeQueueRequest<'a> {
        topic: &'a str = "topic",
        queue_id: i32 = "queueId" or 0,
        /// The first entry.
        index: i64 = "index" or 0,
        count: i32 = "count" or 0,
        consumer_group: Option<&'a str> = "consumerGroup",
    }

    /// QUERY_CONSUME_TIME_SPAN (303).
    QueryConsumeTimeSpanRequest<'a> {
        topic: &'a str = "topic",
        group: &'a str = "group",
    }
}
