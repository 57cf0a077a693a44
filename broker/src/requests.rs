//! The one table of requests: each code that this broker serves, with its handler, and what a user needs who asks for it.

use std::sync::Arc;

use bolide_remoting::{Reply, Request, RequestCode, ResponseCode};

use crate::auth;
use crate::auth::need::{
    self, CONSUMER_GROUP, CREATE, DELETE, GET, GROUP, Named, Need, PUB, SUB, SUB_GET, SUB_UPDATE, TOPIC,
    TOPIC_AND_CONSUMER_GROUP, TOPIC_AND_GROUP, UPDATE,
};
use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::{
    admin, client, drain, group, lite, offset, pop, pull, query, quota, relay, retention, retry, role, runtime_info,
    send, statistics, timer, topic, transaction,
};

/// Serves one kind of request.
type Handler = fn(&Arc<Broker>, &Request<'_>, Reply<'_>);

/// Makes the look-up and the list of served codes out of one table.
macro_rules! requests {
    ($($code:ident => $handler:path, $need:expr;)*) => {
        /// The codes that this broker serves, in ascending order.
        pub const SERVED: &[RequestCode] = &[$(RequestCode::$code),*];

        fn handler(code: RequestCode) -> Option<(Handler, Need)> {
            match code {
                $(RequestCode::$code => Some(($handler, $need)),)*
                _ => None,
            }
        }
    };
}

requests! {
    SEND_MESSAGE => send::send, Need::Send("topic");
    PULL_MESSAGE => pull::pull, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    QUERY_MESSAGE => query::query, Need::Fields(TOPIC, SUB_GET);
    QUERY_CONSUMER_OFFSET => offset::requests::query, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB_GET);
    UPDATE_CONSUMER_OFFSET => offset::requests::update, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB_UPDATE);
    UPDATE_AND_CREATE_TOPIC => topic::requests::update, Need::Fields(TOPIC, CREATE);
    UPDATE_AND_CREATE_TOPIC_LIST => topic::batch::update, Need::Body(need::topic_configs, CREATE);
    GET_ALL_TOPIC_CONFIG => topic::requests::list, Need::Cluster(GET);
    UPDATE_BROKER_CONFIG => admin::update_config, Need::Cluster(UPDATE);
    GET_BROKER_CONFIG => admin::get_config, Need::Cluster(GET);
    GET_BROKER_RUNTIME_INFO => runtime_info::show, Need::Cluster(GET);
    SEARCH_OFFSET_BY_TIMESTAMP => offset::requests::search, Need::Fields(TOPIC, GET);
    GET_MAX_OFFSET => offset::requests::max, Need::Fields(TOPIC, GET);
    GET_MIN_OFFSET => offset::requests::min, Need::Fields(TOPIC, GET);
    GET_EARLIEST_MSG_STORETIME => offset::requests::earliest, Need::Fields(TOPIC, GET);
    VIEW_MESSAGE_BY_ID => query::view, Need::Fields(TOPIC, GET);
    HEART_BEAT => client::heartbeat, Need::Body(need::heartbeat, SUB);
    UNREGISTER_CLIENT => client::unregister, Need::IfNamed(CONSUMER_GROUP, SUB);
    CONSUMER_SEND_MSG_BACK => retry::send_back, Need::Fields(GROUP, SUB);
    END_TRANSACTION => transaction::end, Need::EndTransaction;
    GET_CONSUMER_LIST_BY_GROUP => client::list, Need::Fields(CONSUMER_GROUP, SUB_GET);
    LOCK_BATCH_MQ => client::lock, Need::Body(need::locks, SUB);
    UNLOCK_BATCH_MQ => client::unlock, Need::Body(need::locks, SUB);
    GET_ALL_CONSUMER_OFFSET => offset::survey::all, Need::Cluster(GET);
    CHECK_CLIENT_CONFIG => client::check_config, Need::User;
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => group::requests::update, Need::Body(need::group_config, CREATE);
    GET_ALL_SUBSCRIPTIONGROUP_CONFIG => group::requests::list, Need::Cluster(GET);
    GET_TOPIC_STATS_INFO => topic::requests::stats, Need::Fields(TOPIC, GET);
    GET_CONSUMER_CONNECTION_LIST => group::requests::consumers, Need::Fields(CONSUMER_GROUP, GET);
    GET_PRODUCER_CONNECTION_LIST => group::requests::producers, Need::Cluster(GET);
    DELETE_SUBSCRIPTIONGROUP => group::requests::delete, Need::Fields(&[Named::Group("groupName")], DELETE);
    GET_CONSUME_STATS => group::requests::consume_stats, Need::Fields(&[Named::Group("consumerGroup"), Named::Topic("topic"), Named::Topics("topicList")], GET);
    DELETE_TOPIC_IN_BROKER => topic::requests::delete, Need::Fields(TOPIC, DELETE);
    INVOKE_BROKER_TO_RESET_OFFSET => offset::reset::reset, Need::Fields(TOPIC_AND_GROUP, UPDATE);
    INVOKE_BROKER_TO_GET_CONSUMER_STATUS => relay::consumer_status, Need::Fields(TOPIC_AND_GROUP, GET);
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST => group::batch::update, Need::Body(need::group_configs, CREATE);
    QUERY_TOPIC_CONSUME_BY_WHO => topic::requests::consumed_by, Need::Fields(TOPIC, GET);
    QUERY_CONSUME_TIME_SPAN => offset::reset::time_span, Need::Fields(TOPIC_AND_GROUP, GET);
    GET_SYSTEM_TOPIC_LIST_FROM_BROKER => topic::requests::system, Need::Cluster(GET);
    CLEAN_EXPIRED_CONSUMEQUEUE => retention::clean_queues, Need::Cluster(UPDATE);
    GET_CONSUMER_RUNNING_INFO => relay::running_info, Need::Fields(CONSUMER_GROUP, GET);
    QUERY_CORRECTION_OFFSET => offset::survey::correction, Need::Fields(&[Named::Groups("filterGroups"), Named::Group("compareGroup"), Named::Topic("topic")], GET);
    CONSUME_MESSAGE_DIRECTLY => relay::consume_directly, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    SEND_MESSAGE_V2 => send::send, Need::Send("b");
    CLONE_GROUP_OFFSET => offset::reset::clone_group, Need::Fields(&[Named::Group("destGroup"), Named::Topic("topic")], UPDATE);
    VIEW_BROKER_STATS_DATA => statistics::requests::view, Need::Cluster(GET);
    CLEAN_UNUSED_TOPIC => topic::batch::clean_unused, Need::Cluster(DELETE);
    GET_BROKER_CONSUME_STATS => group::survey::all_consume_stats, Need::Cluster(GET);
    SEND_BATCH_MESSAGE => send::send, Need::Send("b");
    QUERY_CONSUME_QUEUE => query::consume_queue::list, Need::Fields(TOPIC_AND_CONSUMER_GROUP, GET);
    RESUME_CHECK_HALF_MESSAGE => transaction::resume_check, Need::Fields(TOPIC, UPDATE);
    SEND_REPLY_MESSAGE => relay::send_reply, Need::Reply("topic");
    SEND_REPLY_MESSAGE_V2 => relay::send_reply, Need::Reply("b");
    GET_ALL_PRODUCER_INFO => group::survey::all_producers, Need::Cluster(GET);
    DELETE_EXPIRED_COMMITLOG => retention::delete_expired, Need::Cluster(UPDATE);
    QUERY_TOPICS_BY_CONSUMER => group::survey::topics, Need::Fields(GROUP, GET);
    QUERY_SUBSCRIPTION_BY_CONSUMER => group::survey::subscription, Need::Fields(TOPIC_AND_GROUP, GET);
    GET_TOPIC_CONFIG => topic::requests::show, Need::Fields(TOPIC, GET);
    GET_SUBSCRIPTIONGROUP_CONFIG => group::requests::show, Need::Fields(GROUP, GET);
    UPDATE_AND_GET_GROUP_FORBIDDEN => group::batch::forbid, Need::Fields(TOPIC_AND_GROUP, UPDATE);
    CHECK_ROCKSDB_CQ_WRITE_PROGRESS => role::rocksdb, Need::Cluster(GET);
    EXPORT_ROCKSDB_CONFIG_TO_JSON => role::rocksdb, Need::Cluster(GET);
    LITE_PULL_MESSAGE => pull::pull, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    RECALL_MESSAGE => timer::recall::recall, Need::Fields(TOPIC, PUB);
    QUERY_ASSIGNMENT => pop::query_assignment, Need::User;
    SET_MESSAGE_REQUEST_MODE => pop::set_mode, Need::Cluster(UPDATE);
    GET_ALL_MESSAGE_REQUEST_MODE => pop::modes, Need::Cluster(GET);
    GET_BROKER_HA_STATUS => role::ha_status, Need::Cluster(GET);
    RESET_MASTER_FLUSH_OFFSET => role::reset_master_flush_offset, Need::Cluster(UPDATE);
    GET_BROKER_EPOCH_CACHE => role::epochs, Need::Cluster(GET);
    UPDATE_COLD_DATA_FLOW_CTR_CONFIG => role::cold_data_limits, Need::Cluster(UPDATE);
    REMOVE_COLD_DATA_FLOW_CTR_CONFIG => role::cold_data_limits, Need::Cluster(UPDATE);
    GET_COLD_DATA_FLOW_CTR_INFO => role::cold_data_info, Need::Cluster(GET);
    SET_COMMITLOG_READ_MODE => role::read_ahead, Need::Cluster(UPDATE);
    AUTH_CREATE_USER => auth::requests::create_user, Need::Cluster(UPDATE);
    AUTH_UPDATE_USER => auth::requests::update_user, Need::Cluster(UPDATE);
    AUTH_DELETE_USER => auth::requests::delete_user, Need::Cluster(UPDATE);
    AUTH_GET_USER => auth::requests::get_user, Need::Cluster(GET);
    AUTH_LIST_USER => auth::requests::list_users, Need::Cluster(GET);
    AUTH_CREATE_ACL => auth::requests::put_acl, Need::Cluster(UPDATE);
    AUTH_UPDATE_ACL => auth::requests::put_acl, Need::Cluster(UPDATE);
    AUTH_DELETE_ACL => auth::requests::delete_acl, Need::Cluster(UPDATE);
    AUTH_GET_ACL => auth::requests::get_acl, Need::Cluster(GET);
    AUTH_LIST_ACL => auth::requests::list_acls, Need::Cluster(GET);
    SWITCH_TIMER_ENGINE => role::switch_timer_engine, Need::Cluster(UPDATE);
    DELETE_TOPIC_IN_BROKER_LIST => topic::batch::delete, Need::Body(need::topic_names, DELETE);
    DELETE_SUBSCRIPTION_GROUP_LIST => group::batch::delete, Need::Body(need::group_names, DELETE);
    POP_MESSAGE => pop::pop, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    ACK_MESSAGE => pop::acknowledge, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    PEEK_MESSAGE => pop::peek, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    CHANGE_MESSAGE_INVISIBLETIME => pop::change_invisible_time, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    NOTIFICATION => pop::notification, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    POLLING_INFO => pop::polling_info, Need::Fields(TOPIC_AND_CONSUMER_GROUP, GET);
    POP_ROLLBACK => pop::roll_back, Need::Cluster(UPDATE);
    POP_LITE_MESSAGE => pop::pop_lite, Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    LITE_SUBSCRIPTION_CTL => lite::requests::control, Need::Body(need::lite_subscriptions, SUB);
    GET_BROKER_LITE_INFO => lite::survey::of_broker, Need::Cluster(GET);
    GET_PARENT_TOPIC_INFO => lite::survey::of_parent, Need::Fields(TOPIC, GET);
    GET_LITE_TOPIC_INFO => lite::survey::of_lite_topic, Need::Fields(&[Named::Topic("parentTopic")], GET);
    GET_LITE_CLIENT_INFO => lite::survey::of_client, Need::Fields(&[Named::Topic("parentTopic"), Named::Group("group")], GET);
    GET_LITE_GROUP_INFO => lite::survey::of_group, Need::Fields(GROUP, GET);
    TRIGGER_LITE_DISPATCH => lite::survey::look_again, Need::Fields(GROUP, UPDATE);
    BATCH_ACK_MESSAGE => pop::acknowledge_batch, Need::Body(need::acknowledgements, SUB);
}

/// Hands a request to its handler. A code without one is refused by name, so that what is missing shows.
pub(crate) fn dispatch(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let Some((handle, need)) = handler(request.code()) else { return reply.refuse(not_supported(request.code())) };
    let user = broker.auth.admit(request, need, broker.clock.now_ms());
    let admitted = user.and_then(|user| user.map_or(Ok(()), |user| quota::seat(broker, request.connection, user)));
    let away = || broker.drain.has_begun().then(|| drain::send_away(request)).flatten();
    match admitted.err().or_else(away) {
        None => handle(broker, request, reply),
        Some(refusal) => reply.refuse(refusal),
    }
}

fn not_supported(code: RequestCode) -> Refusal {
    let remark = format!("request type {code} not supported");
    Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark)
}

#[cfg(test)]
mod tests;
