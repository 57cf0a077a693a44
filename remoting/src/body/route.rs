//! Where a topic's queues are.

use std::collections::BTreeMap;

use super::bodies;
use super::mapping::TopicQueueMappingInfo;

bodies! {
    /// The answer to GET_ROUTEINFO_BY_TOPIC (105).
    #[derive(Default)]
    TopicRouteData {
        order_topic_conf: Option<String>,
        queue_datas: Vec<QueueData>,
        broker_datas: Vec<BrokerData>,
        filter_server_table: BTreeMap<String, Vec<String>>,
        topic_queue_mapping_by_broker: Option<BTreeMap<String, TopicQueueMappingInfo>>,
    }

    /// A topic's queues on one broker.
    #[derive(Default, Eq)]
    QueueData {
        broker_name: String,
        read_queue_nums: i32,
        write_queue_nums: i32,
        /// Bits 4 read, 2 write, 1 inherit, 8 priority.
        perm: i32,
        topic_sys_flag: i32,
    }

    /// A broker's addresses.
    #[derive(Default, Eq)]
    BrokerData {
        cluster: String,
        broker_name: String,
        /// `ip:port` by broker id; 0 is the master.
        broker_addrs: BTreeMap<i64, String>,
        zone_name: Option<String>,
        enable_acting_master: bool,
    }
}
