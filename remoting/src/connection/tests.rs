//! Drivers over in-memory streams with a paused clock: order, limits, closing. What needs real sockets
//! is in `tests/loopback.rs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::codec::{self, FLAG_RESPONSE, Header};
use crate::frame::{self, Frame, PREFIX_BYTES};
use crate::header::{OffsetResponse, TopicRequest};
use crate::service::{Answer, Parked, Reply, Request};

/// Asks for an answer at once, with the request's body as the answer's.
const ECHO: RequestCode = RequestCode(1);
/// Asks for an answer later: it is parked.
const WAIT: RequestCode = RequestCode(2);
/// Asks for an answer of one mebibyte.
const LARGE: RequestCode = RequestCode(3);
/// Gets no answer by mistake.
const LOST: RequestCode = RequestCode(4);
/// Is never to be answered.
const SILENT: RequestCode = RequestCode(5);
/// Asks for an answer that is copied behind its header.
const COPIED: RequestCode = RequestCode(6);

/// What a connection did, and what it parked.
#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<String>>,
    parked: Mutex<Vec<Parked>>,
    changed: Notify,
    is_short: AtomicBool,
}

impl Recorder {
    fn record(&self, event: impl Into<String>) {
        self.events.lock().push(event.into());
        self.changed.notify_waiters();
    }

    fn events(&self) -> Vec<String> {
        self.events.lock().clone()
    }

    /// Waits until `enough` holds.
    async fn until(&self, enough: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            if enough(self) {
                return;
            }
            changed.await;
        }
    }

    async fn until_parked(&self, count: usize) {
        self.until(|recorder| recorder.parked.lock().len() == count).await;
    }

    fn take_parked(&self, index: usize) -> Parked {
        self.parked.lock().remove(index)
    }
}

impl Service for Recorder {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        let code = request.code();
        match code {
            ECHO => reply.ok_body(&(), Bytes::copy_from_slice(request.body)),
            WAIT => self.parked.lock().push(reply.park()),
            LARGE => reply.ok_body(&(), vec![7; 1 << 20]),
            COPIED => reply.ok_body(&(), vec![7; 1_000]),
            SILENT => reply.forget(),
            LOST => {}
            _ => reply.fail(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, "no"),
        }
        self.record(format!("request {}", code.0));
    }

    fn answered(&self, answer: Answer<'_>) {
        self.record(format!("answer {} {}", answer.tag, answer.body.len()));
    }

    fn settle(&self) {
        self.record("settle");
    }

    fn is_short_of_memory(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    fn closed(&self, _connection: &Connection) {
        self.record("closed");
    }
}

/// One connection with the test as its peer.
struct Bench {
    recorder: Arc<Recorder>,
    connection: Connection,
    peer: DuplexStream,
    task: JoinHandle<()>,
}

fn address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 1).into()
}

fn bench(options: ConnectionOptions) -> Bench {
    bench_with_pipe(options, 1 << 16)
}

fn bench_with_pipe(options: ConnectionOptions, pipe_bytes: usize) -> Bench {
    let (peer, ours) = duplex(pipe_bytes);
    let recorder = Arc::new(Recorder::default());
    let (connection, driver) = open(ours, address(), address(), Arc::new(options), recorder.clone());
    Bench { recorder, connection, peer, task: tokio::spawn(driver) }
}

fn frame(code: RequestCode, opaque: i32, flag: i32, body: &[u8]) -> Vec<u8> {
    frame_in(Encoding::Json, code.0, opaque, flag, body)
}

fn frame_in(encoding: Encoding, code: i32, opaque: i32, flag: i32, body: &[u8]) -> Vec<u8> {
    let preamble = Preamble { encoding, code, opaque, flag, version: Version(317), remark: None };
    let mut out = Vec::new();
    codec::encode(&mut out, &preamble, &TopicRequest { topic: "T" }, body.len()).expect("it fits");
    out.extend_from_slice(body);
    out
}

/// What came out of a connection.
#[derive(Debug, PartialEq)]
struct Frames {
    encoding: Encoding,
    code: i32,
    opaque: i32,
    flag: i32,
    remark: Option<String>,
    body: Vec<u8>,
}

impl Bench {
    async fn send(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).await.expect("the pipe is open");
    }

    async fn receive(&mut self) -> Frames {
        let mut bytes = vec![0; 4];
        self.peer.read_exact(&mut bytes).await.expect("a length");
        let total = u32::from_be_bytes(bytes[..].try_into().expect("four bytes")) as usize;
        bytes.resize(4 + total, 0);
        self.peer.read_exact(&mut bytes[4..]).await.expect("a frame");
        let Ok(Frame::Whole { encoding, header_end, .. }) = frame::split(&bytes, &FrameLimits::default()) else {
            panic!("not a frame: {bytes:?}");
        };
        let body = bytes.split_off(header_end);
        let mut slots = Vec::new();
        let header: Header<'_> = codec::decode(encoding, &mut bytes[PREFIX_BYTES..], &mut slots).expect("a header");
        let remark = header.remark.map(str::to_owned);
        Frames { encoding, code: header.code, opaque: header.opaque, flag: header.flag, remark, body }
    }

    /// Waits until the connection is closed from the other side.
    async fn receive_end(mut self) -> (Arc<Recorder>, Vec<u8>) {
        let mut rest = Vec::new();
        self.peer.read_to_end(&mut rest).await.expect("the end");
        self.task.await.expect("no panic");
        assert!(!self.connection.is_open());
        assert_eq!(self.recorder.events().last().map(String::as_str), Some("closed"));
        (self.recorder, rest)
    }
}

fn ok(opaque: i32, body: &[u8]) -> Frames {
    Frames { encoding: Encoding::Json, code: 0, opaque, flag: FLAG_RESPONSE, remark: None, body: body.into() }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_in_their_encoding() {
    let mut bench = bench(ConnectionOptions::default());
    let requests =
        [frame(ECHO, 1, 0, b"one"), frame_in(Encoding::Binary, ECHO.0, 2, 0, &[b'x'; 5000]), frame(ECHO, 3, 0, b"")];
    bench.send(&requests.concat()).await;
    assert_eq!(bench.receive().await, ok(1, b"one"));
    assert_eq!(bench.receive().await, Frames { encoding: Encoding::Binary, ..ok(2, &[b'x'; 5000]) });
    assert_eq!(bench.receive().await, ok(3, b""));
    assert_eq!(bench.recorder.events(), ["request 1", "request 1", "request 1", "settle"]);
}

#[tokio::test]
async fn frames_may_come_in_pieces_of_any_size() {
    let mut bench = bench(ConnectionOptions::default());
    let bytes = [frame(ECHO, 1, 0, b"body"), frame(ECHO, 2, 0, &[1; 40_000])].concat();
    for piece in [1, 3, 4, 7, 100] {
        let (first, rest) = bytes.split_at(piece);
        bench.send(first).await;
        tokio::task::yield_now().await;
        bench.send(rest).await;
        assert_eq!(bench.receive().await, ok(1, b"body"));
        assert_eq!(bench.receive().await, ok(2, &[1; 40_000]));
    }
    for byte in bytes.iter().take(600) {
        bench.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    bench.send(&bytes[600..]).await;
    assert_eq!(bench.receive().await, ok(1, b"body"));
    assert_eq!(bench.receive().await, ok(2, &[1; 40_000]));
}

#[tokio::test]
async fn a_frame_larger_than_any_buffer_is_answered_even_if_the_peer_stops_speaking() {
    let bench = bench_with_pipe(ConnectionOptions::default(), 100_000);
    let large = vec![9; 3 << 20];
    let bytes = [frame(ECHO, 1, 0, &large), frame(ECHO, 2, 0, b"after")].concat();
    let (mut reader, mut writer) = tokio::io::split(bench.peer);
    let sending = tokio::spawn(async move {
        writer.write_all(&bytes).await.expect("the pipe is open");
        writer.shutdown().await.expect("the pipe is open");
    });
    let mut answers = Vec::new();
    reader.read_to_end(&mut answers).await.expect("the end");
    sending.await.expect("sent");
    bench.task.await.expect("no panic");
    assert!(answers.len() > large.len() && answers.ends_with(b"after"));
    assert!(answers.windows(large.len()).any(|window| window == large));
}

#[tokio::test]
async fn oneway_requests_and_forgotten_ones_get_no_answer() {
    let mut bench = bench(ConnectionOptions::default());
    let oneway = codec::FLAG_ONEWAY;
    let requests = [
        frame(ECHO, 1, oneway, b"x"),
        frame(LOST, 2, oneway, b""),
        frame(WAIT, 3, oneway, b""),
        frame(SILENT, 4, 0, b""),
    ];
    bench.send(&requests.concat()).await;
    bench.recorder.until_parked(1).await;
    bench.recorder.take_parked(0).ok(&());
    bench.send(&frame(ECHO, 5, 0, b"")).await;
    assert_eq!(bench.receive().await, ok(5, b""));
    assert_eq!(bench.connection.in_flight(), 0);
}

#[tokio::test]
async fn a_dropped_reply_answers_that_it_was_dropped() {
    let mut bench = bench(ConnectionOptions::default());
    bench.send(&[frame(LOST, 1, 0, b""), frame(WAIT, 2, 0, b"")].concat()).await;
    bench.recorder.until_parked(1).await;
    drop(bench.recorder.take_parked(0));
    for opaque in [1, 2] {
        let answer = bench.receive().await;
        assert_eq!((answer.opaque, answer.code), (opaque, ResponseCode::SYSTEM_ERROR.0));
        assert!(answer.remark.is_some_and(|remark| remark.contains("without an answer")));
    }
}

#[tokio::test]
async fn parked_answers_go_out_as_they_are_given_from_any_thread() {
    let mut bench = bench(ConnectionOptions::default());
    bench.send(&[frame(WAIT, 1, 0, b""), frame(WAIT, 2, 0, b""), frame(WAIT, 3, 0, b"")].concat()).await;
    bench.recorder.until_parked(3).await;
    assert_eq!(bench.connection.in_flight(), 3);
    for (index, opaque) in [(2, 3), (0, 1), (0, 2)] {
        let parked = bench.recorder.take_parked(index);
        let body = vec![Bytes::from(vec![opaque as u8; 2000]), Bytes::from_static(b"end")];
        std::thread::spawn(move || parked.ok_body(&OffsetResponse { offset: 5 }, body)).join().expect("no panic");
        let answer = bench.receive().await;
        assert_eq!((answer.opaque, answer.body.len()), (opaque, 2003));
        assert!(answer.body.ends_with(b"end"));
    }
    assert_eq!(bench.connection.in_flight(), 0);
}

#[tokio::test]
async fn reading_pauses_while_too_much_is_in_flight() {
    let mut bench = bench(ConnectionOptions { max_in_flight: 2, ..ConnectionOptions::default() });
    let requests: Vec<_> = (1..=5).map(|opaque| frame(WAIT, opaque, 0, b"")).collect();
    bench.send(&requests.concat()).await;
    bench.recorder.until_parked(2).await;
    bench.send(&frame(WAIT, 6, 0, b"")).await;
    for opaque in 1..=6 {
        // A paused connection handles nothing, however long one waits; a turn of everyone is enough.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(bench.connection.in_flight() <= 2);
        bench.recorder.until(|recorder| !recorder.parked.lock().is_empty()).await;
        bench.recorder.take_parked(0).ok(&());
        assert_eq!(bench.receive().await.opaque, opaque);
    }
}

#[tokio::test]
async fn reading_pauses_while_too_much_waits_to_be_written() {
    let all = ConnectionOptions { max_pending_output_bytes: 3 << 20, ..ConnectionOptions::default() };
    let text = ConnectionOptions { max_pending_text_bytes: 3_000, ..ConnectionOptions::default() };
    for (options, is_short, code, bytes, ahead) in [
        (all, false, LARGE, 1 << 20, 5),
        // The pipe takes some, too.
        (text, false, COPIED, 1_000, 10),
        (ConnectionOptions::default(), true, LARGE, 1 << 20, 2),
    ] {
        let mut bench = bench_with_pipe(options, 4096);
        bench.recorder.is_short.store(is_short, Ordering::Relaxed);
        let requests: Vec<_> = (0..20).map(|opaque| frame(code, opaque, 0, b"")).collect();
        bench.send(&requests.concat()).await;
        for opaque in 0..20 {
            let handled = bench.recorder.events().iter().filter(|event| event.starts_with("request")).count();
            assert!(handled <= opaque as usize + ahead, "{handled} requests were handled, {opaque} answers read");
            let answer = bench.receive().await;
            assert_eq!((answer.opaque, answer.body.len()), (opaque, bytes));
        }
    }
}

#[tokio::test]
async fn calls_in_our_direction_get_their_answers() {
    let mut bench = bench(ConnectionOptions::default());
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let connection = bench.connection.clone();
            let timeout = Duration::from_secs(5);
            tokio::spawn(async move {
                connection.request(ECHO, &TopicRequest { topic: "U" }, Bytes::from_static(b"ask"), timeout).await
            })
        })
        .collect();
    let (first, second) = (bench.receive().await, bench.receive().await);
    assert_eq!((first.flag, first.body.as_slice()), (0, &b"ask"[..]));
    // Answered out of order; and one that nobody asked for, which is dropped.
    for (opaque, body) in [(second.opaque, &b"second"[..]), (12345, b"nobody"), (first.opaque, b"first")] {
        let answer = frame_in(Encoding::Binary, 17, opaque, FLAG_RESPONSE, body);
        bench.send(&answer).await;
    }
    for (call, body) in calls.into_iter().zip(["first", "second"]) {
        let message = call.await.expect("no panic").expect("an answer");
        assert_eq!((message.code, message.body.as_ref()), (ResponseCode::TOPIC_NOT_EXIST, body.as_bytes()));
        let header = TopicRequest::decode(&message.fields.fields());
        assert_eq!(header, Ok(TopicRequest { topic: "T" }));
    }
    bench.connection.oneway(WAIT, &(), Body::Empty).expect("queued");
    let oneway = bench.receive().await;
    assert_eq!((oneway.code, oneway.flag), (WAIT.0, codec::FLAG_ONEWAY));
}

#[tokio::test]
async fn posted_requests_are_answered_to_the_service() {
    let mut bench = bench(ConnectionOptions::default());
    for tag in [0, 7, POSTED as u32 - 1] {
        bench.connection.post(tag, ECHO, &(), vec![1; 10]).expect("queued");
        let request = bench.receive().await;
        bench.send(&frame_in(Encoding::Json, 0, request.opaque, FLAG_RESPONSE, &request.body)).await;
        let expected = format!("answer {tag} 10");
        bench.recorder.until(|recorder| recorder.events().contains(&expected)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_time_out_and_are_limited() {
    let options = ConnectionOptions { max_calls: 1, idle_close: None, ..ConnectionOptions::default() };
    let mut bench = bench(options);
    let timeout = Duration::from_secs(3);
    let connection = bench.connection.clone();
    let waiting = tokio::spawn(async move { connection.request(ECHO, &(), Body::Empty, timeout).await });
    let request = bench.receive().await;
    let error = bench.connection.request(ECHO, &(), Body::Empty, timeout).await.map(drop);
    assert_eq!(error, Err(CallError::TooManyCalls { peer: address(), limit: 1 }));
    let error = waiting.await.expect("no panic").map(drop);
    assert_eq!(error, Err(CallError::Timeout { peer: address(), code: ECHO, timeout }));
    // A late answer is dropped, and there is room again.
    bench.send(&frame_in(Encoding::Json, 0, request.opaque, FLAG_RESPONSE, b"")).await;
    let connection = bench.connection.clone();
    let waiting = tokio::spawn(async move { connection.request(ECHO, &(), Body::Empty, timeout).await });
    let request = bench.receive().await;
    bench.send(&frame_in(Encoding::Json, 0, request.opaque, FLAG_RESPONSE, b"")).await;
    assert!(waiting.await.expect("no panic").is_ok());
}

#[tokio::test]
async fn calls_fail_when_the_connection_goes_or_is_gone() {
    let mut bench = bench(ConnectionOptions::default());
    let connection = bench.connection.clone();
    let timeout = Duration::from_secs(60);
    let waiting = tokio::spawn(async move { connection.request(ECHO, &(), Body::Empty, timeout).await });
    bench.receive().await;
    bench.send(&frame(WAIT, 1, 0, b"")).await;
    bench.recorder.until_parked(1).await;
    drop(bench.peer);
    bench.task.await.expect("no panic");
    let closed = CallError::Closed { peer: address() };
    assert_eq!(waiting.await.expect("no panic").map(drop), Err(closed.clone()));
    assert_eq!(bench.connection.request(ECHO, &(), Body::Empty, timeout).await.map(drop), Err(closed.clone()));
    assert_eq!(bench.connection.oneway(ECHO, &(), Body::Empty), Err(closed));
    // Answers to a connection that is gone go nowhere.
    bench.recorder.take_parked(0).ok(&());
    assert_eq!(bench.connection.in_flight(), 0);
}

#[tokio::test]
async fn a_peer_that_does_not_read_gets_no_more_requests() {
    let options = ConnectionOptions { max_pending_output_bytes: 10_000, ..ConnectionOptions::default() };
    let bench = bench_with_pipe(options, 16);
    let mut refused = None;
    for _ in 0..100 {
        refused = refused.or(bench.connection.oneway(ECHO, &(), vec![0; 1000]).err());
        tokio::task::yield_now().await;
    }
    assert!(matches!(refused, Some(CallError::Congested { .. })), "{refused:?}");
    assert!(bench.connection.pending_output_bytes() < 20_000);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let idle = Duration::from_secs(120);
    let mut bench = bench(ConnectionOptions { idle_close: Some(idle), ..ConnectionOptions::default() });
    for opaque in 0..5 {
        tokio::time::sleep(idle - Duration::from_secs(1)).await;
        bench.send(&frame(ECHO, opaque, 0, b"")).await;
        assert_eq!(bench.receive().await.opaque, opaque);
    }
    let last = Instant::now();
    bench.receive_end().await;
    let waited = last.elapsed();
    assert!(waited >= idle && waited < idle + Duration::from_millis(100), "{waited:?}");
}

#[tokio::test]
async fn bad_input_closes_the_connection_after_what_came_before_it() {
    let hostile: [&[u8]; 6] = [
        &[0xff; 64],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x16, 3, 1, 0, 100],
        &[0, 0, 0, 12, 0, 0, 0, 8, b'{', b'"', b'c', b'"', b':', b'x', b'}', b' '],
        &[0, 0, 0, 12, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 8, 9, 0, 0, 0, 0, 0, 0, 0],
    ];
    for bytes in hostile {
        let mut bench = bench(ConnectionOptions::default());
        bench.send(&[&frame(ECHO, 1, 0, b"good"), bytes].concat()).await;
        assert_eq!(bench.receive().await, ok(1, b"good"));
        let (_, rest) = bench.receive_end().await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn bad_input_is_logged_with_its_reason() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let mut bench = bench(ConnectionOptions::default());
    bench.send(&[0xff; 8]).await;
    bench.receive_end().await;
    let lines = log.0.lock().clone();
    let expected =
        "WARN connection closed because of bad input: a frame claims 4294967295 bytes; at most 16777216 are allowed";
    assert_eq!(lines, [expected]);
}

/// Keeps the messages of warnings.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().push(format!("{} {}", event.metadata().level(), message.0));
    }

    fn enter(&self, _span: &tracing::span::Id) {}

    fn exit(&self, _span: &tracing::span::Id) {}
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let mut input = input::Input::new();
    let claim = [&(16u32 << 20).to_be_bytes()[..], &[0; 4], &[b'x'; 100]].concat();
    let mut reader = claim.as_slice();
    let waker = std::task::Waker::noop();
    let mut cx = std::task::Context::from_waker(waker);
    let limits = FrameLimits::default();
    let mut poll = |input: &mut input::Input| {
        let result = input.poll(&mut reader, &mut cx, |bytes| {
            let needed = match frame::split(bytes, &limits) {
                Ok(Frame::Partial { needed }) => needed,
                other => panic!("{other:?}"),
            };
            Ok::<_, std::io::Error>(input::Run { handled: 0, needed: Some(needed) })
        });
        assert!(result.is_ready());
    };
    poll(&mut input);
    assert!(input.held_capacity() < 1000, "{}", input.held_capacity());
    poll(&mut input);
    assert!(input.held_capacity() < 100_000, "{}", input.held_capacity());
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_does_not_wait_for_more() {
    let mut bench = bench(ConnectionOptions::default());
    bench.send(&frame(WAIT, 1, 0, b"")).await;
    bench.recorder.until_parked(1).await;
    bench.connection.oneway(ECHO, &(), vec![5; 3000]).expect("queued");
    bench.connection.close("the test says so");
    let (recorder, rest) = bench.receive_end().await;
    assert!(rest.ends_with(&[5; 3000]));
    recorder.take_parked(0).ok(&());
}

#[tokio::test]
async fn draining_waits_for_parked_answers() {
    let mut bench = bench(ConnectionOptions::default());
    bench.send(&frame(WAIT, 1, 0, b"")).await;
    bench.recorder.until_parked(1).await;
    bench.connection.drain("the test says so");
    bench.send(&frame(ECHO, 2, 0, b"")).await;
    tokio::task::yield_now().await;
    bench.recorder.take_parked(0).ok(&());
    assert_eq!(bench.receive().await, ok(1, b""));
    let (_, rest) = bench.receive_end().await;
    assert!(rest.is_empty(), "nothing is read any more");
}

#[tokio::test(start_paused = true)]
async fn draining_ends_after_the_linger_time() {
    let linger = Duration::from_secs(2);
    let mut bench = bench(ConnectionOptions { linger, ..ConnectionOptions::default() });
    bench.send(&frame(WAIT, 1, 0, b"")).await;
    bench.recorder.until_parked(1).await;
    let start = Instant::now();
    bench.connection.drain("the test says so");
    bench.receive_end().await;
    assert!(start.elapsed() >= linger && start.elapsed() < linger * 2);
}

#[tokio::test]
async fn a_panicking_service_takes_only_its_connection_down() {
    struct Panics;
    impl Service for Panics {
        fn handle(&self, _request: Request<'_>, reply: Reply<'_>) {
            reply.forget();
            panic!("on purpose");
        }
    }
    let (mut peer, ours) = duplex(1000);
    let options = Arc::new(ConnectionOptions::default());
    let (connection, driver) = open(ours, address(), address(), options, Arc::new(Panics));
    let task = tokio::spawn(driver);
    peer.write_all(&frame(ECHO, 1, 0, b"")).await.expect("the pipe is open");
    assert!(task.await.is_err_and(|error| error.is_panic()));
    assert!(!connection.is_open());
}
