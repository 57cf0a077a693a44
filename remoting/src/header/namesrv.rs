//! What brokers and clients say to name servers.

headers! {
    /// PUT_KV_CONFIG (100).
    PutKvConfigRequest<'a> {
        namespace: &'a str = "namespace",
        key: &'a str = "key",
        value: &'a str = "value",
    }

    /// GET_KV_CONFIG (101) and DELETE_KV_CONFIG (102).
    KvConfigRequest<'a> {
        namespace: &'a str = "namespace",
        key: &'a str = "key",
    }

    /// The answer to GET_KV_CONFIG.
    GetKvConfigResponse<'a> {
        value: Option<&'a str> = "value",
    }

    /// GET_KVLIST_BY_NAMESPACE (219).
    GetKvListByNamespaceRequest<'a> {
        namespace: &'a str = "namespace",
    }

    /// REGISTER_BROKER (103). The body is a [`RegisterBrokerBody`](crate::body::RegisterBrokerBody).
    RegisterBrokerRequest<'a> {
        broker_name: &'a str = "brokerName",
        /// `ip:port` for clients.
        broker_addr: &'a str = "brokerAddr",
        cluster_name: &'a str = "clusterName",
        /// `ip:port` for slaves.
        ha_server_addr: &'a str = "haServerAddr",
        broker_id: i64 = "brokerId",
        /// How long the registration lives without another; absent: the name server's default.
        heartbeat_timeout_millis: Option<i64> = "heartbeatTimeoutMillis",
        enable_acting_master: Option<bool> = "enableActingMaster",
        /// The body is compressed.
        compressed: bool = "compressed" or false,
        /// CRC-32 of the body as sent; 0 when it was not computed.
        body_crc32: i32 = "bodyCrc32" or 0,
        zone_name: Option<&'a str> = "__ZONE_NAME",
    }

    /// The answer to REGISTER_BROKER.
    RegisterBrokerResponse<'a> {
        ha_server_addr: Option<&'a str> = "haServerAddr",
        master_addr: Option<&'a str> = "masterAddr",
    }

    /// UNREGISTER_BROKER (104) and QUERY_DATA_VERSION (322).
    BrokerIdentityRequest<'a> {
        broker_name: &'a str = "brokerName",
        broker_addr: &'a str = "brokerAddr",
        cluster_name: &'a str = "clusterName",
        broker_id: i64 = "brokerId",
    }

    /// The answer to QUERY_DATA_VERSION. The body is the name server's `DataVersion`.
    QueryDataVersionResponse {
        changed: bool = "changed",
    }

    /// GET_ROUTEINFO_BY_TOPIC (105).
    GetRouteInfoRequest<'a> {
        topic: &'a str = "topic",
        /// Keys of maps must be quoted, even if they are numbers.
        accept_standard_json_only: bool = "acceptStandardJsonOnly" or false,
        zone_mode: bool = "__ZONE_MODE" or false,
        zone_name: Option<&'a str> = "__ZONE_NAME",
    }

    /// WIPE_WRITE_PERM_OF_BROKER (205) and ADD_WRITE_PERM_OF_BROKER (327).
    BrokerNameRequest<'a> {
        broker_name: &'a str = "brokerName",
    }

    /// The answer to WIPE_WRITE_PERM_OF_BROKER.
    WipeWritePermResponse {
        wipe_topic_count: i32 = "wipeTopicCount",
    }

    /// The answer to ADD_WRITE_PERM_OF_BROKER.
    AddWritePermResponse {
        add_topic_count: i32 = "addTopicCount",
    }

    /// DELETE_TOPIC_IN_NAMESRV (216).
    DeleteTopicFromNamesrvRequest<'a> {
        topic: &'a str = "topic",
        cluster_name: Option<&'a str> = "clusterName",
    }

    /// REGISTER_TOPIC_IN_NAMESRV (217). The body is route data.
    RegisterTopicRequest<'a> {
        topic: &'a str = "topic",
    }

    /// GET_TOPICS_BY_CLUSTER (224).
    GetTopicsByClusterRequest<'a> {
        cluster: &'a str = "cluster",
    }

    /// GET_BROKER_MEMBER_GROUP (901).
    GetBrokerMemberGroupRequest<'a> {
        cluster_name: &'a str = "clusterName",
        broker_name: &'a str = "brokerName",
    }

    /// BROKER_HEARTBEAT (904).
    BrokerHeartbeatRequest<'a> {
        cluster_name: &'a str = "clusterName",
        broker_addr: &'a str = "brokerAddr",
        broker_name: &'a str = "brokerName",
        broker_id: Option<i64> = "brokerId",
        epoch: Option<i32> = "epoch",
        max_offset: Option<i64> = "maxOffset",
        confirm_offset: Option<i64> = "confirmOffset",
        heartbeat_timeout_mills: Option<i64> = "heartbeatTimeoutMills",
        election_priority: Option<i32> = "electionPriority",
    }
}
