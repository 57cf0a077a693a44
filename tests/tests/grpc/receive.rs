//! Consuming: by POP, with handles that outlive the broker, and by offset.

use bolide_proto::Duration;
use bolide_proto::v2::pull_message_response::Content as Pulled;
use bolide_proto::v2::receive_message_response::Content;
use bolide_proto::v2::{
    AckMessageEntry, AckMessageRequest, AckMessageResponse, ChangeInvisibleDurationRequest, Code, GetOffsetRequest,
    Message, MessageQueue, PullMessageRequest, QueryAssignmentRequest, QueryOffsetPolicy, QueryOffsetRequest,
    ReceiveMessageRequest, SystemProperties, UpdateOffsetRequest,
};
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;

use crate::channel::{Client, call};
use crate::{LIMIT, broker, code, connect, create, message, resource, send};

const CLIENT: &str = "consumer@1";
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    ("grpcClientConsumerMinLongPollingTimeoutMillis", "0"),
    ("minInvisibleTimeMillsForRecv", "1000"),
    ("defaultInvisibleTimeMills", "3000"),
];

/// A question for messages of the topic `plain`, which are hidden for a minute and not waited for.
fn wanted() -> ReceiveMessageRequest {
    ReceiveMessageRequest {
        group: resource("g"),
        message_queue: queue(-1),
        batch_size: 32,
        invisible_duration: Some(seconds(60)),
        long_polling_timeout: Some(seconds(0)),
        ..ReceiveMessageRequest::default()
    }
}

fn queue(id: i32) -> Option<MessageQueue> {
    Some(MessageQueue { topic: resource("plain"), id, ..MessageQueue::default() })
}

pub(crate) fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// The status of an answer, and its messages.
async fn receive(client: &mut Client, request: ReceiveMessageRequest) -> (Code, Vec<Message>) {
    receive_as(client, CLIENT, request).await
}

pub(crate) async fn receive_as(
    client: &mut Client,
    client_id: &str,
    request: ReceiveMessageRequest,
) -> (Code, Vec<Message>) {
    answers(client, call(client_id, request)).await
}

pub(crate) async fn answers(
    client: &mut Client,
    request: tonic::Request<ReceiveMessageRequest>,
) -> (Code, Vec<Message>) {
    let mut stream = client.receive_message(request).await.unwrap().into_inner();
    let (mut status, mut messages) = (None, Vec::new());
    while let Some(answer) = stream.message().await.unwrap() {
        match answer.content.unwrap() {
            Content::Status(said) => status = Some(said),
            Content::Message(message) => messages.push(message),
            Content::DeliveryTimestamp(_) => {}
        }
    }
    (code(status), messages)
}

fn system(message: &Message) -> &SystemProperties {
    message.system_properties.as_ref().unwrap()
}

fn handle(message: &Message) -> String {
    system(message).receipt_handle.clone().unwrap()
}

async fn acknowledge(client: &mut Client, handles: &[String]) -> AckMessageResponse {
    let entry = |handle: &String| AckMessageEntry { receipt_handle: handle.clone(), ..AckMessageEntry::default() };
    let entries = handles.iter().map(entry).collect();
    let request = AckMessageRequest { group: resource("g"), topic: resource("plain"), entries };
    client.ack_message(call(CLIENT, request)).await.unwrap().into_inner()
}

async fn with_messages(server: &Server, bodies: &[&str]) -> Client {
    create(server, "plain", "NORMAL").await;
    let mut client = connect(server).await;
    for body in bodies {
        let sent = send(&mut client, vec![message("plain", body, SystemProperties::default())]).await;
        assert_eq!(code(sent.status), Code::Ok);
    }
    client
}

#[tokio::test]
async fn what_is_received_is_hidden_until_its_time_is_up_or_it_is_acknowledged() {
    let folder = Folder::new("grpc-receive");
    let server = broker(&folder, &SETTINGS);
    let mut client = with_messages(&server, &["one", "two"]).await;
    let (status, messages) = receive(&mut client, wanted()).await;
    assert_eq!((status, messages.len()), (Code::Ok, 2));
    for message in &messages {
        let system = system(message);
        assert_eq!((system.delivery_attempt, system.invisible_duration), (Some(1), Some(seconds(60))));
        assert_eq!(message.user_properties["colour"], "blue");
    }
    assert_eq!(receive(&mut client, wanted()).await, (Code::MessageNotFound, vec![]));
    let changing = ChangeInvisibleDurationRequest {
        group: resource("g"),
        topic: resource("plain"),
        receipt_handle: handle(&messages[0]),
        invisible_duration: Some(seconds(0)),
        ..ChangeInvisibleDurationRequest::default()
    };
    let changed = client.change_invisible_duration(call(CLIENT, changing)).await.unwrap().into_inner();
    assert_eq!(code(changed.status), Code::Ok);
    let again = ReceiveMessageRequest { long_polling_timeout: Some(seconds(20)), ..wanted() };
    let (_, again) = receive(&mut client, again).await;
    assert_eq!(again.iter().map(|message| &message.body).collect::<Vec<_>>(), [&messages[0].body]);
    assert_eq!(system(&again[0]).delivery_attempt, Some(2));
    assert_eq!(again[0].topic, resource("plain"), "not the retry topic");
    let handles = [handle(&messages[1]), changed.receipt_handle, handle(&again[0]), "nonsense".to_owned()];
    let answer = acknowledge(&mut client, &handles).await;
    let codes: Vec<Code> = answer.entries.into_iter().map(|entry| code(entry.status)).collect();
    assert_eq!(codes, [Code::Ok, Code::InvalidReceiptHandle, Code::Ok, Code::InvalidReceiptHandle]);
    assert_eq!(code(answer.status), Code::MultipleResults);
}

#[tokio::test]
async fn a_wait_ends_with_the_message_that_comes() {
    let folder = Folder::new("grpc-wait");
    let server = broker(&folder, &SETTINGS);
    let mut client = with_messages(&server, &[]).await;
    let waiting = tokio::spawn({
        let mut client = connect(&server).await;
        let patient = ReceiveMessageRequest { long_polling_timeout: Some(seconds(20)), ..wanted() };
        async move { receive(&mut client, patient).await }
    });
    send(&mut client, vec![message("plain", "late", SystemProperties::default())]).await;
    let (status, messages) = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!((status, &messages[0].body[..]), (Code::Ok, &b"late"[..]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let folder = Folder::new("grpc-receive-refused");
    let server = broker(&folder, &SETTINGS);
    let mut client = with_messages(&server, &[]).await;
    let elsewhere = Some(MessageQueue { topic: resource("elsewhere"), ..MessageQueue::default() });
    let refusals = [
        (Code::TopicNotFound, ReceiveMessageRequest { message_queue: elsewhere, ..wanted() }),
        (Code::IllegalTopic, ReceiveMessageRequest { message_queue: None, ..wanted() }),
        (Code::IllegalConsumerGroup, ReceiveMessageRequest { group: None, ..wanted() }),
        (Code::IllegalInvisibleTime, ReceiveMessageRequest { invisible_duration: None, ..wanted() }),
        (Code::IllegalInvisibleTime, ReceiveMessageRequest { invisible_duration: Some(seconds(43_201)), ..wanted() }),
    ];
    for (expected, request) in refusals {
        assert_eq!(receive(&mut client, request).await, (expected, vec![]));
    }
    assert_eq!(code(acknowledge(&mut client, &[]).await.status), Code::BadRequest);
}

#[tokio::test]
async fn a_message_that_a_client_holds_outlives_the_broker_and_so_does_its_handle() {
    let folder = Folder::new("grpc-held");
    let mut server = broker(&folder, &SETTINGS);
    let mut client = with_messages(&server, &["held"]).await;
    let settings = crate::telemetry::consumer("g", "plain");
    let (telemetry, _) = crate::telemetry::Telemetry::open(&mut client, CLIENT, settings.clone()).await;
    let (status, held) = receive(&mut client, ReceiveMessageRequest { auto_renew: true, ..wanted() }).await;
    assert_eq!((status, held.len()), (Code::Ok, 1));
    drop((telemetry, client));
    server.kill();
    // Longer than the message was hidden for.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    server.start_again();
    let mut client = connect(&server).await;
    let patient = ReceiveMessageRequest { long_polling_timeout: Some(seconds(2)), ..wanted() };
    assert_eq!(receive(&mut client, patient.clone()).await, (Code::MessageNotFound, vec![]));
    let (_telemetry, _) = crate::telemetry::Telemetry::open(&mut client, CLIENT, settings).await;
    let answer = acknowledge(&mut client, &[handle(&held[0])]).await;
    assert_eq!(code(answer.status), Code::Ok, "{:?}", answer.entries);
    server.kill();
    server.start_again();
    let mut client = connect(&server).await;
    assert_eq!(receive(&mut client, patient).await, (Code::MessageNotFound, vec![]), "it is done");
}

#[tokio::test]
async fn queues_are_read_by_offset_and_assigned_as_a_whole() {
    let folder = Folder::new("grpc-pull");
    let server = broker(&folder, &SETTINGS);
    let mut client = with_messages(&server, &["one", "two", "three"]).await;
    let asked = QueryAssignmentRequest { topic: resource("plain"), group: resource("g"), endpoints: None };
    let assigned = client.query_assignment(call(CLIENT, asked)).await.unwrap().into_inner();
    let ids: Vec<i32> = assigned.assignments.into_iter().map(|assigned| assigned.message_queue.unwrap().id).collect();
    assert_eq!(ids, [-1]);
    let mut bodies = Vec::new();
    for id in 0..2 {
        let end = QueryOffsetRequest {
            message_queue: queue(id),
            query_offset_policy: QueryOffsetPolicy::End.into(),
            ..QueryOffsetRequest::default()
        };
        let end = client.query_offset(call(CLIENT, end)).await.unwrap().into_inner().offset;
        let known = GetOffsetRequest { group: resource("g"), message_queue: queue(id) };
        let none = client.get_offset(call(CLIENT, known.clone())).await.unwrap().into_inner();
        assert_eq!(code(none.status), Code::OffsetNotFound);
        let request =
            PullMessageRequest { group: resource("g"), message_queue: queue(id), batch_size: 32, ..Default::default() };
        let mut stream = client.pull_message(call(CLIENT, request)).await.unwrap().into_inner();
        let mut next = None;
        while let Some(answer) = stream.message().await.unwrap() {
            match answer.content.unwrap() {
                Pulled::Message(message) => bodies.push(String::from_utf8(message.body.to_vec()).unwrap()),
                Pulled::NextOffset(offset) => next = Some(offset),
                Pulled::Status(status) => assert_eq!(status.code() == Code::Ok, end > 0),
            }
        }
        assert_eq!(next, Some(end));
        let update = UpdateOffsetRequest { group: resource("g"), message_queue: queue(id), offset: end };
        let updated = client.update_offset(call(CLIENT, update)).await.unwrap().into_inner();
        assert_eq!(code(updated.status), Code::Ok);
        assert_eq!(client.get_offset(call(CLIENT, known)).await.unwrap().into_inner().offset, end);
    }
    bodies.sort();
    assert_eq!(bodies, ["one", "three", "two"]);
}
