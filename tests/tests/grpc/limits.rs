//! Quotas over gRPC: what is beyond them is answered TOO_MANY_REQUESTS, on which clients wait before they try again.

use bolide_proto::v2::pull_message_response::Content;
use bolide_proto::v2::{MessageQueue, PullMessageRequest, ReceiveMessageRequest};
use bolide_remoting::signing::{Credentials, sign};
use bolide_remoting::{Body, RequestCode};
use bolide_tests::proxy::{header_1, in_front_of};
use bolide_tests::wire::Form;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::receive::{SETTINGS, receive_as, seconds};
use super::*;

async fn set_quotas(wire: &Wire, quotas: &str) {
    let body = format!("quotas={quotas}").into_bytes();
    wire.succeed(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), body).await;
}

async fn send_one(client: &mut Client) -> Code {
    code(send(client, vec![message("plain", &"x".repeat(100), SystemProperties::default())]).await.status)
}

fn queue() -> Option<MessageQueue> {
    Some(MessageQueue { topic: resource("plain"), ..MessageQueue::default() })
}

async fn receive(client: &mut Client) -> Code {
    let request = ReceiveMessageRequest {
        group: resource("g"),
        message_queue: queue(),
        batch_size: 1,
        invisible_duration: Some(seconds(60)),
        long_polling_timeout: Some(seconds(0)),
        ..ReceiveMessageRequest::default()
    };
    receive_as(client, "reader", request).await.0
}

async fn pull(client: &mut Client) -> Code {
    let request = PullMessageRequest {
        group: resource("g"),
        message_queue: queue(),
        batch_size: 1,
        ..PullMessageRequest::default()
    };
    let mut answers = client.pull_message(call("reader", request)).await.unwrap().into_inner();
    match answers.message().await.unwrap().unwrap().content {
        Some(Content::Status(status)) => status.code(),
        other => panic!("{other:?}"),
    }
}

/// A byte a second: whoever had a message of a hundred waits for longer than this test takes.
#[tokio::test]
async fn what_is_beyond_a_quota_is_too_many_requests() {
    let folder = Folder::new("grpc-quotas");
    let server = broker(&folder, &SETTINGS);
    let wire = create(&server, "plain", "NORMAL").await;
    let mut client = connect(&server).await;
    // Of the topic's two queues, in turns.
    for _ in 0..8 {
        assert_eq!(send_one(&mut client).await, Code::Ok);
    }
    let (ok, busy) = (Code::Ok, Code::TooManyRequests);
    for rule in ["topic:plain=0/1", "client:127.0.0.1=0/1"] {
        set_quotas(&wire, rule).await;
        assert_eq!([send_one(&mut client).await, send_one(&mut client).await], [ok, busy], "{rule}");
    }
    for rule in ["topic-reads:*=0/1", "group:g=0/1"] {
        set_quotas(&wire, rule).await;
        let seen = [receive(&mut client).await, receive(&mut client).await, pull(&mut client).await];
        assert_eq!(seen, [ok, busy, busy], "{rule}");
    }
    set_quotas(&wire, "client-reads:*=0/1").await;
    let seen = [pull(&mut client).await, pull(&mut client).await, receive(&mut client).await];
    assert_eq!(seen, [ok, busy, busy]);
    set_quotas(&wire, "").await;
    assert_eq!([send_one(&mut client).await, receive(&mut client).await, pull(&mut client).await], [ok, ok, ok]);
}

/// An address has so many connections over both protocols together.
#[tokio::test]
async fn connections_count_together_with_those_over_remoting() {
    let folder = Folder::new("grpc-connections");
    let server = broker(&folder, &[("quotas", "client:10.10.103.9=0/0/2")]);
    create(&server, "plain", "NORMAL").await;
    let header = header_1("10.10.103.9");
    let remoting = Wire::dial(&in_front_of(&server.address(), header.clone()).await).await;
    remoting.succeed(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Body::Empty).await;
    let proxy = in_front_of(&grpc_address(&server.address()), header).await;
    let mut client = Channel::plain(&proxy).await.client();
    assert_eq!(code(route(&mut client, "plain", None).await.status), Code::Ok);
    let mut third = TcpStream::connect(&proxy).await.unwrap();
    third.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let end = tokio::time::timeout(LIMIT, third.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "it is closed: {end:?}");
    assert_eq!(code(route(&mut client, "plain", None).await.status), Code::Ok);
    drop(remoting);
    // Its place is free as soon as the broker has noticed.
    loop {
        let mut next = TcpStream::connect(&proxy).await.unwrap();
        next.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        if matches!(next.read(&mut [0]).await, Ok(1)) {
            break;
        }
    }
}

/// Asks for a route as a user; `None`: the connection is closed.
async fn route_as_user(client: &mut Client, user: &str) -> Option<Code> {
    let mut request = call("anybody", QueryRouteRequest { topic: resource("absent"), endpoints: None });
    let date = "20260101T000000Z";
    let digits = sign("secret", [date.as_bytes()].into_iter()).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").unwrap();
        text
    });
    let signed = format!("MQv2-HMAC-SHA1 Credential={user}, SignedHeaders=x-mq-date-time, Signature={digits}");
    request.metadata_mut().insert("x-mq-date-time", date.parse().unwrap());
    request.metadata_mut().insert("authorization", signed.parse().unwrap());
    client.query_route(request).await.ok().map(|answer| code(answer.into_inner().status))
}

/// A user has so many connections over both protocols together; one more is told so, and closed.
#[tokio::test]
async fn connections_of_a_user_count_together_with_those_over_remoting() {
    let folder = Folder::new("grpc-user-connections");
    let settings = [
        ("authenticationEnabled", "true"),
        ("initAuthenticationUser", r#"{"username":"ann","password":"secret"}"#),
        ("innerClientAuthenticationCredentials", r#"{"accessKey":"bob","secretKey":"secret"}"#),
        ("quotas", "user:ann=0/0/2"),
    ];
    let server = broker(&folder, &settings);
    let remoting = Wire::connect(&server).await;
    let ann = Credentials { access_key: "ann".to_owned(), secret_key: "secret".to_owned() };
    let form = Form::of(&[]).signed(&ann, &Body::Empty);
    remoting.succeed(RequestCode::GET_BROKER_CONFIG, &form, Body::Empty).await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    let served = Some(Code::TopicNotFound);
    assert_eq!(route_as_user(&mut first, "ann").await, served);
    assert_eq!(route_as_user(&mut second, "ann").await, Some(Code::TooManyRequests));
    // What is asked in the very moment may still be refused.
    while let Some(code) = route_as_user(&mut second, "bob").await {
        assert_eq!(code, Code::TooManyRequests);
    }
    assert_eq!(route_as_user(&mut first, "ann").await, served);
    drop(remoting);
    // Its place is free as soon as the broker has noticed.
    while route_as_user(&mut connect(&server).await, "ann").await != served {}
}
