//! A broker as a whole: its configuration, statistics and place in its group.

headers! {
    /// The answer to GET_BROKER_CONFIG (26). The body is `.properties` text.
    GetBrokerConfigResponse<'a> {
        /// The configuration's data version, as JSON.
        version: &'a str = "version",
    }

    /// VIEW_BROKER_STATS_DATA (315).
    ViewBrokerStatsDataRequest<'a> {
        stats_name: &'a str = "statsName",
        stats_key: &'a str = "statsKey",
    }

    /// NOTIFY_MIN_BROKER_ID_CHANGE (905), from a name server to brokers.
    NotifyMinBrokerIdChangeRequest<'a> {
        min_broker_id: Option<i64> = "minBrokerId",
        broker_name: Option<&'a str> = "brokerName",
        min_broker_addr: Option<&'a str> = "minBrokerAddr",
        offline_broker_addr: Option<&'a str> = "offlineBrokerAddr",
        ha_broker_addr: Option<&'a str> = "haBrokerAddr",
    }

    /// EXCHANGE_BROKER_HA_INFO (906), and its answer.
    ExchangeHaInfo<'a> {
        master_ha_address: Option<&'a str> = "masterHaAddress",
        master_flush_offset: Option<i64> = "masterFlushOffset",
        master_address: Option<&'a str> = "masterAddress",
    }
}
