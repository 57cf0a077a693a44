//! One data folder, handed from Apache's broker to ours and back, three times, stopped cleanly or killed: whoever has it, everything
//! that either has written is there, and what waits at the switch comes once.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bolide_tests::binaries::{Maker, Role};
use bolide_tests::cluster::start_from;
use bolide_tests::folder::Folder;
use bolide_tests::remote::{Popped, Remote, Sent};
use bolide_tests::server::Server;
use bolide_tests::toolchain;
use bolide_tests::wire::now_ms;

const TURNS: usize = 3;
const GROUP: &str = "consumers";
/// The group that pulls, and so exists.
const JUDGE: &str = "judge";
const POPPERS: &str = "poppers";
/// How long what waits at a switch waits at least.
const WAIT_MS: i64 = 4_000;
/// How long a message is popped for that is acknowledged after the switch.
const HELD_MS: i64 = 30_000;
/// How long a broker may take to deliver what is due.
const LIMIT: Duration = Duration::from_secs(60);
/// Time for a second delivery to come, if there is one.
const SECOND: Duration = Duration::from_millis(1_500);
/// Both brokers save what they keep in memory at this interval.
const SAVE_MS: u64 = 500;

/// How a broker ends before another one takes its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopped,
    Killed,
}

/// What waits while a folder changes hands.
struct Waiting {
    leg: usize,
    half: Sent,
    held: Option<Held>,
}

/// A message that was popped, and is acknowledged when the folder has changed hands.
struct Held {
    popped: Popped,
    /// When it would come again without that.
    due_ms: i64,
}

/// A folder, whoever has it, and what must be in it.
struct Handover {
    folder: Folder,
    apache: String,
    server: Server,
    /// Bodies by topic and queue, in order.
    stored: BTreeMap<(String, i32), Vec<String>>,
    /// Keys and the bodies that they lead to.
    keys: BTreeMap<String, String>,
    offset: i64,
    /// When messages would come again that were acknowledged in time, by the leg.
    acknowledged: BTreeMap<usize, i64>,
    begun: Instant,
}

fn config(folder: &Folder, port: u16) -> String {
    let store = folder.path().join("store");
    format!(
        "brokerClusterName=DefaultCluster\nbrokerName=broker-a\nbrokerIP1=127.0.0.1\nbrokerIP2=127.0.0.1\nlistenPort={port}\n\
         haListenPort={}\nnamesrvListenPort=0\nstorePathRootDir={store}\nstorePathCommitLog={store}/commitlog\n\
         mappedFileSizeCommitLog=65536\nmappedFileSizeConsumeQueue=400\nmaxHashSlotNum=100\nmaxIndexNum=60\n\
         grpcServerPort=0\nmetricsPromExporterPort=0\nmaxMessageSize=16384\nmessageDelayLevel=1s 4s\nflushConsumerOffsetInterval={SAVE_MS}\nflushDelayOffsetInterval={SAVE_MS}\n\
         transactionTimeOut=600000\nreviveQueueNum=2\nbrokerFastFailureEnable=false\nosPageCacheBusyTimeOutMills=60000\nautoCreateTopicEnable=true\nautoCreateSubscriptionGroup=true\n",
        port + 1,
        store = store.display()
    )
}

impl Handover {
    fn begin(apache: &str, folder: &str) -> Self {
        let folder = Folder::new(folder);
        let maker = Maker::Apache(apache.to_owned());
        let server = start_from(&maker, Role::Broker, "broker", folder.path(), |port| config(&folder, port));
        Handover {
            folder,
            apache: apache.to_owned(),
            server,
            stored: BTreeMap::new(),
            keys: BTreeMap::new(),
            offset: 0,
            acknowledged: BTreeMap::new(),
            begun: Instant::now(),
        }
    }

    /// Whether both brokers have timers and POP.
    fn is_5(&self) -> bool {
        self.apache.starts_with("5.")
    }

    fn note(&mut self, topic: &str, queue: i32, body: &str) {
        self.stored.entry((topic.to_owned(), queue)).or_default().push(body.to_owned());
    }

    /// Stores messages of all kinds, over several segments.
    async fn write(&mut self, remote: &Remote, leg: usize) {
        for number in 0..60 {
            let (topic, queue) = (["orders", "events"][number % 2], (number % 4) as i32);
            let (body, key) = (format!("{leg}/{number}/{}", "x".repeat(number * 60)), format!("key-{leg}-{number}"));
            let keys = format!("KEYS={key} shared-{leg}");
            remote.send(topic, queue, &body, &["TAGS=blue", &keys]).await;
            self.note(topic, queue, &body);
            self.keys.insert(format!("{topic}#{key}"), body);
        }
        let batch = [format!("{leg}/batch/a"), format!("{leg}/batch/b"), format!("{leg}/batch/c")];
        remote.send_batch("batches", 0, &[&batch[0], &batch[1], &batch[2]]).await;
        batch.iter().for_each(|body| self.note("batches", 0, body));
        remote.create_topic(&format!("settled-{leg}"), 3 + leg as i32).await;
    }

    /// Leaves what waits while the folder changes hands.
    async fn leave(&mut self, remote: &Remote, leg: usize) -> Waiting {
        let due = format!("TIMER_DELIVER_MS={}", now_ms() + WAIT_MS);
        remote.send(&format!("delayed-{leg}"), 0, &format!("delayed {leg}"), &["DELAY=2"]).await;
        let half = remote.prepare(&format!("committed-{leg}"), &format!("committed {leg}")).await;
        let back = remote.all("orders", 0).await.pop().expect("an order");
        remote.send_back(&format!("{GROUP}-{leg}"), &back, 2).await;
        let mut held = None;
        if self.is_5() {
            remote.send(&format!("timed-{leg}"), 0, &format!("timed {leg}"), &[&due]).await;
            let topic = format!("popped-{leg}");
            for body in ["acknowledged", "forgotten"] {
                remote.send(&topic, 0, body, &[]).await;
            }
            let due_ms = now_ms() + HELD_MS;
            held = Some(Held { popped: pop_one(remote, &topic, HELD_MS).await, due_ms });
            assert_eq!(pop_one(remote, &topic, WAIT_MS).await.messages[0].body, "forgotten");
        }
        Waiting { leg, half, held }
    }

    /// What waited while the folder changed hands comes, once.
    async fn receive(&mut self, remote: &Remote, waiting: &Waiting) {
        let leg = waiting.leg;
        let committed = format!("committed-{leg}");
        if let Some(Held { popped, due_ms }) = &waiting.held {
            remote.acknowledge(POPPERS, &format!("popped-{leg}"), 0, popped, &popped.messages[0]).await;
            if now_ms() < *due_ms {
                self.acknowledged.insert(leg, *due_ms);
            }
        }
        remote.commit(&committed, &format!("committed {leg}"), &waiting.half).await;
        let mut topics = vec![committed, format!("delayed-{leg}"), format!("%RETRY%{GROUP}-{leg}")];
        if self.is_5() {
            topics.push(format!("timed-{leg}"));
            self.await_forgotten(remote, leg).await;
        }
        for topic in &topics {
            remote.await_all(topic, 0, 1).await;
        }
        tokio::time::sleep(SECOND).await;
        for topic in &topics {
            let came = remote.all(topic, 0).await;
            assert_eq!(came.len(), 1, "leg {leg}, {topic}: {came:?}");
        }
        if self.is_5() {
            self.await_forgotten(remote, leg).await;
        }
    }

    /// Waits for the message that was popped and forgotten. The other one does not come, unless it was acknowledged too late.
    async fn await_forgotten(&self, remote: &Remote, leg: usize) {
        let late = usize::from(!self.acknowledged.contains_key(&leg));
        let deadline = Instant::now() + LIMIT;
        loop {
            let again = remote.all(&retry(leg), 0).await;
            let count = |body: &str| again.iter().filter(|message| message.body == body).count();
            assert!(
                count("forgotten") <= 1 && again.iter().all(|message| message.attempts == 1),
                "leg {leg}: {again:?}"
            );
            assert!(count("acknowledged") <= late, "leg {leg}: {again:?}");
            if count("forgotten") == 1 {
                return;
            }
            assert!(Instant::now() < deadline, "leg {leg}: what was popped and forgotten does not come");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that was ever stored is there.
    async fn check(&self, remote: &Remote, leg: usize) {
        for ((topic, queue), bodies) in &self.stored {
            let all = remote.all(topic, *queue).await;
            let shown: Vec<_> = all.iter().map(|message| message.body.as_str()).collect();
            assert_eq!(shown, bodies.iter().map(String::as_str).collect::<Vec<_>>(), "leg {leg}, {topic} {queue}");
            assert!(all.iter().enumerate().all(|(at, message)| message.offset == at as i64), "leg {leg}, {topic}");
        }
        for (key, body) in &self.keys {
            let (topic, key) = key.split_once('#').unwrap();
            // Apache's enters keys a second time after it was killed.
            let mut found = remote.query(topic, key).await;
            found.dedup();
            let found: Vec<_> = found.into_iter().map(|message| message.body).collect();
            assert_eq!(found, [body.as_str()], "leg {leg}, {topic} {key}");
        }
        let topics = remote.topics().await;
        for earlier in 0..leg {
            let name = format!(r#""topicName":"settled-{earlier}""#);
            let start = topics.find(&name).unwrap_or_else(|| panic!("leg {leg}: no {name} in {topics}"));
            let object = &topics[topics[..start].rfind('{').unwrap()..];
            let object = &object[..object.find("\"topicFilterType").map_or(object.len(), |_| object.len().min(600))];
            let queues = format!(r#""writeQueueNums":{}"#, 3 + earlier);
            assert!(object.contains(&queues), "leg {leg}: {object}");
        }
        for earlier in self.acknowledged.keys() {
            self.await_forgotten(remote, *earlier).await;
        }
        let offset = remote.offset(JUDGE, "orders", 0).await.unwrap_or(0);
        assert_eq!(offset, self.offset, "leg {leg}: the group's offset");
    }

    /// Hands the folder over to the other maker.
    async fn switch(&mut self, remote: Remote, leg: usize, end: End) -> Remote {
        if end == End::Stopped {
            // Apache's saves offsets by itself only from the tenth second on.
            self.offset = leg as i64 + 1;
            remote.set_offset(JUDGE, "orders", 0, self.offset).await;
        }
        drop(remote);
        match end {
            End::Stopped => drop(self.server.stop()),
            End::Killed => self.server.kill(),
        }
        let to = if leg.is_multiple_of(2) { Maker::Ours } else { Maker::Apache(self.apache.clone()) };
        println!("{:?}: leg {leg} ended ({end:?}), {to:?} takes over", self.begun.elapsed());
        self.server.hand_over(to);
        self.server.start_again();
        Remote::connect(&self.server).await
    }
}

/// The topic on which popped messages of a leg come again.
fn retry(leg: usize) -> String {
    format!("%RETRY%{POPPERS}_popped-{leg}")
}

/// Pops one message, however long it takes a broker to let it be seen.
async fn pop_one(remote: &Remote, topic: &str, invisible_ms: i64) -> Popped {
    loop {
        let popped = remote.pop(POPPERS, topic, 0, 1, Duration::from_millis(invisible_ms.unsigned_abs())).await;
        if let Some(popped) = popped.filter(|popped| !popped.messages.is_empty()) {
            return popped;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hand_to_and_fro(apache: &str, purpose: &str) {
    if !toolchain::available("Apache's servers", &["java -version", "mvn -version"]) {
        return;
    }
    let mut handover = Handover::begin(apache, purpose);
    let mut remote = Remote::connect(&handover.server).await;
    for leg in 0..TURNS * 2 {
        remote.introduce().await;
        handover.write(&remote, leg).await;
        let waiting = handover.leave(&remote, leg).await;
        // Both makers are stopped and killed.
        let end = if leg % 4 < 2 { End::Stopped } else { End::Killed };
        remote = handover.switch(remote, leg, end).await;
        remote.introduce().await;
        handover.receive(&remote, &waiting).await;
        handover.check(&remote, leg + 1).await;
    }
    // By now everything that was popped would have come again.
    let due_ms = handover.acknowledged.values().max().map_or(0, |due_ms| due_ms + WAIT_MS);
    tokio::time::sleep(Duration::from_millis((due_ms - now_ms()).max(0).unsigned_abs())).await;
    handover.check(&remote, TURNS * 2).await;
    assert!(handover.folder.path().join("store/commitlog").is_dir());
}

#[tokio::test]
async fn a_folder_of_5_5_0_goes_to_and_fro() {
    hand_to_and_fro("5.5.0", "takeover-5").await;
}

#[tokio::test]
async fn a_folder_of_4_9_7_goes_to_and_fro() {
    hand_to_and_fro("4.9.7", "takeover-4").await;
}
