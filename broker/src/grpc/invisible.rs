//! Changing for how long received messages are hidden.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// ChangeInvisibleDuration.
pub(super) async fn change(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::ChangeInvisibleDurationRequest,
) -> Result<v2::ChangeInvisibleDurationResponse, Fault> {
    Err(Fault::not_supported("ChangeInvisibleDuration"))
}
