//! Transactions: ending them, and asking producers about those that stay open. A transaction's id says where its half message lies, so
//! that nothing about it has to be remembered here: any broker process that has the files can end it.

use std::sync::Arc;

use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{
    Code, EndTransactionRequest, EndTransactionResponse, RecoverOrphanedTransactionCommand, TransactionResolution,
    TransactionSource,
};
use bolide_store::record::RecordView;
use bolide_store::{PhysicalOffset, QueueOffset};
use bytes::Bytes;

use super::message::{self, Delivery};
use super::session::{Session, TellError};
use super::{Caller, Fault, known, ok, resource};
use crate::broker::Broker;
use crate::transaction::ledger::Half;
use crate::transaction::{self, Ending};

/// Where a transaction's half message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TransactionId {
    pub(super) queue_offset: QueueOffset,
    pub(super) physical: PhysicalOffset,
}

impl TransactionId {
    /// The text that a client keeps; `message_id` is for people.
    pub(super) fn encode(self, message_id: &str) -> String {
        format!("{:X}-{:X}-{message_id}", self.queue_offset.0, self.physical.0)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut parts =
            text.splitn(3, '-').map(|part| i64::from_str_radix(part, 16).ok().filter(|number| *number >= 0));
        let (queue_offset, physical) = (parts.next()??, parts.next()??);
        Some(TransactionId { queue_offset: QueueOffset(queue_offset), physical: PhysicalOffset(physical) })
    }
}

/// EndTransaction.
pub(super) async fn end(
    broker: &Arc<Broker>,
    _caller: &Caller,
    request: EndTransactionRequest,
) -> Result<EndTransactionResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let no_id = || Fault::new(Code::InvalidTransactionId, "the transaction id is none that this broker gave");
    let id = TransactionId::decode(&request.transaction_id).ok_or_else(no_id)?;
    let is_commit = match known("resolution", request.resolution)? {
        TransactionResolution::Commit => true,
        TransactionResolution::Rollback => false,
        // The producer does not know yet: it is asked later.
        TransactionResolution::Unspecified => return Ok(EndTransactionResponse { status: ok() }),
    };
    let ending = Ending {
        is_commit,
        producer_group: topic.to_owned(),
        queue_offset: id.queue_offset,
        physical: id.physical,
        from_check: request.source() == TransactionSource::SourceServerCheck,
    };
    transaction::end_now_or_on_blocking_thread(broker, ending).await?;
    Ok(EndTransactionResponse { status: ok() })
}

/// Asks a producer what became of a transaction. `record` is its message as the producer knows it, `half` where it lies now.
pub(crate) fn recover(session: &Session, record: &Bytes, half: &Half) -> Result<(), TellError> {
    let Ok(view) = RecordView::parse(record) else { return Err(TellError::Unreachable) };
    let message = message::outgoing(record, &view, Delivery::default());
    let id = TransactionId { queue_offset: QueueOffset(half.offset), physical: PhysicalOffset(half.physical) };
    let message_id = message.system_properties.as_ref().map_or("", |system| system.message_id.as_str());
    let transaction_id = id.encode(message_id);
    session.tell(Command::RecoverOrphanedTransactionCommand(RecoverOrphanedTransactionCommand {
        message: Some(message),
        transaction_id,
    }))
}

#[cfg(test)]
mod tests;
