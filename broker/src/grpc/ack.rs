//! Acknowledging received messages.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// AckMessage.
pub(super) async fn acknowledge(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::AckMessageRequest,
) -> Result<v2::AckMessageResponse, Fault> {
    Err(Fault::not_supported("AckMessage"))
}
