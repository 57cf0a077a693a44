//! Giving up on messages: consumers in order send those away that they could not handle.

use std::sync::Arc;

use bolide_proto::v2::{Code, ForwardMessageToDeadLetterQueueRequest, ForwardMessageToDeadLetterQueueResponse};

use super::{Caller, Fault, ok, resource};
use crate::broker::Broker;
use crate::pop::Receipt;

/// ForwardMessageToDeadLetterQueue.
pub(super) async fn forward(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: ForwardMessageToDeadLetterQueueRequest,
) -> Result<ForwardMessageToDeadLetterQueueResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    let receipt = Receipt::parse(broker, &request.receipt_handle, topic, group)?;
    let (broker, peer) = (broker.clone(), caller.ends.peer);
    let given_up = tokio::task::spawn_blocking(move || receipt.give_up(&broker, peer)).await;
    given_up.map_err(|error| Fault::new(Code::InternalServerError, error.to_string()))??;
    Ok(ForwardMessageToDeadLetterQueueResponse { status: ok() })
}
