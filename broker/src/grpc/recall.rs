//! Taking back a message whose time has not come.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// RecallMessage.
pub(super) async fn recall(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::RecallMessageRequest,
) -> Result<v2::RecallMessageResponse, Fault> {
    Err(Fault::not_supported("RecallMessage"))
}
