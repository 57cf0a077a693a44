//! The methods of `apache.rocketmq.v2.MessagingService`: each finds out who calls, hands the request to its room, and makes an answer
//! of the fault where there is one.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use bolide_proto::v2::{self, Code, messaging_service_server::MessagingService};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::calls::survive;
use super::{
    Caller, Fault, ack, assignment, dead_letter, heartbeat, invisible, lite, offset, permission, pull, recall, receive,
    route, send, telemetry, transaction,
};
use crate::broker::Broker;

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service, for all connections.
#[derive(Clone)]
pub(super) struct Messaging(pub(super) Arc<Broker>);

/// An answer that can say why there is none.
trait Answer {
    fn of_fault(fault: Fault) -> Self;
}

/// Writes the methods with one answer: `rpc name in room::function(Request) -> Response`.
macro_rules! unary {
    ($($method:ident($request:ident) -> $response:ident = $room:ident::$function:ident;)*) => {
        $(
            // Some answers are a status alone.
            #[allow(clippy::needless_update)]
            impl Answer for v2::$response {
                fn of_fault(fault: Fault) -> Self {
                    v2::$response { status: Some(fault.into()), ..Default::default() }
                }
            }
        )*

        #[tonic::async_trait]
        impl MessagingService for Messaging {
            $(
                async fn $method(&self, request: Request<v2::$request>) -> Result<Response<v2::$response>, Status> {
                    let answer = answered(async {
                        let caller = permission::admit(&self.0, &request)?;
                        $room::$function(&self.0, &caller, request.into_inner()).await
                    });
                    Ok(Response::new(answer.await.unwrap_or_else(Answer::of_fault)))
                }
            )*

            type ReceiveMessageStream = Answers<v2::ReceiveMessageResponse>;

            async fn receive_message(
                &self,
                request: Request<v2::ReceiveMessageRequest>,
            ) -> Result<Response<Self::ReceiveMessageStream>, Status> {
                let answers = answered(async {
                    let caller = permission::admit(&self.0, &request)?;
                    receive::receive(&self.0, &caller, request.into_inner()).await
                });
                Ok(stream(answers.await.unwrap_or_else(|fault| vec![receive::fault(fault)])))
            }

            type PullMessageStream = Answers<v2::PullMessageResponse>;

            async fn pull_message(
                &self,
                request: Request<v2::PullMessageRequest>,
            ) -> Result<Response<Self::PullMessageStream>, Status> {
                let answers = answered(async {
                    let caller = permission::admit(&self.0, &request)?;
                    pull::pull(&self.0, &caller, request.into_inner()).await
                });
                Ok(stream(answers.await.unwrap_or_else(|fault| vec![pull::fault(fault)])))
            }

            type TelemetryStream = Answers<v2::TelemetryCommand>;

            async fn telemetry(
                &self,
                request: Request<Streaming<v2::TelemetryCommand>>,
            ) -> Result<Response<Self::TelemetryStream>, Status> {
                let caller = Caller::of(&request).map_err(|fault| Status::invalid_argument(fault.message))?;
                let guest = permission::admit_stream(&self.0, &caller, &request);
                let guest = guest.map_err(|fault| Status::unauthenticated(fault.message))?;
                let commands = telemetry::serve(&self.0, caller, guest, request.into_inner());
                Ok(Response::new(Box::pin(commands)))
            }
        }
    };
}

unary! {
    query_route(QueryRouteRequest) -> QueryRouteResponse = route::query;
    heartbeat(HeartbeatRequest) -> HeartbeatResponse = heartbeat::heartbeat;
    notify_client_termination(NotifyClientTerminationRequest) -> NotifyClientTerminationResponse = heartbeat::terminate;
    send_message(SendMessageRequest) -> SendMessageResponse = send::send;
    end_transaction(EndTransactionRequest) -> EndTransactionResponse = transaction::end;
    recall_message(RecallMessageRequest) -> RecallMessageResponse = recall::recall;
    query_assignment(QueryAssignmentRequest) -> QueryAssignmentResponse = assignment::query;
    ack_message(AckMessageRequest) -> AckMessageResponse = ack::acknowledge;
    change_invisible_duration(ChangeInvisibleDurationRequest) -> ChangeInvisibleDurationResponse = invisible::change;
    forward_message_to_dead_letter_queue(ForwardMessageToDeadLetterQueueRequest)
        -> ForwardMessageToDeadLetterQueueResponse = dead_letter::forward;
    sync_lite_subscription(SyncLiteSubscriptionRequest) -> SyncLiteSubscriptionResponse = lite::synchronize;
    update_offset(UpdateOffsetRequest) -> UpdateOffsetResponse = offset::update;
    get_offset(GetOffsetRequest) -> GetOffsetResponse = offset::get;
    query_offset(QueryOffsetRequest) -> QueryOffsetResponse = offset::query;
}

/// What a request came to. One that panics is answered, too.
async fn answered<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let panicked = || Err(Fault::new(Code::InternalServerError, "the broker made a mistake; its log says which"));
    survive(work).await.unwrap_or_else(panicked)
}

fn stream<T: Send + 'static>(answers: Vec<T>) -> Response<Answers<T>> {
    Response::new(Box::pin(tokio_stream::iter(answers).map(Ok)))
}
