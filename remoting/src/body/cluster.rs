//! Clusters and the brokers in them.

use std::collections::BTreeMap;

use super::bodies;
use super::route::BrokerData;

bodies! {
    /// The answer to GET_BROKER_CLUSTER_INFO (106).
    #[derive(Default, Eq)]
    ClusterInfo {
        /// By broker name.
        broker_addr_table: BTreeMap<String, BrokerData>,
        /// Names of brokers by name of cluster.
        cluster_addr_table: BTreeMap<String, Vec<String>>,
    }

    /// A table of texts: the answer to GET_BROKER_RUNTIME_INFO (28), GET_KVLIST_BY_NAMESPACE (219) and
    /// REGISTER_BROKER (103).
    #[derive(Default, Eq)]
    KvTable {
        table: BTreeMap<String, String>,
    }

    /// The brokers of one name.
    #[derive(Default, Eq)]
    BrokerMemberGroup {
        cluster: String,
        broker_name: String,
        /// `ip:port` by broker id.
        broker_addrs: BTreeMap<i64, String>,
    }

    /// The answer to GET_BROKER_MEMBER_GROUP (901).
    #[derive(Default, Eq)]
    BrokerMemberGroupResponse {
        broker_member_group: Option<BrokerMemberGroup>,
    }
}
