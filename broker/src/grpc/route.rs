//! Where a topic's queues are.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// QueryRoute.
pub(super) async fn query(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::QueryRouteRequest,
) -> Result<v2::QueryRouteResponse, Fault> {
    Err(Fault::not_supported("QueryRoute"))
}
