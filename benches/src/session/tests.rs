//! Whole runs against a broker and name server that keep messages in a vector.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolide_remoting::body::{self, BrokerData, ClusterInfo, QueueData, TopicRouteData};
use bolide_remoting::header::{
    CreateTopicRequest, GetRouteInfoRequest, OffsetResponse, PullMessageRequest, PullMessageResponse,
    SendMessageRequest, SendMessageResponse,
};
use bolide_remoting::{Parked, Reply, Request, RequestCode, ResponseCode, Server, ServerOptions, Service};
use bolide_store::record::BatchMessages;
use clap::Parser;
use parking_lot::Mutex;

use super::*;
use crate::options::{Arguments, Command};
use crate::records;

/// A broker that registers nowhere and forgets everything.
#[derive(Default)]
struct Fake {
    address: OnceLock<String>,
    state: Mutex<State>,
    /// Sends are answered once so many of them wait.
    answer_together: usize,
    /// Sends are refused.
    refuses: bool,
    /// The most sends that waited at the same time.
    most_waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    topics: HashMap<String, i32>,
    /// The records of each queue of the one topic.
    queues: HashMap<i32, Vec<Vec<u8>>>,
    sends: Vec<Parked>,
    pulls: Vec<(Parked, i64)>,
}

impl Fake {
    fn broker(&self) -> BrokerData {
        let address = self.address.get().expect("the server listens").clone();
        BrokerData { broker_name: "fake".to_owned(), broker_addrs: [(0, address)].into(), ..BrokerData::default() }
    }

    fn stored(&self) -> usize {
        self.state.lock().queues.values().map(Vec::len).sum()
    }

    fn route(&self, topic: &str, reply: Reply<'_>) {
        let Some(&queues) = self.state.lock().topics.get(topic) else {
            return reply.fail(ResponseCode::TOPIC_NOT_EXIST, topic);
        };
        let queues = QueueData {
            broker_name: "fake".to_owned(),
            read_queue_nums: queues,
            write_queue_nums: queues,
            perm: 6,
            topic_sys_flag: 0,
        };
        let route = TopicRouteData {
            queue_datas: vec![queues],
            broker_datas: vec![self.broker()],
            ..TopicRouteData::default()
        };
        reply.ok_body(&(), body::encode_standard(&route));
    }

    fn send(&self, request: &Request<'_>, reply: Reply<'_>) {
        if self.refuses {
            return reply.fail(ResponseCode::SYSTEM_BUSY, "not today");
        }
        let header = SendMessageRequest::decode_v2(&request.header.fields).expect("a send");
        let mut state = self.state.lock();
        assert!(header.queue_id < state.topics[header.topic]);
        let queue = state.queues.entry(header.queue_id).or_default();
        if request.code() == RequestCode::SEND_BATCH_MESSAGE {
            assert!(header.batch);
            queue.extend(
                BatchMessages::new(request.body).map(|message| records::tests::record(message.expect("whole").body)),
            );
        } else {
            queue.push(records::tests::record(request.body));
        }
        state.sends.push(reply.park());
        self.most_waiting.fetch_max(state.sends.len(), Ordering::Relaxed);
        if state.sends.len() >= self.answer_together {
            let State { sends, pulls, .. } = &mut *state;
            sends.drain(..).for_each(|send| send.ok(&sent()));
            pulls.drain(..).for_each(|(pull, next)| {
                let answer = pulled(next, next);
                pull.answer(ResponseCode::PULL_RETRY_IMMEDIATELY, None, &answer, bytes::Bytes::new());
            });
        }
    }

    fn pull(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = PullMessageRequest::decode(&request.header.fields).expect("a pull");
        let mut state = self.state.lock();
        let records = state.queues.get(&header.queue_id).map_or(&[][..], Vec::as_slice);
        let begin = header.queue_offset as usize;
        let end = records.len().min(begin + header.max_msg_nums as usize);
        if begin < end {
            reply.ok_body(&pulled(end as i64, records.len() as i64), records[begin..end].concat());
        } else {
            assert!(header.has(PullMessageRequest::SUSPEND));
            state.pulls.push((reply.park(), header.queue_offset));
        }
    }

    fn max_offset(&self, request: &Request<'_>) -> OffsetResponse {
        let queue_id: i32 = request.header.fields.read("queueId").expect("a queue");
        OffsetResponse { offset: self.state.lock().queues.get(&queue_id).map_or(0, Vec::len) as i64 }
    }
}

impl Service for Fake {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        let fields = &request.header.fields;
        match request.code() {
            RequestCode::GET_ROUTEINFO_BY_TOPIC => {
                self.route(GetRouteInfoRequest::decode(fields).expect("a topic").topic, reply);
            }
            RequestCode::GET_BROKER_CLUSTER_INFO => {
                let broker_addr_table = [("fake".to_owned(), self.broker())].into();
                reply.ok_body(&(), body::encode(&ClusterInfo { broker_addr_table, ..ClusterInfo::default() }));
            }
            RequestCode::UPDATE_AND_CREATE_TOPIC => {
                let header = CreateTopicRequest::decode(fields).expect("a topic");
                self.state.lock().topics.insert(header.topic.to_owned(), header.write_queue_nums);
                reply.ok(&());
            }
            RequestCode::HEART_BEAT => reply.ok(&()),
            RequestCode::GET_MIN_OFFSET => reply.ok(&OffsetResponse { offset: 0 }),
            RequestCode::GET_MAX_OFFSET => reply.ok(&self.max_offset(&request)),
            RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE => self.send(&request, reply),
            RequestCode::PULL_MESSAGE => self.pull(&request, reply),
            other => panic!("nobody should ask for {other}"),
        }
    }
}

fn sent() -> SendMessageResponse<'static> {
    SendMessageResponse {
        msg_id: "",
        queue_id: 0,
        queue_offset: 0,
        transaction_id: None,
        batch_uniq_id: None,
        recall_handle: None,
        region: None,
        trace_on: None,
    }
}

fn pulled(next_begin_offset: i64, max_offset: i64) -> PullMessageResponse {
    PullMessageResponse {
        suggest_which_broker_id: 0,
        next_begin_offset,
        min_offset: 0,
        max_offset,
        offset_delta: None,
        topic_sys_flag: None,
        group_sys_flag: None,
        forbidden_type: None,
    }
}

fn serve(fake: Fake) -> (Server, Arc<Fake>) {
    let fake = Arc::new(fake);
    let any_port = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(&[any_port], ServerOptions::default(), fake.clone()).expect("a free port");
    fake.address.set(server.local_addr().to_string()).expect("set once");
    (server, fake)
}

/// Runs `mqbench` with these arguments against the server.
async fn run(server: &Server, arguments: &str) -> Result<Report, Failure> {
    let line = format!("mqbench {arguments} --quiet --namesrv {}", server.local_addr());
    match Arguments::try_parse_from(line.split_whitespace()).expect("valid arguments").command {
        Command::Produce(options) => produce(&options).await,
        Command::Consume(options) => consume(&options).await,
        Command::E2e(options) => end_to_end(&options).await,
        Command::Ready(_) => panic!("no report"),
    }
}

#[tokio::test]
async fn as_many_requests_are_in_flight_as_asked_for() {
    for (connections, slots) in [(1, 16), (2, 16), (16, 16)] {
        let (server, fake) = serve(Fake { answer_together: slots, ..Fake::default() });
        let arguments = format!("produce --messages 160 --in-flight {slots} --connections {connections} --size 10");
        let report = run(&server, &arguments).await.expect("a report");
        assert_eq!((report.messages, report.requests, report.failures), (160, 160, 0));
        assert_eq!(fake.most_waiting.load(Ordering::Relaxed), slots);
        assert_eq!(report.latency.expect("latencies").count, 160);
    }
}

#[tokio::test]
async fn queues_are_used_in_turn_and_a_backlog_is_read_to_its_end() {
    let (server, fake) = serve(Fake::default());
    let report = run(&server, "produce --messages 1000 --batch 7 --queues 4 --size 20").await.expect("a report");
    // Whole batches: 143 of them.
    assert_eq!((report.messages, report.requests), (1_001, 143));
    let mut lengths: Vec<usize> = fake.state.lock().queues.values().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [35 * 7, 36 * 7, 36 * 7, 36 * 7]);
    for connections in [1, 3, 9] {
        let arguments = format!("consume --backlog --connections {connections} --pull-batch 10");
        let report = run(&server, &arguments).await.expect("a report");
        assert_eq!((report.messages, report.failures), (1_001, 0));
        assert_eq!(report.requests, 26 * 3 + 25);
        assert_eq!(report.latency.expect("latencies of pulls").count, report.requests);
    }
}

#[tokio::test]
async fn an_empty_backlog_is_read_at_once() {
    let (server, _fake) = serve(Fake::default());
    let report = run(&server, "consume --backlog").await.expect("a report");
    assert_eq!((report.messages, report.latency), (0, None));
}

#[tokio::test]
async fn every_message_is_timed_from_end_to_end() {
    let (server, fake) = serve(Fake::default());
    // Of another run: it must not be taken for one of this run.
    run(&server, "produce --messages 5 --size 64").await.expect("a report");
    let arguments = "e2e --rate 2000 --duration 300ms --warmup 0s --size 64 --connections 2";
    let report = run(&server, arguments).await.expect("a report");
    let stored = fake.stored() as u64 - 5;
    assert!(stored > 0, "{report:?}");
    assert_eq!((report.lost, report.failures), (Some(0), 0));
    assert_eq!(report.latency.expect("latencies").count, stored);
    let unsent = report.unsent.expect("there is a rate");
    assert_eq!(report.send_latency.expect("latencies").count, stored + unsent);
}

#[tokio::test]
async fn a_server_that_refuses_everything_ends_the_run() {
    let (server, _fake) = serve(Fake { refuses: true, ..Fake::default() });
    let error = run(&server, "produce").await.expect_err("nothing was stored");
    assert!(error.to_string().contains("SYSTEM_BUSY (2): not today"), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_away_ends_the_run() {
    let (server, fake) = serve(Fake { answer_together: usize::MAX, ..Fake::default() });
    let address = server.local_addr();
    let arguments = format!("mqbench produce --quiet --namesrv {address}");
    let Command::Produce(options) = Arguments::parse_from(arguments.split_whitespace()).command else {
        panic!("it says produce")
    };
    let leave = async {
        while fake.state.lock().sends.is_empty() {
            tokio::task::yield_now().await;
        }
        drop(server);
    };
    let (result, ()) = tokio::join!(produce(&options), leave);
    let error = result.expect_err("the server is gone");
    assert!(error.to_string().contains("was closed"), "{error}");
}

#[tokio::test]
async fn too_few_slots_for_the_connections_are_refused() {
    let (server, _fake) = serve(Fake::default());
    let error = run(&server, "produce --connections 3 --in-flight 2").await.expect_err("one would have none");
    assert!(error.to_string().contains("3 connections"), "{error}");
}

#[test]
fn shares_add_up() {
    for (amount, connections) in [(16, 1), (16, 16), (17, 16), (3, 2), (1_000_000, 7), (0, 3)] {
        let shares: Vec<u64> = (0..connections).map(|index| share(amount, index, connections)).collect();
        assert_eq!(shares.iter().sum::<u64>(), amount);
        assert!(shares[0] - shares[connections - 1] <= 1, "{shares:?}");
    }
}
