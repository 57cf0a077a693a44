//! Where an answer goes that is not given at once: to a client that speaks remoting, or to whoever awaits it in this process, which is
//! the gRPC front door. What an answer is, each kind of request says itself.

use bolide_remoting::Parked;
use tokio::sync::oneshot;

use crate::refusal::Refusal;
use crate::reply::Respond;

/// Who gets an answer that is given later.
pub(crate) enum Recipient<T> {
    Remoting(Parked),
    Caller(oneshot::Sender<Result<T, Refusal>>),
}

impl<T> From<Parked> for Recipient<T> {
    fn from(reply: Parked) -> Self {
        Recipient::Remoting(reply)
    }
}

impl<T> Recipient<T> {
    /// How many bytes the client has not read yet; of a caller it is not known.
    pub(crate) fn pending_bytes(&self) -> usize {
        match self {
            Recipient::Remoting(reply) => reply.connection().pending_output_bytes(),
            Recipient::Caller(_) => usize::MAX,
        }
    }

    /// Whether anybody is still there.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Recipient::Remoting(reply) => reply.connection().is_open(),
            Recipient::Caller(caller) => !caller.is_closed(),
        }
    }

    /// Nobody is there any more.
    pub(crate) fn forget(self) {
        if let Recipient::Remoting(reply) = self {
            reply.forget();
        }
    }

    /// Says that the request is not served.
    pub(crate) fn refuse(self, refusal: impl Into<Refusal>) {
        match self {
            Recipient::Remoting(reply) => reply.refuse(refusal),
            // Whoever is gone misses nothing.
            Recipient::Caller(caller) => drop(caller.send(Err(refusal.into()))),
        }
    }
}
