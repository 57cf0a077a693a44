//! Giving up messages that cannot be consumed.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// ForwardMessageToDeadLetterQueue.
pub(super) async fn forward(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::ForwardMessageToDeadLetterQueueRequest,
) -> Result<v2::ForwardMessageToDeadLetterQueueResponse, Fault> {
    Err(Fault::not_supported("ForwardMessageToDeadLetterQueue"))
}
