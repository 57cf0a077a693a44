//! Which queues a consumer receives from.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// QueryAssignment.
pub(super) async fn query(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::QueryAssignmentRequest,
) -> Result<v2::QueryAssignmentResponse, Fault> {
    Err(Fault::not_supported("QueryAssignment"))
}
