//! Requests about what other brokers have and a master without slaves, controller and RocksDB has not. What there is to say is said;
//! the rest is refused with the reason.

use std::sync::Arc;

use bolide_remoting::body::{HaClientRuntimeInfo, HaRuntimeInfo, encode};
use bolide_remoting::{Body, Reply, Request, ResponseCode};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// The field of SWITCH_TIMER_ENGINE.
const ENGINE: &str = "E_T";

/// GET_BROKER_HA_STATUS: a master whose slaves are none.
pub(crate) fn ha_status(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let info = HaRuntimeInfo {
        master: true,
        master_commit_log_max_offset: broker.store.max_physical_offset().0,
        in_sync_slave_nums: 0,
        ha_connection_info: Vec::new(),
        ha_client_runtime_info: HaClientRuntimeInfo::default(),
    };
    reply.ok_body(&(), encode(&info));
}

/// RESET_MASTER_FLUSH_OFFSET: means something to slaves only; a master agrees, as Apache's.
pub(crate) fn reset_master_flush_offset(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    reply.ok(&());
}

/// GET_BROKER_EPOCH_CACHE.
pub(crate) fn epochs(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    reply.refuse(Refusal::new(ResponseCode::SYSTEM_ERROR, "this request only for controllerMode "));
}

/// SWITCH_TIMER_ENGINE: timed messages wait in the file wheel, and nowhere else.
pub(crate) fn switch_timer_engine(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    if !broker.config.get().timer_wheel_enable {
        return reply.refuse(Refusal::invalid("broker timerWheelEnable is false"));
    }
    let wanted = request.header.fields.iter().find(|(name, _)| *name == ENGINE).and_then(|(_, value)| value);
    match wanted {
        Some("F") => {
            let remark = Some("timed messages wait in the file wheel already");
            reply.respond(ResponseCode::SUCCESS, remark, &(), Body::Empty);
        }
        Some("R") => reply.refuse(Refusal::invalid(
            "timerRocksDBEnable must be configured true when broker start; this broker has no RocksDB stores",
        )),
        other => reply.refuse(Refusal::invalid(format!("{ENGINE} is {other:?}, but must be F or R"))),
    }
}

/// CHECK_ROCKSDB_CQ_WRITE_PROGRESS and EXPORT_ROCKSDB_CONFIG_TO_JSON.
pub(crate) fn rocksdb(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let remark = "this broker has no RocksDB stores: queues are files, and the configuration is JSON under config/";
    reply.refuse(Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark));
}

/// GET_COLD_DATA_FLOW_CTR_INFO: no group is throttled.
pub(crate) fn cold_data_info(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let config = broker.config.properties();
    let limit = |key| config.get(key).and_then(|value| value.parse::<i64>().ok()).unwrap_or(0);
    let body = format!(
        r#"{{"runtimeTable":{{}},"configTable":{{}},"cgColdReadThreshold":{},"globalColdReadThreshold":{},"globalAcc":0}}"#,
        limit("cgColdReadThreshold"),
        limit("globalColdReadThreshold")
    );
    reply.ok_body(&(), body.into_bytes());
}

/// UPDATE_COLD_DATA_FLOW_CTR_CONFIG and REMOVE_COLD_DATA_FLOW_CTR_CONFIG.
pub(crate) fn cold_data_limits(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let remark =
        "groups are not throttled for reading cold data: such reads wait on threads of their own and hold up nobody";
    reply.refuse(Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark));
}

/// SET_COMMITLOG_READ_MODE.
pub(crate) fn read_ahead(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let remark = "there is no mode to set: cold parts of the commit log are read by position, not through mappings";
    reply.refuse(Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark));
}
