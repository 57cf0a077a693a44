//! Offsets of groups and of queues, for consumers that read by offset.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// UpdateOffset.
pub(super) async fn update(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::UpdateOffsetRequest,
) -> Result<v2::UpdateOffsetResponse, Fault> {
    Err(Fault::not_supported("UpdateOffset"))
}

/// GetOffset.
pub(super) async fn get(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::GetOffsetRequest,
) -> Result<v2::GetOffsetResponse, Fault> {
    Err(Fault::not_supported("GetOffset"))
}

/// QueryOffset.
pub(super) async fn query(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::QueryOffsetRequest,
) -> Result<v2::QueryOffsetResponse, Fault> {
    Err(Fault::not_supported("QueryOffset"))
}
