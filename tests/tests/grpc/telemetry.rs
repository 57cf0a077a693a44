//! Telemetry: settings in both directions, who is a member of what, and the questions that operators and the broker ask.

use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{
    ClientType, Code, EndTransactionRequest, FilterExpression, HeartbeatRequest, MessageType,
    NotifyClientTerminationRequest, Publishing, Settings, Subscription, SubscriptionEntry, SystemProperties,
    TelemetryCommand, ThreadStackTrace, TransactionResolution, TransactionSource,
};
use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::channel::{Client, call};
use crate::{LIMIT, broker, code, connect, create, message, resource, send};

/// A client's Telemetry stream.
pub(crate) struct Telemetry {
    outgoing: mpsc::Sender<TelemetryCommand>,
    incoming: Streaming<TelemetryCommand>,
}

impl Telemetry {
    /// Opens a stream and sends settings; answers with what the broker makes of them.
    pub(crate) async fn open(client: &mut Client, client_id: &str, settings: Settings) -> (Self, Settings) {
        let mut telemetry = Self::begin(client, client_id, Some(Command::Settings(settings))).await;
        match telemetry.hear().await {
            Command::Settings(merged) => (telemetry, merged),
            other => panic!("{other:?}"),
        }
    }

    /// Opens a stream and says nothing, as some clients do that come back.
    async fn open_silently(client: &mut Client, client_id: &str) -> Self {
        Self::begin(client, client_id, None).await
    }

    /// Opens a stream. Apache's proxy answers that only once it has something to say: what the client says first goes ahead.
    async fn begin(client: &mut Client, client_id: &str, first: Option<Command>) -> Self {
        let (outgoing, commands) = mpsc::channel(8);
        if let Some(command) = first {
            say(&outgoing, command).await;
        }
        let opened = client.telemetry(call(client_id, ReceiverStream::new(commands)));
        let opened = tokio::time::timeout(LIMIT, opened).await.expect("the broker answers");
        Telemetry { outgoing, incoming: opened.unwrap().into_inner() }
    }

    async fn say(&self, command: Command) {
        say(&self.outgoing, command).await;
    }

    pub(crate) async fn hear(&mut self) -> Command {
        let heard = tokio::time::timeout(LIMIT, self.incoming.message()).await.expect("the broker says something");
        heard.unwrap().expect("the stream goes on").command.unwrap()
    }
}

async fn say(outgoing: &mpsc::Sender<TelemetryCommand>, command: Command) {
    let status = crate::v2::Status { code: Code::Ok.into(), message: String::new() };
    outgoing.send(TelemetryCommand { status: Some(status), command: Some(command) }).await.unwrap();
}

fn producer(topic: &str) -> Settings {
    let publishing = Publishing { topics: resource(topic).into_iter().collect(), ..Publishing::default() };
    Settings {
        client_type: Some(ClientType::Producer.into()),
        pub_sub: Some(PubSub::Publishing(publishing)),
        ..Settings::default()
    }
}

pub(crate) fn consumer(group: &str, topic: &str) -> Settings {
    let expression = Some(FilterExpression { expression: "red || blue".into(), ..FilterExpression::default() });
    let subscription = Subscription {
        group: resource(group),
        subscriptions: vec![SubscriptionEntry { topic: resource(topic), expression }],
        ..Subscription::default()
    };
    Settings {
        client_type: Some(ClientType::PushConsumer.into()),
        pub_sub: Some(PubSub::Subscription(subscription)),
        ..Settings::default()
    }
}

#[tokio::test]
async fn clients_are_members_of_their_groups_until_they_say_goodbye() {
    let folder = Folder::new("grpc-members");
    let server = broker(&folder, &[]);
    let wire = create(&server, "orders", "NORMAL").await;
    let mut client = connect(&server).await;
    let heartbeat = HeartbeatRequest { client_type: ClientType::PushConsumer.into(), group: resource("readers") };
    let unknown = client.heartbeat(call("reader", heartbeat.clone())).await.unwrap().into_inner();
    assert_eq!(code(unknown.status), Code::UnrecognizedClientType);

    let (_reader, merged) = Telemetry::open(&mut client, "reader", consumer("readers", "orders")).await;
    let Some(PubSub::Subscription(subscription)) = merged.pub_sub else { panic!("{merged:?}") };
    assert_eq!((subscription.receive_batch_size, subscription.fifo), (Some(32), Some(false)));
    assert_eq!(merged.backoff_policy.unwrap().max_attempts, 17);
    let (_writer, merged) = Telemetry::open(&mut client, "writer", producer("orders")).await;
    let Some(PubSub::Publishing(publishing)) = merged.pub_sub else { panic!("{merged:?}") };
    assert_eq!((publishing.max_body_size, publishing.validate_message_type), (4_194_304, true));

    let beaten = client.heartbeat(call("reader", heartbeat)).await.unwrap().into_inner();
    assert_eq!(code(beaten.status), Code::Ok);
    let consumers = Form::of(&[("consumerGroup", "readers")]);
    let shown = wire.succeed(RequestCode::GET_CONSUMER_CONNECTION_LIST, &consumers, Body::Empty).await;
    let shown = String::from_utf8_lossy(&shown.body).into_owned();
    for part in ["\"reader\"", "RUST", "red || blue", "orders"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let producers = Form::of(&[("producerGroup", "orders")]);
    let shown = wire.succeed(RequestCode::GET_PRODUCER_CONNECTION_LIST, &producers, Body::Empty).await;
    assert!(String::from_utf8_lossy(&shown.body).contains("\"writer\""));

    for client_id in ["reader", "writer"] {
        let goodbye = NotifyClientTerminationRequest { group: resource("readers") };
        let answer = client.notify_client_termination(call(client_id, goodbye)).await.unwrap().into_inner();
        assert_eq!(code(answer.status), Code::Ok);
    }
    let gone = wire.ask(RequestCode::GET_CONSUMER_CONNECTION_LIST, &consumers, Body::Empty).await;
    assert_eq!(gone.code, ResponseCode::CONSUMER_NOT_ONLINE);
}

#[tokio::test]
async fn an_operators_question_reaches_a_client_and_its_answer_comes_back() {
    let folder = Folder::new("grpc-question");
    let server = broker(&folder, &[]);
    let wire = create(&server, "orders", "NORMAL").await;
    let mut client = connect(&server).await;
    let (mut reader, _) = Telemetry::open(&mut client, "reader", consumer("readers", "orders")).await;
    let form = Form::of(&[("consumerGroup", "readers"), ("clientId", "reader"), ("jstackEnable", "true")]);
    let asked = wire.ask(RequestCode::GET_CONSUMER_RUNNING_INFO, &form, Body::Empty);
    let answers = async {
        let Command::PrintThreadStackTraceCommand(question) = reader.hear().await else { panic!() };
        let thread_stack_trace = Some("main at rest".to_owned());
        reader.say(Command::ThreadStackTrace(ThreadStackTrace { nonce: question.nonce, thread_stack_trace })).await;
    };
    let (answer, ()) = tokio::join!(asked, answers);
    assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
    assert!(String::from_utf8_lossy(&answer.body).contains("main at rest"));
}

#[tokio::test]
async fn transactions_end_as_their_producers_say_even_after_a_restart() {
    let folder = Folder::new("grpc-transactions");
    let mut server = broker(&folder, &[]);
    let wire = create(&server, "bank", "TRANSACTION").await;
    let mut client = connect(&server).await;
    let half = |body: &str| {
        let system = SystemProperties { message_type: MessageType::Transaction.into(), ..SystemProperties::default() };
        message("bank", body, system)
    };
    let (before, _) = Telemetry::open(&mut client, "producer", producer("bank")).await;
    let mut ids = Vec::new();
    for body in ["committed", "rolled back", "committed later", "asked about"] {
        let sent = send(&mut client, vec![half(body)]).await;
        assert_eq!(code(sent.status), Code::Ok);
        ids.push((sent.entries[0].message_id.clone(), sent.entries[0].transaction_id.clone()));
    }
    let ending = |(message_id, transaction_id): &(String, String), resolution: TransactionResolution| {
        call(
            "producer",
            EndTransactionRequest {
                topic: resource("bank"),
                message_id: message_id.clone(),
                transaction_id: transaction_id.clone(),
                resolution: resolution.into(),
                source: TransactionSource::SourceClient.into(),
                trace_context: String::new(),
            },
        )
    };
    for (id, resolution) in ids.iter().zip([TransactionResolution::Commit, TransactionResolution::Rollback]) {
        let ended = client.end_transaction(ending(id, resolution)).await.unwrap().into_inner();
        assert_eq!(code(ended.status), Code::Ok);
    }
    let nonsense = ("m".to_owned(), "nonsense".to_owned());
    let refused = client.end_transaction(ending(&nonsense, TransactionResolution::Commit)).await.unwrap().into_inner();
    assert_eq!(code(refused.status), Code::InvalidTransactionId);
    assert_eq!(visible(&wire).await, ["committed"]);

    drop(before);
    server.stop();
    server.start_again();
    let mut client = connect(&server).await;
    let wire = Wire::connect(&server).await;
    let ended = client.end_transaction(ending(&ids[2], TransactionResolution::Commit)).await.unwrap().into_inner();
    assert_eq!(code(ended.status), Code::Ok, "the id is good for another process");
    assert_eq!(visible(&wire).await, ["committed", "committed later"]);

    let mut producer = Telemetry::open_silently(&mut client, "producer").await;
    let Command::RecoverOrphanedTransactionCommand(asked) = producer.hear().await else { panic!() };
    let message = asked.message.unwrap();
    assert_eq!((&message.body[..], message.topic), (&b"asked about"[..], resource("bank")));
    let id = (message.system_properties.unwrap().message_id, asked.transaction_id);
    let ended = client.end_transaction(ending(&id, TransactionResolution::Commit)).await.unwrap().into_inner();
    assert_eq!(code(ended.status), Code::Ok);
    assert_eq!(visible(&wire).await, ["asked about", "committed", "committed later"]);
}

/// What consumers of the bank see, in alphabetical order.
async fn visible(wire: &Wire) -> Vec<String> {
    let mut seen = bodies(&wire.pull("bank", 0, 0).await);
    seen.extend(bodies(&wire.pull("bank", 1, 0).await));
    seen.sort();
    seen
}
