//! Receiving messages, and waiting for some where there are none.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// ReceiveMessage.
pub(super) async fn receive(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::ReceiveMessageRequest,
) -> Result<Vec<v2::ReceiveMessageResponse>, Fault> {
    Err(Fault::not_supported("ReceiveMessage"))
}

/// The one answer of a call that is not served.
pub(super) fn fault(fault: Fault) -> v2::ReceiveMessageResponse {
    v2::ReceiveMessageResponse { content: Some(v2::receive_message_response::Content::Status(fault.into())) }
}
