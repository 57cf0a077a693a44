//! Who may use the gRPC port: every method wants a signature, health and reflection want none, and a proxy may say who somebody is.

use bolide_proto::v2::{
    AckMessageRequest, ChangeInvisibleDurationRequest, EndTransactionRequest, ForwardMessageToDeadLetterQueueRequest,
    GetOffsetRequest, HeartbeatRequest, NotifyClientTerminationRequest, PullMessageRequest, QueryAssignmentRequest,
    QueryOffsetRequest, ReceiveMessageRequest, SyncLiteSubscriptionRequest, TelemetryCommand, UpdateOffsetRequest,
};
use bolide_proto::v2::{pull_message_response, receive_message_response};
use bolide_tests::proxy::{header_1, header_2, in_front_of};

use super::*;

const SETTINGS: &[(&str, &str)] = &[
    ("authenticationEnabled", "true"),
    ("authorizationEnabled", "true"),
    ("initAuthenticationUser", r#"{"username":"root","password":"secret"}"#),
];

#[tokio::test]
async fn every_method_wants_a_signature() {
    let folder = Folder::new("grpc-unsigned");
    let server = broker(&folder, SETTINGS);
    let mut client = connect(&server).await;
    macro_rules! refused {
        ($($method:ident($request:ty);)*) => {$(
            let answer = client.$method(call("anybody", <$request>::default())).await.unwrap().into_inner();
            assert_eq!(code(answer.status), Code::Unauthorized, stringify!($method));
        )*};
    }
    refused! {
        query_route(QueryRouteRequest);
        heartbeat(HeartbeatRequest);
        notify_client_termination(NotifyClientTerminationRequest);
        send_message(SendMessageRequest);
        end_transaction(EndTransactionRequest);
        recall_message(RecallMessageRequest);
        query_assignment(QueryAssignmentRequest);
        ack_message(AckMessageRequest);
        change_invisible_duration(ChangeInvisibleDurationRequest);
        forward_message_to_dead_letter_queue(ForwardMessageToDeadLetterQueueRequest);
        sync_lite_subscription(SyncLiteSubscriptionRequest);
        update_offset(UpdateOffsetRequest);
        get_offset(GetOffsetRequest);
        query_offset(QueryOffsetRequest);
    }
    let mut received =
        client.receive_message(call("anybody", ReceiveMessageRequest::default())).await.unwrap().into_inner();
    let first = received.message().await.unwrap().unwrap().content;
    let Some(receive_message_response::Content::Status(status)) = first else { panic!("{first:?}") };
    assert_eq!(status.code(), Code::Unauthorized);
    let mut pulled = client.pull_message(call("anybody", PullMessageRequest::default())).await.unwrap().into_inner();
    let first = pulled.message().await.unwrap().unwrap().content;
    let Some(pull_message_response::Content::Status(status)) = first else { panic!("{first:?}") };
    assert_eq!(status.code(), Code::Unauthorized);
    let mut opened = tonic::Request::new(tokio_stream::once(TelemetryCommand::default()));
    opened.metadata_mut().insert("x-mq-client-id", "anybody".parse().unwrap());
    let refused = match client.telemetry(opened).await {
        Ok(answers) => match answers.into_inner().message().await {
            Ok(said) => said.is_some_and(|said| code(said.status) == Code::Unauthorized),
            Err(_) => true,
        },
        Err(_) => true,
    };
    assert!(refused, "telemetry");
    health_and_reflection_answer(&server).await;
}

#[tokio::test]
async fn a_caller_is_whom_the_proxy_says() {
    let folder = Folder::new("grpc-proxy");
    std::fs::create_dir_all(folder.path().join("conf")).unwrap();
    std::fs::write(folder.path().join("conf/plain_acl.yml"), "globalWhiteRemoteAddresses: [10.10.103.*]").unwrap();
    let home = folder.path().display().to_string();
    let server = broker(&folder, &[("aclEnable", "true"), ("rocketmqHome", &home)]);
    let grpc = grpc_address(&server.address());
    for (header, expected) in [
        (header_1("10.10.103.9"), Code::TopicNotFound),
        (header_2([10, 10, 103, 7]), Code::TopicNotFound),
        (header_1("10.10.104.9"), Code::Unauthorized),
    ] {
        let proxy = in_front_of(&grpc, header).await;
        for channel in [Channel::plain(&proxy).await, Channel::tls(&proxy).await] {
            assert_eq!(code(route(&mut channel.client(), "absent", None).await.status), expected);
        }
    }
}
