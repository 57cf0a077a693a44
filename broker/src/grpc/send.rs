//! Producing.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// SendMessage.
pub(super) async fn send(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::SendMessageRequest,
) -> Result<v2::SendMessageResponse, Fault> {
    Err(Fault::not_supported("SendMessage"))
}
