//! Acknowledging received messages.

use std::sync::Arc;

use bolide_proto::v2::{AckMessageEntry, AckMessageRequest, AckMessageResponse, AckMessageResultEntry, Code};

use super::{Caller, Fault, ok, resource, summary};
use crate::broker::Broker;
use crate::pop::Receipt;

/// How many messages one call may acknowledge.
const MAX_ENTRIES: usize = 1_024;

/// AckMessage. Each entry has a status of its own; the answer's is theirs where they agree.
pub(super) async fn acknowledge(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: AckMessageRequest,
) -> Result<AckMessageResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    if request.entries.is_empty() {
        return Err(Fault::new(Code::BadRequest, "there is no message to acknowledge"));
    }
    if request.entries.len() > MAX_ENTRIES {
        let text =
            format!("{} messages are too many to acknowledge at once: at most {MAX_ENTRIES}", request.entries.len());
        return Err(Fault::new(Code::PayloadTooLarge, text));
    }
    let one = |entry: &AckMessageEntry| -> Result<(), Fault> {
        let receipt = Receipt::parse(broker, &entry.receipt_handle, topic, group)?;
        Ok(receipt.acknowledge(broker, caller.ends.peer)?)
    };
    let entries: Vec<AckMessageResultEntry> = request
        .entries
        .into_iter()
        .map(|entry| AckMessageResultEntry {
            status: one(&entry).map_or_else(|fault| Some(fault.into()), |()| ok()),
            message_id: entry.message_id,
            receipt_handle: entry.receipt_handle,
        })
        .collect();
    Ok(AckMessageResponse { status: summary(entries.iter().flat_map(|entry| &entry.status)), entries })
}
