//! Receiving messages, and waiting for some where there are none: POP, with what Apache's proxy does around it.

use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::receive_message_response::Content;
use bolide_proto::v2::{self, ClientType, Code};
use bolide_remoting::body::SubscriptionGroupConfig;
use bolide_store::record::RecordView;
use bytes::Bytes;

use super::message::{Delivery, timestamp, without_digest};
use super::{Caller, Fault, digest, heartbeat, ok, receipt, resource};
use crate::broker::Broker;
use crate::lite;
use crate::message::records;
use crate::pop::waiting::Scope;
use crate::pop::{self, Batch, Popped, Receipt, Subject, Taken, Wanted};
use crate::refusal::Refusal;

/// As many messages as one POP may take.
const MAX_BATCH: i32 = 32;
/// What a client waits for an answer beside the time of polling, where it does not say.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// How much earlier than the client gives up the answer leaves.
const MARGIN: Duration = Duration::from_millis(200);
/// Older clients do not know `ILLEGAL_POLLING_TIME`.
const KNOWS_POLLING_TIME: &str = "5.0.3";

/// ReceiveMessage.
pub(super) async fn receive(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: v2::ReceiveMessageRequest,
) -> Result<Vec<v2::ReceiveMessageResponse>, Fault> {
    let queue = request.message_queue.as_ref();
    let topic = resource::topic(queue.and_then(|queue| queue.topic.as_ref()))?;
    let group = resource::group(request.group.as_ref())?;
    let session = broker.grpc.sessions.get(&caller.client_id);
    let settings = session.map(|session| session.settings());
    let kind = settings.as_ref().map(|settings| settings.client_type());
    let is_lite = matches!(kind, Some(ClientType::LitePushConsumer | ClientType::LiteSimpleConsumer));
    let patience = patience(broker, caller, settings.as_deref(), &request)?;
    let renews = request.auto_renew && settings.is_some();
    let invisible_ms = invisible_ms(broker, &request)?;
    let filter = request.filter_expression.as_ref();
    let expression = filter.map(|filter| filter.expression.as_str());
    let subscription = pop::subscription(broker, topic, expression, Some(heartbeat::filter_type(filter)))
        .map_err(|refusal| Fault::new(Code::IllegalFilterExpression, refusal.remark))?;
    pop::check(broker, caller.party(), "pop message", Subject { group, topic, queue: -1 })?;
    let config = match is_lite {
        true => lite::check(broker, topic, group)?,
        false => broker.groups.find(group).ok_or_else(|| Refusal::no_group(group))?,
    };
    let wanted = Wanted {
        party: caller.party().into_owned(),
        scope: Scope { topic: topic.to_owned(), group: group.to_owned() },
        // Clients name a queue, but mean any of the broker's.
        queue: -1,
        max_messages: usize::try_from(request.batch_size.clamp(1, MAX_BATCH)).unwrap_or(1),
        invisible_ms,
        deadline_ms: broker.clock.now_ms().saturating_add(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)),
        may_wait: !patience.is_zero(),
        from_oldest: false,
        subscription,
        // Each lite topic is consumed in order, whatever the group says.
        ordered: is_lite || config.consume_message_orderly,
        attempt: request.attempt_id.clone().filter(|attempt| !attempt.is_empty()),
        holder: renews.then(|| caller.client_id.as_str().into()),
        lite_client: is_lite.then(|| caller.client_id.as_str().into()),
    };
    match pop::receive(broker, wanted.clone()).await? {
        Popped::Full => Err(Fault::new(Code::TooManyRequests, "polling full")),
        Popped::Taken(taken) if taken.count == 0 => Err(Fault::new(Code::MessageNotFound, "no new message")),
        Popped::Taken(taken) => {
            let messages = Handout { broker, caller, wanted: &wanted, taken: &taken, config: &config }.messages();
            if messages.is_empty() {
                return Err(Fault::new(Code::MessageNotFound, "no match message"));
            }
            let status = ok().map(Content::Status);
            let contents = status.into_iter().chain(messages.into_iter().map(Content::Message));
            let contents = contents.chain([Content::DeliveryTimestamp(timestamp(broker.clock.now_ms()))]);
            Ok(contents.map(|content| v2::ReceiveMessageResponse { content: Some(content) }).collect())
        }
    }
}

/// The one answer of a call that is not served.
pub(super) fn fault(fault: Fault) -> v2::ReceiveMessageResponse {
    v2::ReceiveMessageResponse { content: Some(Content::Status(fault.into())) }
}

/// How long the call may wait for messages: what the client says, within the broker's limits, and within the time after which the
/// client gives up.
fn patience(
    broker: &Broker,
    caller: &Caller,
    settings: Option<&v2::Settings>,
    request: &v2::ReceiveMessageRequest,
) -> Result<Duration, Fault> {
    let config = broker.config.get();
    let least = Duration::from_millis(config.grpc_client_consumer_min_long_polling_timeout_ms.unsigned_abs());
    let most = Duration::from_millis(config.grpc_client_consumer_max_long_polling_timeout_ms.unsigned_abs());
    let duration = |duration: Option<bolide_proto::Duration>| duration.and_then(|it| Duration::try_from(it).ok());
    let wanted = duration(request.long_polling_timeout).or_else(|| {
        let request_timeout = duration(settings.and_then(|settings| settings.request_timeout));
        Some(caller.timeout?.saturating_sub(request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT) / 2))
    });
    let wanted = wanted.unwrap_or(most).clamp(least, most.max(least));
    match caller.timeout {
        Some(left) if left < least => {
            let text = "the time until the deadline is not enough for polling: check the network";
            let is_old = caller.version.as_str() < KNOWS_POLLING_TIME;
            Err(Fault::new(if is_old { Code::BadRequest } else { Code::IllegalPollingTime }, text))
        }
        Some(left) => Ok(wanted.min(left.saturating_sub(MARGIN))),
        None => Ok(wanted),
    }
}

/// For how long messages are hidden.
fn invisible_ms(broker: &Broker, request: &v2::ReceiveMessageRequest) -> Result<i64, Fault> {
    let config = broker.config.get();
    if request.auto_renew {
        return Ok(config.default_invisible_time_ms);
    }
    receipt::invisible_ms(broker, request.invisible_duration, config.min_invisible_time_for_recv_ms)
}

/// What a POP took, on its way to a client.
struct Handout<'a> {
    broker: &'a Arc<Broker>,
    caller: &'a Caller,
    wanted: &'a Wanted,
    taken: &'a Taken,
    config: &'a SubscriptionGroupConfig,
}

impl Handout<'_> {
    fn messages(&self) -> Vec<v2::Message> {
        let mut messages = Vec::with_capacity(self.taken.count);
        for batch in &self.taken.batches {
            let records = records(&batch.records).zip(&batch.offsets);
            messages
                .extend(records.filter_map(|((record, view), offset)| self.message(batch, *offset, &record, &view)));
        }
        digest::put(&mut messages);
        messages
    }

    /// A message, unless it is not for the client after all: then it is dealt with here.
    fn message(&self, batch: &Batch, offset: i64, record: &Bytes, view: &RecordView<'_>) -> Option<v2::Message> {
        let Handout { broker, caller, wanted, taken, config } = self;
        let receipt = Receipt::of(broker, wanted, taken, batch, offset, view.physical_offset().0);
        let attempts = match &batch.counts {
            Some(counts) => counts.of(offset),
            None => view.reconsume_times(),
        };
        let done = if !wanted.subscription.names_tag_of(view) {
            receipt.acknowledge(broker, caller.ends.peer)
        } else if config.retry_max_times >= 0 && attempts > config.retry_max_times {
            receipt.give_up(broker, caller.ends.peer)
        } else {
            let delivery = Delivery {
                receipt_handle: Some(receipt.to_string()),
                invisible_ms: Some(wanted.invisible_ms.unsigned_abs()),
                topic: Some(wanted.scope.topic.clone()),
                attempt: Some(attempts.saturating_add(1)),
            };
            return Some(without_digest(record, view, delivery));
        };
        if let Err(error) = done {
            tracing::warn!(topic = %batch.place.topic, offset, "a message is not handed out, nor done with: {error:?}");
        }
        None
    }
}
