//! Which clients are connected.

use std::collections::BTreeMap;

use super::bodies;
use super::heartbeat::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};
use crate::language::Language;

bodies! {
    /// One client.
    #[derive(Default)]
    ClientConnection {
        client_id: String,
        /// `ip:port`.
        client_addr: String,
        language: Language,
        version: i32,
    }

    /// The answer to GET_CONSUMER_CONNECTION_LIST (203).
    #[derive(Default)]
    ConsumerConnection {
        connection_set: Vec<ClientConnection>,
        /// By topic.
        subscription_table: BTreeMap<String, SubscriptionData>,
        consume_type: Option<ConsumeType>,
        message_model: Option<MessageModel>,
        consume_from_where: Option<ConsumeFromWhere>,
    }

    /// The answer to GET_PRODUCER_CONNECTION_LIST (204).
    #[derive(Default)]
    ProducerConnection {
        connection_set: Vec<ClientConnection>,
    }

    /// The answer to GET_ALL_PRODUCER_INFO (328).
    #[derive(Default)]
    ProducerTableInfo {
        /// By group.
        data: BTreeMap<String, Vec<ProducerInfo>>,
    }

    /// One producer.
    #[derive(Default)]
    ProducerInfo {
        client_id: String,
        #[serde(rename = "remoteIP")]
        remote_ip: String,
        language: Language,
        version: i32,
        /// Milliseconds since 1970.
        last_update_timestamp: i64,
    }
}
