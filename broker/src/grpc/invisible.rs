//! Changing for how long a received message is hidden from others.

use std::sync::Arc;

use bolide_proto::v2::{ChangeInvisibleDurationRequest, ChangeInvisibleDurationResponse};

use super::{Caller, Fault, ok, receipt, resource};
use crate::broker::Broker;
use crate::pop::Receipt;

/// ChangeInvisibleDuration. The message's time is the client's affair from then on: it is not renewed any more.
pub(super) async fn change(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: ChangeInvisibleDurationRequest,
) -> Result<ChangeInvisibleDurationResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    let invisible_ms = receipt::invisible_ms(broker, request.invisible_duration, 0)?;
    let receipt = Receipt::parse(broker, &request.receipt_handle, topic, group)?;
    let changed = receipt.change(broker, caller.ends.peer, invisible_ms, request.suspend.unwrap_or(false))?;
    Ok(ChangeInvisibleDurationResponse { status: ok(), receipt_handle: changed.to_string() })
}
