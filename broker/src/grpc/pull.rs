//! Reading a queue by offset, which the client keeps for itself.

use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::pull_message_response::Content;
use bolide_proto::v2::{Code, PullMessageRequest, PullMessageResponse};
use bolide_store::{QueueOffset, ReadStatus};

use super::message::{Delivery, without_digest};
use super::{Caller, Fault, digest, heartbeat, offset, ok, resource};
use crate::broker::Broker;
use crate::message::records;
use crate::pop::{self, Subject};
use crate::pull::{Asked, Pulled, receive};

/// As many messages as one call may ask for.
const MAX_BATCH: i32 = 32;
/// How much earlier than the client gives up the answer leaves.
const MARGIN: Duration = Duration::from_millis(200);

/// PullMessage. The last answer of the stream says where to read next.
pub(super) async fn pull(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: PullMessageRequest,
) -> Result<Vec<PullMessageResponse>, Fault> {
    let (topic, queue) = offset::queue(broker, request.message_queue.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    pop::check(broker, caller.party(), "pulling message", Subject { group, topic, queue: queue.0 })?;
    let filter = request.filter_expression.as_ref();
    let expression = filter.map(|filter| filter.expression.as_str());
    let subscription = pop::subscription(broker, topic, expression, Some(heartbeat::filter_type(filter)))
        .map_err(|refusal| Fault::new(Code::IllegalFilterExpression, refusal.remark))?;
    let asked = Asked {
        party: caller.party().into_owned(),
        group: group.to_owned(),
        topic: topic.to_owned(),
        queue,
        offset: QueueOffset(request.offset),
        max_messages: usize::try_from(request.batch_size.clamp(1, MAX_BATCH)).unwrap_or(1),
        subscription,
        patience: patience(broker, caller, &request),
    };
    let (contents, next) = match receive(broker, asked).await? {
        Pulled::Reset(next) => (vec![status(Code::IllegalOffset, "an operator has set another offset")], next),
        Pulled::Read(read) => {
            let contents = match read.status {
                ReadStatus::Found => {
                    let messages = records(&read.records);
                    let message = |(record, view)| without_digest(&record, &view, Delivery::default());
                    let mut messages: Vec<_> = messages.map(message).collect();
                    digest::put(&mut messages);
                    ok().map(Content::Status).into_iter().chain(messages.into_iter().map(Content::Message)).collect()
                }
                ReadStatus::OverflowBadly | ReadStatus::TooSmall => {
                    vec![status(Code::IllegalOffset, read.status.name())]
                }
                status => vec![self::status(Code::MessageNotFound, status.name())],
            };
            (contents, read.next_offset.0)
        }
    };
    let contents = contents.into_iter().chain([Content::NextOffset(next)]);
    Ok(contents.map(|content| PullMessageResponse { content: Some(content) }).collect())
}

/// The one answer of a call that is not served.
pub(super) fn fault(fault: Fault) -> PullMessageResponse {
    PullMessageResponse { content: Some(Content::Status(fault.into())) }
}

fn status(code: Code, message: &'static str) -> Content {
    Content::Status(Fault::new(code, message).into())
}

/// How long the call may wait for a message: as long as the client wants, within the broker's limit and the client's deadline.
fn patience(broker: &Broker, caller: &Caller, request: &PullMessageRequest) -> Duration {
    let wanted = request.long_polling_timeout.and_then(|wanted| Duration::try_from(wanted).ok()).unwrap_or_default();
    let most_ms = broker.config.get().grpc_client_consumer_max_long_polling_timeout_ms.unsigned_abs();
    let left = caller.timeout.map_or(Duration::MAX, |left| left.saturating_sub(MARGIN));
    wanted.min(Duration::from_millis(most_ms)).min(left)
}
