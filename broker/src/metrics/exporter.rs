//! Sends metrics to a collector of OpenTelemetry, over gRPC in plain text, for as long as the broker runs (`metricsExporterType=OTLP_GRPC`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bolide_proto::opentelemetry::ExportMetricsServiceRequest;
use bolide_proto::opentelemetry::metrics_service_client::MetricsServiceClient;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};

use super::collect::collect_for_open_telemetry;
use crate::broker::Broker;
use crate::config::BrokerConfig;

/// The scheme of a target, without which it is taken for one with TLS, as by Apache.
const SCHEME: &str = "http://";

/// Where metrics are sent, and what goes with them.
pub(crate) struct Exporter {
    uri: Uri,
    authority: String,
    headers: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
}

/// Why metrics cannot be sent anywhere.
#[derive(Debug, thiserror::Error)]
pub enum BadExporter {
    /// The target is not one that is served.
    #[error("metricsGrpcExporterTarget is {0:?}, but must be http://host:port; TLS to a collector is not supported")]
    Target(String),
    /// A header is not one.
    #[error("metricsGrpcExporterHeader: {0:?} is not name:value")]
    Header(String),
}

impl Exporter {
    /// What the configuration says.
    ///
    /// # Errors
    /// When that makes no sense.
    pub(crate) fn of(config: &BrokerConfig) -> Result<Self, BadExporter> {
        let target = config.metrics_grpc_exporter_target.trim().trim_end_matches('/');
        let bad = || BadExporter::Target(target.to_owned());
        let authority = target.strip_prefix(SCHEME).filter(|authority| authority.contains(':')).ok_or_else(bad)?;
        let uri = target.parse().map_err(|_| bad())?;
        let header = |text: &str| {
            let (name, value) = text.split_once(':')?;
            Some((name.trim().to_ascii_lowercase().parse().ok()?, value.trim().parse().ok()?))
        };
        let written = config.metrics_grpc_exporter_header.split(',').filter(|text| !text.trim().is_empty());
        let headers = written.map(|text| header(text).ok_or_else(|| BadExporter::Header(text.to_owned())));
        Ok(Exporter { uri, authority: authority.to_owned(), headers: headers.collect::<Result<_, _>>()? })
    }

    /// Sends what there is to tell, again and again.
    pub(crate) async fn run(self, broker: Arc<Broker>) {
        let mut client = None;
        let mut complaint = String::new();
        loop {
            let config = broker.config.snapshot();
            let milliseconds = |ms: i32| Duration::from_millis(ms.unsigned_abs().into());
            tokio::time::sleep(milliseconds(config.metric_grpc_exporter_interval_ms)).await;
            let asked = broker.clone();
            // A panic has been logged.
            let collected = tokio::task::spawn_blocking(move || collect_for_open_telemetry(&asked)).await;
            let timeout = milliseconds(config.metric_grpc_exporter_timeout_ms);
            let sent = tokio::time::timeout(timeout, self.send(&mut client, collected.unwrap_or_default())).await;
            match sent.unwrap_or_else(|_| Err(format!("no answer within {timeout:?}"))) {
                Ok(()) => complaint.clear(),
                Err(error) => {
                    client = None;
                    // Once is enough while nothing changes.
                    if complaint != error {
                        tracing::warn!(target = self.authority, "metrics are not sent: {error}");
                        complaint = error;
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        client: &mut Option<MetricsServiceClient<Channel>>,
        requests: Vec<ExportMetricsServiceRequest>,
    ) -> Result<(), String> {
        let client = match client {
            Some(client) => client,
            None => client.insert(self.connect().await?),
        };
        for request in requests {
            let mut request = tonic::Request::new(request);
            for (name, value) in &self.headers {
                request.metadata_mut().insert(name.clone(), value.clone());
            }
            let answer = client.export(request).await.map_err(|status| status.to_string())?.into_inner();
            if let Some(refused) = answer.partial_success.filter(|partial| partial.rejected_data_points > 0) {
                return Err(format!("{} were refused: {}", refused.rejected_data_points, refused.error_message));
            }
        }
        Ok(())
    }

    async fn connect(&self) -> Result<MetricsServiceClient<Channel>, String> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        let made = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| error.to_string())?;
        // Ends with the connection; the sender's next call says why.
        tokio::spawn(connection);
        Ok(MetricsServiceClient::with_origin(Channel(sender), self.uri.clone()))
    }
}

/// What carries the calls.
#[derive(Clone)]
struct Channel(SendRequest<Body>);

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
