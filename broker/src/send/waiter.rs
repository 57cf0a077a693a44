//! Who is told about a message that is stored, when that is later than at once: through whichever front door it came.

use bolide_remoting::Parked;
use bolide_store::{PhysicalOffset, QueueOffset};
use tokio::sync::oneshot;

use super::receipt::Receipt;
use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// A stored message, as its producer over gRPC is told.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Its offset in its queue; a half message's in the queue of half messages.
    pub(crate) queue_offset: QueueOffset,
    /// Where its record lies.
    pub(crate) physical: PhysicalOffset,
    /// With what it can be taken back, if it waits for a time of its own.
    pub(crate) recall_handle: Option<String>,
    /// The disk has it as far as the configuration promises; otherwise that took too long.
    pub(crate) is_confirmed: bool,
}

/// How a send over gRPC goes.
pub(crate) enum Sending {
    /// The message is stored.
    Done(Sent),
    /// It is stored, and something else must happen before its producer may rely on it.
    Waits(oneshot::Receiver<Result<Sent, Refusal>>),
}

/// A producer that waits.
pub(super) enum Waiter {
    Remoting(Parked),
    Grpc(oneshot::Sender<Result<Sent, Refusal>>),
}

impl Waiter {
    /// The message is stored; `is_confirmed`: as safely as the configuration promises.
    pub(super) fn tell(self, broker: &Broker, receipt: Receipt<'static>, is_confirmed: bool) {
        match self {
            Waiter::Remoting(reply) if is_confirmed => receipt.answer(broker, reply),
            Waiter::Remoting(reply) => receipt.answer_late(broker, reply),
            // Who asked may be gone.
            Waiter::Grpc(waiting) => drop(waiting.send(Ok(receipt.sent(is_confirmed)))),
        }
    }

    pub(super) fn refuse(self, refusal: Refusal) {
        match self {
            Waiter::Remoting(reply) => reply.refuse(refusal),
            Waiter::Grpc(waiting) => drop(waiting.send(Err(refusal))),
        }
    }
}
