//! Servers and clients over real sockets on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bolide_remoting::admission::Admission;
use bolide_remoting::header::{OffsetResponse, TopicRequest};
use bolide_remoting::{
    Answer, Body, Client, ClientOptions, Connection, ConnectionOptions, Parked, Reply, Request, RequestCode,
    ResponseCode, Server, ServerOptions, Service,
};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const ECHO: RequestCode = RequestCode(1);
/// Has the server ask the client something before it answers.
const ASK_BACK: RequestCode = RequestCode(2);
const TIMEOUT: Duration = Duration::from_secs(30);

struct Echo;

impl Service for Echo {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        if request.code() == ASK_BACK {
            let connection = request.connection.clone();
            let parked = reply.park();
            tokio::spawn(async move {
                let answer = connection.request(ECHO, &TopicRequest { topic: "T" }, Body::Empty, TIMEOUT).await;
                parked.ok_body(&(), answer.expect("the client answers").body);
            });
            return;
        }
        match TopicRequest::decode(&request.header.fields) {
            Ok(header) => {
                let offset = header.topic.len() as i64;
                reply.ok_body(&OffsetResponse { offset }, Bytes::copy_from_slice(request.body));
            }
            Err(error) => reply.fail(ResponseCode::INVALID_PARAMETER, error),
        }
    }
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn serve(options: ServerOptions) -> Server {
    Server::bind(&[any_port(), any_port()], options, Arc::new(Echo)).expect("a free port")
}

async fn dial<S: Service>(address: SocketAddr, service: S) -> Client {
    Client::connect(&address.to_string(), ClientOptions::default(), Arc::new(service)).await.expect("a connection")
}

async fn echo(connection: &Connection, body: Bytes) -> Bytes {
    let answer = connection.request(ECHO, &TopicRequest { topic: "héllo" }, body, TIMEOUT).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.code, ResponseCode::SUCCESS);
    assert_eq!(OffsetResponse::decode(&answer.fields.fields()), Ok(OffsetResponse { offset: 6 }));
    answer.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_on_both_ports_at_once() {
    let server = serve(ServerOptions::default());
    let (mut clients, mut tasks) = (Vec::new(), Vec::new());
    for address in server.local_addrs() {
        let client = Arc::new(dial(*address, ()).await);
        clients.push(client.clone());
        for number in 0..50 {
            let client = client.clone();
            let body = Bytes::from(vec![number as u8; number * 4_000]);
            tasks.push(tokio::spawn(async move { assert_eq!(echo(&client, body.clone()).await, body) }));
        }
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(server.connection_count(), 2);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_body_travels_both_ways() {
    let server = serve(ServerOptions::default());
    let client = dial(server.local_addr(), ()).await;
    let body = Bytes::from(vec![3; (16 << 20) - 1000]);
    assert_eq!(echo(&client, body.clone()).await, body);
}

#[tokio::test]
async fn a_bad_field_is_answered_with_its_name() {
    let server = serve(ServerOptions::default());
    let client = dial(server.local_addr(), ()).await;
    let answer = client.request(ECHO, &(), Body::Empty, TIMEOUT).await.expect("an answer");
    assert_eq!(answer.code, ResponseCode::INVALID_PARAMETER);
    assert_eq!(answer.remark.as_deref(), Some("field `topic` is missing"));
}

#[tokio::test]
async fn servers_ask_clients() {
    struct Fixed;
    impl Service for Fixed {
        fn handle(&self, _request: Request<'_>, reply: Reply<'_>) {
            reply.ok_body(&(), Bytes::from_static(b"from the client"));
        }
    }
    let server = serve(ServerOptions::default());
    let client = dial(server.local_addr(), Fixed).await;
    let answer = client.request(ASK_BACK, &(), Body::Empty, TIMEOUT).await.expect("an answer");
    assert_eq!(answer.body.as_ref(), b"from the client");
}

#[tokio::test]
async fn posts_are_pipelined_without_futures() {
    /// Keeps a fixed number of requests going until enough are answered.
    struct Pipeline {
        answered: AtomicUsize,
        done: mpsc::UnboundedSender<()>,
    }
    const ENOUGH: usize = 5_000;
    impl Service for Pipeline {
        fn handle(&self, _request: Request<'_>, reply: Reply<'_>) {
            reply.forget();
        }

        fn answered(&self, answer: Answer<'_>) {
            assert_eq!(answer.code(), ResponseCode::SUCCESS);
            if self.answered.fetch_add(1, Ordering::Relaxed) + 1 == ENOUGH {
                let _ = self.done.send(());
            }
            let again = answer.connection.post(answer.tag, ECHO, &TopicRequest { topic: "T" }, Body::Empty);
            again.expect("queued");
        }
    }
    let server = serve(ServerOptions::default());
    let (done, mut finished) = mpsc::unbounded_channel();
    let client = dial(server.local_addr(), Pipeline { answered: AtomicUsize::new(0), done }).await;
    for tag in 0..32 {
        client.post(tag, ECHO, &TopicRequest { topic: "T" }, Body::Empty).expect("queued");
    }
    finished.recv().await.expect("enough answers");
}

#[tokio::test]
async fn hostile_bytes_close_only_their_own_connection() {
    let server = serve(ServerOptions::default());
    let good = dial(server.local_addr(), ()).await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 1..200 {
        let mut hostile = TcpStream::connect(server.local_addr()).await.expect("a connection");
        let mut bytes = Vec::new();
        for _ in 0..length {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bytes.push(seed as u8);
        }
        // Half of them look like a frame at first.
        if length % 2 == 0 {
            bytes.splice(0..0, [0, 0, 0, length as u8 + 4, 0, 0, 0, length as u8]);
        }
        hostile.write_all(&bytes).await.expect("written");
        hostile.shutdown().await.expect("the end");
        let mut rest = Vec::new();
        // The server may have closed before it read everything, which resets the connection.
        let _ = hostile.read_to_end(&mut rest).await;
    }
    assert_eq!(echo(&good, Bytes::from_static(b"still here")).await.as_ref(), b"still here");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let server = serve(ServerOptions { admission: Admission::new(1), ..ServerOptions::default() });
    let first = dial(server.local_addr(), ()).await;
    echo(&first, Bytes::new()).await;
    let mut second = TcpStream::connect(server.local_addr()).await.expect("the kernel accepts");
    assert_eq!(second.read(&mut [0; 1]).await.expect("the end"), 0);
    echo(&first, Bytes::new()).await;
}

#[tokio::test]
async fn shutdown_lets_parked_answers_out() {
    /// Hands what it parks to the test.
    struct Parks(mpsc::UnboundedSender<Parked>);
    impl Service for Parks {
        fn handle(&self, _request: Request<'_>, reply: Reply<'_>) {
            let _ = self.0.send(reply.park());
        }
    }
    let (sender, mut parked) = mpsc::unbounded_channel();
    let connection = ConnectionOptions { linger: TIMEOUT, ..ConnectionOptions::default() };
    let options = ServerOptions { connection, ..ServerOptions::default() };
    let server = Server::bind(&[any_port()], options, Arc::new(Parks(sender))).expect("a free port");
    let address = server.local_addr();
    let client = dial(address, ()).await;
    let asking = client.request(ECHO, &(), Body::Empty, TIMEOUT);
    let stopping = async {
        let parked = parked.recv().await.expect("a request");
        let stopped = tokio::spawn(server.shutdown());
        while Client::connect(&address.to_string(), ClientOptions::default(), Arc::new(())).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!stopped.is_finished(), "a request is in flight");
        parked.ok_body(&(), Bytes::from_static(b"late"));
        stopped.await.expect("no panic");
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert_eq!(answer.expect("an answer").body.as_ref(), b"late");
}

#[tokio::test]
async fn a_dropped_client_closes_its_connection() {
    let server = serve(ServerOptions::default());
    let client = dial(server.local_addr(), ()).await;
    echo(&client, Bytes::new()).await;
    drop(client);
    while server.connection_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let server = serve(ServerOptions::default());
    let address = server.local_addr();
    let error = Server::bind(&[address], ServerOptions::default(), Arc::new(Echo)).err().expect("taken");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn an_idle_client_is_disconnected() {
    let connection = ConnectionOptions { idle_close: Some(Duration::from_millis(50)), ..ConnectionOptions::default() };
    let server = serve(ServerOptions { connection, ..ServerOptions::default() });
    let mut client = TcpStream::connect(server.local_addr()).await.expect("a connection");
    assert_eq!(client.read(&mut [0; 1]).await.expect("the end"), 0);
}
