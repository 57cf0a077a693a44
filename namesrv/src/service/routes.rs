//! What clients and tools ask: where topics are, and what there is.

use bolide_remoting::body::{self, TopicList};
use bolide_remoting::header::{GetRouteInfoRequest, GetTopicsByClusterRequest};
use bolide_remoting::version::Version;
use bolide_remoting::{Connection, Reply, Request, ResponseCode};

use super::{NameService, header};
use crate::kv_config::ORDER_TOPIC_CONFIG;
use crate::route_table::{RouteTable, keep_zone};

/// Where Apache's remark about an unknown topic points to.
const HELP: &str = "https://rocketmq.apache.org/docs/bestPractice/06FAQ";

impl NameService {
    pub(super) fn get_route(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(GetRouteInfoRequest, request, reply);
        let config = self.config().get();
        if config.need_wait_for_service && self.now_ms() < i64::from(config.wait_seconds_for_service) * 1_000 {
            return reply.fail(ResponseCode::SYSTEM_ERROR, "name server not ready");
        }
        let Some(mut route) = self.routes.read().route(header.topic, config.support_acting_master) else {
            let topic = header.topic;
            return reply.fail(
                ResponseCode::TOPIC_NOT_EXIST,
                format_args!(
                    "No topic route info in name server for the topic: {topic}\nSee {HELP} for further details."
                ),
            );
        };
        if config.order_message_enable {
            route.order_topic_conf = self.kv.table.read().get(ORDER_TOPIC_CONFIG, header.topic).map(str::to_owned);
        }
        let zone = header.zone_name.filter(|zone| header.zone_mode && !zone.trim().is_empty());
        if let Some(zone) = zone {
            keep_zone(&mut route, zone);
        }
        // Clients below 4.9.4 parse numbers as keys only without quotes, unless they say otherwise.
        let standard = header.accept_standard_json_only || request.header.version >= Version::V4_9_4;
        let body = if standard { body::encode_standard(&route) } else { body::encode(&route) };
        reply.ok_body(&(), body);
    }

    pub(super) fn get_cluster_info(&self, reply: Reply<'_>) {
        let info = self.routes.read().cluster_info();
        reply.ok_body(&(), body::encode(&info));
    }

    pub(super) fn get_all_topics(&self, reply: Reply<'_>) {
        if !self.config().get().enable_all_topic_list {
            return reply.fail(ResponseCode::SYSTEM_ERROR, "disable");
        }
        let topics = self.routes.read().topic_list();
        reply.ok_body(&(), body::encode(&topics));
    }

    pub(super) fn get_system_topics(&self, reply: Reply<'_>) {
        let topics = self.routes.read().system_topic_list();
        reply.ok_body(&(), body::encode(&topics));
    }

    pub(super) fn get_topics_by_cluster(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(GetTopicsByClusterRequest, request, reply);
        self.get_listed(reply, |routes| routes.topics_of_cluster(header.cluster));
    }

    /// Answers a list that `enableTopicList` can forbid.
    pub(super) fn get_listed(&self, reply: Reply<'_>, topics: impl FnOnce(&RouteTable<Connection>) -> TopicList) {
        if !self.config().get().enable_topic_list {
            return reply.fail(ResponseCode::SYSTEM_ERROR, "disable");
        }
        let topics = topics(&self.routes.read());
        reply.ok_body(&(), body::encode(&topics));
    }
}
