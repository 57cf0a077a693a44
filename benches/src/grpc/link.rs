//! One HTTP/2 connection to a server, and who we are on it: what clients of 5.x say before they send or receive.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolide_proto::v2::messaging_service_client::MessagingServiceClient;
use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{
    ClientType, Code, HeartbeatRequest, Publishing, Resource, Settings, Subscription, SubscriptionEntry,
    TelemetryCommand,
};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::metadata::AsciiMetadataValue;

use crate::failure::Failure;

/// How long an answer may take that is not part of the load.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often clients tell servers that they are there, as in Java.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// As much as Java's client lets come in on one stream.
const WINDOW_BYTES: u32 = 1 << 20;

/// What a connection is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// Sends to this topic.
    Producer {
        /// The topic.
        topic: String,
    },
    /// Receives for this group.
    Consumer {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
}

/// A connection on which a client has introduced itself.
#[derive(Clone)]
pub struct Link {
    client: MessagingServiceClient<Channel>,
    client_id: AsciiMetadataValue,
}

impl Link {
    /// Connects in plain text, introduces a client and keeps it known for as long as the connection lasts.
    ///
    /// # Errors
    /// When the server cannot be reached, or wants nothing to do with the client.
    pub async fn open(address: &str, client_id: &str, role: &Role) -> Result<Self, Failure> {
        let fail = |reason: String| Failure::Grpc { address: address.to_owned(), reason };
        let stream = TcpStream::connect(address).await.map_err(|error| fail(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| fail(error.to_string()))?;
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| fail(error.to_string()))?;
        tokio::spawn(connection);
        let client_id = client_id.parse().map_err(|_| fail(format!("{client_id:?} cannot be a client's name")))?;
        let client = MessagingServiceClient::with_origin(Channel(sender), Uri::from_static("http://localhost"));
        let link = Link { client: client.max_decoding_message_size(usize::MAX), client_id };
        link.introduce(role).await.map_err(fail)?;
        Ok(link)
    }

    /// The methods.
    pub fn client(&self) -> MessagingServiceClient<Channel> {
        self.client.clone()
    }

    /// A call of this client's, with a deadline.
    pub fn call<T>(&self, message: T, deadline: Duration) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("x-mq-client-id", self.client_id.clone());
        metadata.insert("x-mq-language", AsciiMetadataValue::from_static("JAVA"));
        metadata.insert("x-mq-protocol", AsciiMetadataValue::from_static("v2"));
        metadata.insert("x-mq-client-version", AsciiMetadataValue::from_static("5.2.0"));
        request.set_timeout(deadline);
        request
    }

    async fn introduce(&self, role: &Role) -> Result<(), String> {
        let (commands, outgoing) = mpsc::channel(1);
        let settings = TelemetryCommand { status: None, command: Some(Command::Settings(settings(role))) };
        commands.send(settings).await.map_err(|error| error.to_string())?;
        let request = self.call(ReceiverStream::new(outgoing), Duration::from_secs(24 * 3600));
        let answer = tokio::time::timeout(TIMEOUT, self.client().telemetry(request)).await;
        let answer = answer.map_err(|_| "no answer to Telemetry")?;
        let mut incoming = answer.map_err(|status| status.to_string())?.into_inner();
        let heard = tokio::time::timeout(TIMEOUT, incoming.message()).await;
        let heard = heard.map_err(|_| "no settings")?;
        heard.map_err(|status| status.to_string())?.ok_or("Telemetry ended")?;
        self.beat(role).await?;
        let (link, role) = (self.clone(), role.clone());
        tokio::spawn(async move {
            let _open = (commands, incoming);
            loop {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                if link.beat(&role).await.is_err() {
                    // The load shows what is wrong.
                    pending::<()>().await;
                }
            }
        });
        Ok(())
    }

    async fn beat(&self, role: &Role) -> Result<(), String> {
        let heartbeat = match role {
            Role::Producer { .. } => HeartbeatRequest { client_type: ClientType::Producer.into(), group: None },
            Role::Consumer { group, .. } => {
                HeartbeatRequest { client_type: ClientType::PushConsumer.into(), group: resource(group) }
            }
        };
        let answer = self.client().heartbeat(self.call(heartbeat, TIMEOUT)).await;
        let status = answer.map_err(|status| status.to_string())?.into_inner().status.unwrap_or_default();
        if status.code() == Code::Ok { Ok(()) } else { Err(format!("heartbeat: {status:?}")) }
    }
}

/// A name as the protocol writes it.
pub(super) fn resource(name: &str) -> Option<Resource> {
    Some(Resource { resource_namespace: String::new(), name: name.to_owned() })
}

fn settings(role: &Role) -> Settings {
    let (client_type, pub_sub) = match role {
        Role::Producer { topic } => {
            let publishing = Publishing { topics: resource(topic).into_iter().collect(), ..Publishing::default() };
            (ClientType::Producer, PubSub::Publishing(publishing))
        }
        Role::Consumer { topic, group } => {
            let all = super::everything();
            let entry = SubscriptionEntry { topic: resource(topic), expression: Some(all) };
            let group = resource(group);
            let subscription = Subscription { group, subscriptions: vec![entry], ..Subscription::default() };
            (ClientType::PushConsumer, PubSub::Subscription(subscription))
        }
    };
    Settings { client_type: Some(client_type.into()), pub_sub: Some(pub_sub), ..Settings::default() }
}

/// What carries the calls.
#[derive(Clone)]
pub struct Channel(SendRequest<Body>);

impl Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
