//! The load of ordinary messages, single and in batches, and what the broker shows of them: everything that was acknowledged has to be
//! exactly where the answer said.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bolide_remoting::header::{
    GetMaxOffsetRequest, OffsetResponse, PullMessageRequest, PullMessageResponse, SendMessageRequest,
    SendMessageResponse, SendMessageV2,
};
use bolide_remoting::{Body, Client, ClientOptions, RequestCode, ResponseCode};
use bolide_store::record::{Step, encode_message_id, step};
use bolide_tests::history::{History, Place, Stored};
use bolide_tests::server::Server;
use bolide_tests::wire::now_ms;
use tokio::task::JoinSet;

/// The topic of all these messages.
pub(crate) const TOPIC: &str = "crash";
/// Its queues.
pub(crate) const QUEUES: usize = 4;
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 8;
/// One send in this many is a batch.
const BATCH_EVERY: u64 = 8;
const BATCH_MESSAGES: u64 = 5;
const CALL_LIMIT: Duration = Duration::from_secs(60);

async fn connect(broker: &Server) -> Client {
    Client::connect(&broker.address(), ClientOptions::default(), Arc::new(())).await.expect("the broker listens")
}

/// What the senders of one round share.
pub(crate) struct Load {
    history: Arc<Mutex<History>>,
    round: u32,
    next: AtomicU64,
    acknowledged: AtomicUsize,
}

impl Load {
    /// The load of a round whose sends become part of the history.
    pub(crate) fn new(history: &Arc<Mutex<History>>, round: u32) -> Arc<Self> {
        Arc::new(Load {
            history: Arc::clone(history),
            round,
            next: AtomicU64::new(0),
            acknowledged: AtomicUsize::new(0),
        })
    }

    /// Sends over several connections at once, until they are gone.
    pub(crate) async fn begin(self: &Arc<Self>, broker: &Server, tasks: &mut JoinSet<()>) {
        for _ in 0..CONNECTIONS {
            let client = Arc::new(connect(broker).await);
            for _ in 0..IN_FLIGHT {
                tasks.spawn(Arc::clone(self).send_until_broken(Arc::clone(&client)));
            }
        }
    }

    /// How many messages were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Sends one message or batch after another until the connection is gone.
    async fn send_until_broken(self: Arc<Self>, client: Arc<Client>) {
        while client.is_open() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let bodies: Vec<String> = if number.is_multiple_of(BATCH_EVERY) {
                (0..BATCH_MESSAGES).map(|part| self.body(number, part)).collect()
            } else {
                vec![self.body(number, 0)]
            };
            self.send(&client, number, &bodies).await;
        }
    }

    /// A body that no other message has, of one of many lengths.
    fn body(&self, number: u64, part: u64) -> String {
        let padding = (number * 131 + part * 17) % 1_400;
        format!("{}/{number}/{part}/{}", self.round, "x".repeat(padding as usize))
    }

    async fn send(&self, client: &Client, number: u64, bodies: &[String]) {
        for body in bodies {
            self.history.lock().unwrap().sending(body);
        }
        let batch = bodies.len() > 1;
        let request = SendMessageRequest {
            producer_group: "crash-producers",
            topic: TOPIC,
            default_topic: "TBW102",
            default_topic_queue_nums: QUEUES as i32,
            queue_id: (number % QUEUES as u64) as i32,
            sys_flag: 0,
            born_timestamp: now_ms(),
            flag: 0,
            properties: Some("KEYS\u{1}key\u{2}"),
            reconsume_times: 0,
            unit_mode: false,
            batch,
            max_reconsume_times: None,
            broker_name: None,
        };
        let (code, body) = if batch {
            (RequestCode::SEND_BATCH_MESSAGE, encode_batch(bodies))
        } else {
            (RequestCode::SEND_MESSAGE_V2, bodies[0].clone().into_bytes())
        };
        let Ok(answer) = client.request(code, &SendMessageV2(&request), body, CALL_LIMIT).await else {
            return;
        };
        if answer.code != ResponseCode::SUCCESS {
            // Not stored, or not known to be: unknown either way.
            return;
        }
        let answer = SendMessageResponse::decode(&answer.fields.fields()).expect("the answer to a send is complete");
        let ids: Vec<&str> = answer.msg_id.split(',').collect();
        assert_eq!(ids.len(), bodies.len(), "the ids in the answer to a send of {} messages", bodies.len());
        let mut history = self.history.lock().unwrap();
        for (index, (body, id)) in bodies.iter().zip(ids).enumerate() {
            let place = Place { queue: answer.queue_id, offset: answer.queue_offset + index as i64, id: id.to_owned() };
            history.acknowledged(body, place);
        }
        self.acknowledged.fetch_add(bodies.len(), Ordering::Relaxed);
    }
}

/// The body of SEND_BATCH_MESSAGE, as clients write it.
fn encode_batch(bodies: &[String]) -> Vec<u8> {
    let mut batch = Vec::new();
    for body in bodies {
        let properties = "KEYS\u{1}key\u{2}";
        let size = 4 * 5 + body.len() + 2 + properties.len();
        // Size, magic, checksum and flag; the broker looks at none but the flag.
        for word in [size as u32, 0, 0, 0, body.len() as u32] {
            batch.extend(word.to_be_bytes());
        }
        batch.extend(body.as_bytes());
        batch.extend((properties.len() as u16).to_be_bytes());
        batch.extend(properties.as_bytes());
    }
    batch
}

/// Everything that the broker has of each queue from an offset on.
pub(crate) async fn show(broker: &Server, from: [i64; QUEUES]) -> BTreeMap<i32, Vec<Stored>> {
    let client = connect(broker).await;
    let mut shown = BTreeMap::new();
    for (queue, mut next) in (0..).zip(from) {
        let request = GetMaxOffsetRequest { topic: TOPIC, queue_id: queue, committed: false };
        let answer =
            client.request(RequestCode::GET_MAX_OFFSET, &request, Body::Empty, CALL_LIMIT).await.expect("an answer");
        let end = OffsetResponse::decode(&answer.fields.fields()).expect("a highest offset").offset;
        let mut messages = Vec::new();
        while next < end {
            next = pull(&client, queue, next, &mut messages).await;
        }
        shown.insert(queue, messages);
    }
    shown
}

/// Pulls some messages from this offset on, and returns where to go on.
async fn pull(client: &Client, queue: i32, offset: i64, messages: &mut Vec<Stored>) -> i64 {
    let request = PullMessageRequest {
        consumer_group: "crash-judge",
        topic: TOPIC,
        lite_topic: None,
        queue_id: queue,
        queue_offset: offset,
        max_msg_nums: 1_000,
        sys_flag: PullMessageRequest::SUBSCRIPTION,
        commit_offset: -1,
        suspend_timeout_millis: 0,
        subscription: Some("*"),
        sub_version: 0,
        expression_type: Some("TAG"),
        max_msg_bytes: None,
        request_source: None,
        proxy_forward_client_id: None,
    };
    let answer = client.request(RequestCode::PULL_MESSAGE, &request, Body::Empty, CALL_LIMIT).await.expect("an answer");
    assert_eq!(answer.code, ResponseCode::SUCCESS, "the pull of queue {queue} at {offset}: {:?}", answer.remark);
    let mut rest = &answer.body[..];
    while !rest.is_empty() {
        let Ok(Step::Record(record)) = step(rest) else {
            panic!("queue {queue} holds something else than records at {offset}")
        };
        record.verify(record.physical_offset()).expect("the record is sound");
        assert_eq!(record.topic(), TOPIC);
        let place = Place {
            queue: record.queue().0,
            offset: record.queue_offset().0,
            id: encode_message_id(record.store_host(), record.physical_offset()),
        };
        messages.push(Stored { place, body: String::from_utf8_lossy(record.body()).into_owned() });
        rest = &rest[record.size()..];
    }
    let next = PullMessageResponse::decode(&answer.fields.fields()).expect("a complete answer").next_begin_offset;
    assert!(next > offset, "the pull of queue {queue} at {offset} goes on at {next}");
    next
}
