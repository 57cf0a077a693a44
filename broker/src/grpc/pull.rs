//! Reading a queue by offset.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// PullMessage.
pub(super) async fn pull(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::PullMessageRequest,
) -> Result<Vec<v2::PullMessageResponse>, Fault> {
    Err(Fault::not_supported("PullMessage"))
}

/// The one answer of a call that is not served.
pub(super) fn fault(fault: Fault) -> v2::PullMessageResponse {
    v2::PullMessageResponse { content: Some(v2::pull_message_response::Content::Status(fault.into())) }
}
