//! The port for monitoring: plain HTTP, three pages, nothing that changes anything. Who may reach it is for the network to decide, as
//! with Apache's exporter.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::collect::collect;
use super::exposition::MEDIA_TYPE;
use crate::broker::Broker;

/// Connections that are served at once; further ones are closed.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request, and be silent between two.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a client may send as the head of a request.
const MAX_HEAD_BYTES: usize = 16 << 10;

const TEXT: &str = "text/plain; charset=utf-8";

/// Serves the pages until it is dropped.
pub(crate) struct MetricsServer {
    address: SocketAddr,
    /// Ends with this value.
    _task: JoinSet<()>,
}

impl MetricsServer {
    /// Listens and serves. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub(crate) async fn bind(broker: &Arc<Broker>, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(run(broker.clone(), listener));
        Ok(MetricsServer { address, _task: task })
    }

    /// The address that is listened on.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

async fn run(broker: Arc<Broker>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let Ok(place) = places.clone().try_acquire_owned() else { continue };
                let broker = broker.clone();
                connections.spawn(async move {
                    if let Err(error) = serve(broker, stream).await {
                        tracing::debug!("a connection for monitoring ended: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("no connection for monitoring is accepted for a moment: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(broker: Arc<Broker>, stream: TcpStream) -> hyper::Result<()> {
    let answer = move |request: Request<Incoming>| {
        let broker = broker.clone();
        async move { Ok::<_, Infallible>(answer(&broker, request.method(), request.uri().path()).await) }
    };
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await
}

async fn answer(broker: &Arc<Broker>, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if *method != Method::GET && *method != Method::HEAD {
        let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "the pages here are for GET\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" => {
            let broker = broker.clone();
            // It may have to read the log.
            match tokio::task::spawn_blocking(move || collect(&broker)).await {
                Ok(text) => page(StatusCode::OK, MEDIA_TYPE, text),
                Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the metrics could not be collected\n"),
            }
        }
        "/health/live" => page(StatusCode::OK, TEXT, "live\n"),
        "/health/ready" => match broker.store.health().refusal {
            None if broker.drain.has_begun() => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the broker stops\n"),
            None => page(StatusCode::OK, TEXT, "ready\n"),
            Some(refusal) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("messages are refused: {refusal}\n")),
        },
        _ => page(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /health/live and /health/ready\n"),
    }
}

fn page(status: StatusCode, media_type: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
