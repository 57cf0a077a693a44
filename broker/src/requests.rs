//! The one table of requests: each code that this broker serves, with its handler.

use std::sync::Arc;

use bolide_remoting::{Reply, Request, RequestCode, ResponseCode};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::{
    admin, client, group, lite, offset, pop, pull, query, relay, retention, retry, role, runtime_info, send,
    statistics, timer, topic, transaction,
};

/// Serves one kind of request.
type Handler = fn(&Arc<Broker>, &Request<'_>, Reply<'_>);

/// Makes the look-up and the list of served codes out of one table.
macro_rules! requests {
    ($($code:ident => $handler:path,)*) => {
        /// The codes that this broker serves, in ascending order.
        pub const SERVED: &[RequestCode] = &[$(RequestCode::$code),*];

        fn handler(code: RequestCode) -> Option<Handler> {
            match code {
                $(RequestCode::$code => Some($handler),)*
                _ => None,
            }
        }
    };
}

requests! {
    SEND_MESSAGE => send::send,
    PULL_MESSAGE => pull::pull,
    QUERY_MESSAGE => query::query,
    QUERY_CONSUMER_OFFSET => offset::requests::query,
    UPDATE_CONSUMER_OFFSET => offset::requests::update,
    UPDATE_AND_CREATE_TOPIC => topic::requests::update,
    UPDATE_AND_CREATE_TOPIC_LIST => topic::batch::update,
    GET_ALL_TOPIC_CONFIG => topic::requests::list,
    UPDATE_BROKER_CONFIG => admin::update_config,
    GET_BROKER_CONFIG => admin::get_config,
    GET_BROKER_RUNTIME_INFO => runtime_info::show,
    SEARCH_OFFSET_BY_TIMESTAMP => offset::requests::search,
    GET_MAX_OFFSET => offset::requests::max,
    GET_MIN_OFFSET => offset::requests::min,
    GET_EARLIEST_MSG_STORETIME => offset::requests::earliest,
    VIEW_MESSAGE_BY_ID => query::view,
    HEART_BEAT => client::heartbeat,
    UNREGISTER_CLIENT => client::unregister,
    CONSUMER_SEND_MSG_BACK => retry::send_back,
    END_TRANSACTION => transaction::end,
    GET_CONSUMER_LIST_BY_GROUP => client::list,
    LOCK_BATCH_MQ => client::lock,
    UNLOCK_BATCH_MQ => client::unlock,
    GET_ALL_CONSUMER_OFFSET => offset::survey::all,
    CHECK_CLIENT_CONFIG => client::check_config,
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => group::requests::update,
    GET_ALL_SUBSCRIPTIONGROUP_CONFIG => group::requests::list,
    GET_TOPIC_STATS_INFO => topic::requests::stats,
    GET_CONSUMER_CONNECTION_LIST => group::requests::consumers,
    GET_PRODUCER_CONNECTION_LIST => group::requests::producers,
    DELETE_SUBSCRIPTIONGROUP => group::requests::delete,
    GET_CONSUME_STATS => group::requests::consume_stats,
    DELETE_TOPIC_IN_BROKER => topic::requests::delete,
    INVOKE_BROKER_TO_RESET_OFFSET => offset::reset::reset,
    INVOKE_BROKER_TO_GET_CONSUMER_STATUS => relay::consumer_status,
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST => group::batch::update,
    QUERY_TOPIC_CONSUME_BY_WHO => topic::requests::consumed_by,
    QUERY_CONSUME_TIME_SPAN => offset::reset::time_span,
    GET_SYSTEM_TOPIC_LIST_FROM_BROKER => topic::requests::system,
    CLEAN_EXPIRED_CONSUMEQUEUE => retention::clean_queues,
    GET_CONSUMER_RUNNING_INFO => relay::running_info,
    QUERY_CORRECTION_OFFSET => offset::survey::correction,
    CONSUME_MESSAGE_DIRECTLY => relay::consume_directly,
    SEND_MESSAGE_V2 => send::send,
    CLONE_GROUP_OFFSET => offset::reset::clone_group,
    VIEW_BROKER_STATS_DATA => statistics::requests::view,
    CLEAN_UNUSED_TOPIC => topic::batch::clean_unused,
    GET_BROKER_CONSUME_STATS => group::survey::all_consume_stats,
    SEND_BATCH_MESSAGE => send::send,
    QUERY_CONSUME_QUEUE => query::consume_queue::list,
    RESUME_CHECK_HALF_MESSAGE => transaction::resume_check,
    SEND_REPLY_MESSAGE => relay::send_reply,
    SEND_REPLY_MESSAGE_V2 => relay::send_reply,
    GET_ALL_PRODUCER_INFO => group::survey::all_producers,
    DELETE_EXPIRED_COMMITLOG => retention::delete_expired,
    QUERY_TOPICS_BY_CONSUMER => group::survey::topics,
    QUERY_SUBSCRIPTION_BY_CONSUMER => group::survey::subscription,
    GET_TOPIC_CONFIG => topic::requests::show,
    GET_SUBSCRIPTIONGROUP_CONFIG => group::requests::show,
    UPDATE_AND_GET_GROUP_FORBIDDEN => group::batch::forbid,
    CHECK_ROCKSDB_CQ_WRITE_PROGRESS => role::rocksdb,
    EXPORT_ROCKSDB_CONFIG_TO_JSON => role::rocksdb,
    LITE_PULL_MESSAGE => pull::pull,
    RECALL_MESSAGE => timer::recall::recall,
    QUERY_ASSIGNMENT => pop::query_assignment,
    SET_MESSAGE_REQUEST_MODE => pop::set_mode,
    GET_ALL_MESSAGE_REQUEST_MODE => pop::modes,
    GET_BROKER_HA_STATUS => role::ha_status,
    RESET_MASTER_FLUSH_OFFSET => role::reset_master_flush_offset,
    GET_BROKER_EPOCH_CACHE => role::epochs,
    UPDATE_COLD_DATA_FLOW_CTR_CONFIG => role::cold_data_limits,
    REMOVE_COLD_DATA_FLOW_CTR_CONFIG => role::cold_data_limits,
    GET_COLD_DATA_FLOW_CTR_INFO => role::cold_data_info,
    SET_COMMITLOG_READ_MODE => role::read_ahead,
    SWITCH_TIMER_ENGINE => role::switch_timer_engine,
    DELETE_TOPIC_IN_BROKER_LIST => topic::batch::delete,
    DELETE_SUBSCRIPTION_GROUP_LIST => group::batch::delete,
    POP_MESSAGE => pop::pop,
    ACK_MESSAGE => pop::acknowledge,
    PEEK_MESSAGE => pop::peek,
    CHANGE_MESSAGE_INVISIBLETIME => pop::change_invisible_time,
    NOTIFICATION => pop::notification,
    POLLING_INFO => pop::polling_info,
    POP_ROLLBACK => pop::roll_back,
    LITE_SUBSCRIPTION_CTL => lite::requests::control,
    BATCH_ACK_MESSAGE => pop::acknowledge_batch,
}

/// Hands a request to its handler. A code without one is refused by name, so that what is missing shows.
pub(crate) fn dispatch(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match handler(request.code()) {
        Some(handle) => handle(broker, request, reply),
        None => reply.refuse(not_supported(request.code())),
    }
}

fn not_supported(code: RequestCode) -> Refusal {
    let remark = format!("request type {code} not supported");
    Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_each_code_once() {
        assert!(SERVED.is_sorted_by(|one, next| one < next), "{SERVED:?}");
    }

    #[test]
    fn what_is_missing_is_refused_by_name() {
        let refusal = not_supported(RequestCode::CHECK_TRANSACTION_STATE);
        assert_eq!(refusal.remark, "request type CHECK_TRANSACTION_STATE (39) not supported");
        assert!(handler(RequestCode::CHECK_TRANSACTION_STATE).is_none());
    }
}
