//! Taking back a message whose time has not come.

use std::sync::Arc;

use bolide_proto::v2::{RecallMessageRequest, RecallMessageResponse};

use super::{Caller, Fault, ok, resource};
use crate::broker::Broker;
use crate::timer::recall;

/// RecallMessage.
pub(super) async fn recall(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: RecallMessageRequest,
) -> Result<RecallMessageResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let message_id = recall::recall_message(broker, caller.ends.peer, topic, topic, &request.recall_handle)?;
    Ok(RecallMessageResponse { status: ok(), message_id })
}
