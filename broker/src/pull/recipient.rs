//! Where a pull's answer goes that is not answered at once: to a client that speaks remoting, or to whoever awaits it in this process,
//! which is the gRPC front door.

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::Body;
use bolide_store::{QueueId, QueueOffset, QueueRead, ReadError, ReadLimits};
use tokio::sync::oneshot;

use super::{HeldPull, Pull, answer_parked, answer_reset, hold, is_at_end, outcome, read, read_on_blocking_thread};
use crate::broker::Broker;
use crate::filter::Subscription;
use crate::flow;
use crate::quota::Party;
use crate::recipient::Recipient;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// What is read, for a caller in this process. Whether it may be was checked.
pub(crate) struct Asked {
    pub(crate) party: Party<String>,
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) queue: QueueId,
    pub(crate) offset: QueueOffset,
    pub(crate) max_messages: usize,
    pub(crate) subscription: Arc<Subscription>,
    /// How long to wait where there is nothing yet.
    pub(crate) patience: Duration,
}

/// What a pull came to.
#[derive(Debug)]
pub(crate) enum Pulled {
    /// What was read, if anything.
    Read(QueueRead),
    /// An operator has set another offset for the group.
    Reset(i64),
}

// Callers that are gone miss nothing: a pull changes nothing.
impl Recipient<Pulled> {
    pub(super) fn give(self, pull: &Pull<String>, read: QueueRead) {
        match self {
            Recipient::Remoting(reply) => {
                let (code, header) = outcome(pull, &read);
                reply.respond(code, Some(read.status.name()), &header, Body::Many(read.records));
            }
            Recipient::Caller(caller) => drop(caller.send(Ok(Pulled::Read(read)))),
        }
    }

    pub(super) fn give_reset(self, broker: &Broker, pull: &Pull<String>, offset: i64) {
        match self {
            Recipient::Remoting(reply) => answer_reset(broker, pull, offset, reply),
            Recipient::Caller(caller) => drop(caller.send(Ok(Pulled::Reset(offset)))),
        }
    }
}

/// Reads messages, waiting for some where there are none.
///
/// # Errors
/// When nothing can be read.
pub(crate) async fn receive(broker: &Arc<Broker>, asked: Asked) -> Result<Pulled, Refusal> {
    let Asked { party, group, topic, queue, offset, max_messages, subscription, patience } = asked;
    let limits = ReadLimits { max_messages, max_bytes: usize::MAX };
    // The flags are for remoting's answers alone.
    let pull = Pull { party, group, topic, queue, offset, limits, subscription, topic_sys_flag: 0, group_sys_flag: 0 };
    if let Some(offset) = super::take_reset(broker, &pull) {
        return Ok(Pulled::Reset(offset));
    }
    let (caller, pulled) = oneshot::channel();
    let reply = Recipient::Caller(caller);
    flow::check_memory(broker, reply.pending_bytes())?;
    match read(broker, &pull) {
        Ok(read) if !patience.is_zero() && is_at_end(&pull, &read) => {
            let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
            let deadline_ms = broker.clock.now_ms().saturating_add(patience_ms);
            hold(broker, HeldPull { pull, reply, deadline_ms });
        }
        Err(ReadError::Cold) => read_on_blocking_thread(broker, pull, reply),
        result => answer_parked(broker, &pull, result, reply),
    }
    pulled.await.unwrap_or_else(|_| Err(Refusal::unavailable("the broker stops")))
}
