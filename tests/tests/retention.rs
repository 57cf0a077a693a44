//! Retention on real files: a broker is told that its disk is full, lets old segments go, and whatever waited in them still comes.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::remote::Remote;
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, now_ms};

const SEGMENT_BYTES: i64 = 65_536;
const LIMIT: Duration = Duration::from_secs(60);
/// Far enough ahead that all is stored before, near enough to wait for.
const WAIT_MS: i64 = 8_000;

fn broker(folder: &Folder) -> Server {
    broker_that_looks(folder, 20)
}

/// A broker that looks this often, in milliseconds, whether something is to go.
fn broker_that_looks(folder: &Folder, interval_ms: u32) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\nmetricsPromExporterPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog={SEGMENT_BYTES}\n\
             mappedFileSizeConsumeQueue=400\nmaxIndexNum=50\nmaxHashSlotNum=100\ncleanResourceInterval={interval_ms}\n\
             deleteCommitLogFilesInterval=0\ntransactionTimeOut=600000\nmessageDelayLevel=1s 8s\n\
             diskMaxUsedSpaceRatio=100\ndiskSpaceCleanForciblyRatio=100\ndiskSpaceWarningLevelRatio=100\n",
            port + 1,
            store = store.display()
        )
    })
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.path().join("store/commitlog")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn start_of(path: &Path) -> i64 {
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

/// Sends until the log goes on far behind `physical`.
async fn fill(remote: &Remote, physical: i64) {
    let body = "x".repeat(4_000);
    while remote.send("filler", 0, &body, &[]).await.physical < physical + 4 * SEGMENT_BYTES {}
}

/// Waits until everything before `physical` is gone.
async fn await_gone(folder: &Folder, physical: i64) {
    let deadline = Instant::now() + LIMIT;
    while start_of(&segments(folder)[0]) <= physical {
        assert!(Instant::now() < deadline, "{:?} are still there", segments(folder));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_waits_in_a_segment_outlives_it() {
    let folder = Folder::new("retention");
    let mut broker = broker(&folder);
    let remote = Remote::connect(&broker).await;
    remote.introduce().await;
    let due_ms = now_ms() + WAIT_MS;
    let due = format!("TIMER_DELIVER_MS={due_ms}");
    for body in ["one", "two"] {
        remote.send("popped", 0, body, &[]).await;
    }
    let held = remote.pop("poppers", "popped", 0, 2, Duration::from_secs(600)).await.expect("messages to pop");
    assert_eq!(held.messages.len(), 2);
    remote.acknowledge("poppers", "popped", 0, &held, &held.messages[0]).await;
    let timed = remote.send("timed", 0, "at its time", &[&due, "UNIQ_KEY=t1"]).await;
    remote.send("delayed", 0, "after its delay", &["DELAY=2", "UNIQ_KEY=d1"]).await;
    let half = remote.prepare("committed", "in the end").await;
    let plain = remote.send("plain", 0, "old", &["KEYS=old", "UNIQ_KEY=p1"]).await;
    fill(&remote, plain.physical).await;
    assert_eq!(remote.query("plain", "old").await.len(), 1);

    remote.configure("diskSpaceCleanForciblyRatio=1").await;
    await_gone(&folder, plain.physical).await;
    remote.configure("diskSpaceCleanForciblyRatio=100").await;
    assert!(timed.physical < start_of(&segments(&folder)[0]));

    assert_eq!(remote.min_offset("plain", 0).await, 1);
    let (code, next, min, messages) = remote.pull("plain", 0, 0).await;
    assert_eq!((code, next, min, messages.len()), (ResponseCode::PULL_OFFSET_MOVED, 1, 1, 0));
    assert_eq!(remote.query("plain", "old").await, []);
    assert_eq!(remote.send("plain", 0, "new", &[]).await.offset, 1, "offsets go on");
    assert!(remote.min_offset("filler", 0).await > 0);

    // A restart finds everything where it is now.
    broker.kill();
    broker.start_again();
    let remote = Remote::connect(&broker).await;
    remote.commit("committed", "in the end", &half).await;
    assert_eq!(remote.await_all("committed", 0, 1).await[0].body, "in the end");
    assert_eq!(remote.await_all("timed", 0, 1).await[0].body, "at its time");
    assert!(now_ms() >= due_ms);
    assert_eq!(remote.await_all("delayed", 0, 1).await[0].body, "after its delay");
    let again = remote.await_all("%RETRY%poppers_popped", 0, 1).await;
    assert_eq!(
        (again.len(), again[0].body.as_str(), again[0].attempts),
        (1, "two", 1),
        "only what was not acknowledged"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    for topic in ["committed", "timed", "delayed"] {
        assert_eq!(remote.all(topic, 0).await.len(), 1, "{topic}: once");
    }
    assert_eq!(remote.min_offset("plain", 0).await, 1);
    assert!(broker.stop().success());
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_refuses_messages_and_nothing_else() {
    let folder = Folder::new("nearly-full");
    let broker = broker(&folder);
    let remote = Remote::connect(&broker).await;
    remote.send("t", 0, "first", &[]).await;
    remote.configure("diskSpaceWarningLevelRatio=1").await;
    let deadline = Instant::now() + LIMIT;
    let refused = loop {
        let answer = remote.try_send("t", 0, "second", &[]).await;
        if answer.code != ResponseCode::SUCCESS {
            break answer;
        }
        assert!(Instant::now() < deadline, "messages are still accepted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refused.code, ResponseCode::SERVICE_NOT_AVAILABLE);
    assert!(refused.remark.unwrap().contains("diskSpaceWarningLevelRatio"));
    assert_eq!(remote.all("t", 0).await[0].body, "first", "reads go on");
    let held = remote.pop("poppers", "t", 0, 1, Duration::from_secs(60)).await.expect("POP goes on");
    remote.acknowledge("poppers", "t", 0, &held, &held.messages[0]).await;
    remote.configure("diskSpaceWarningLevelRatio=100").await;
    let deadline = Instant::now() + LIMIT;
    while remote.try_send("t", 0, "third", &[]).await.code != ResponseCode::SUCCESS {
        assert!(Instant::now() < deadline, "messages are still refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_operator_has_the_broker_look_at_once() {
    for code in [RequestCode::CLEAN_EXPIRED_CONSUMEQUEUE, RequestCode::DELETE_EXPIRED_COMMITLOG] {
        let folder = Folder::new("retention-asked");
        let broker = broker_that_looks(&folder, 3_600_000);
        let remote = Remote::connect(&broker).await;
        let first = remote.send("filler", 0, "first", &[]).await;
        fill(&remote, first.physical).await;
        remote.configure("diskSpaceCleanForciblyRatio=1").await;
        assert_eq!(start_of(&segments(&folder)[0]), 0, "nothing goes by itself for an hour");
        let wire = Wire::connect(&broker).await;
        let deadline = Instant::now() + LIMIT;
        // Each request is one look, which may find that something has to be stored again first.
        while start_of(&segments(&folder)[0]) <= first.physical {
            assert!(Instant::now() < deadline, "{code}: {:?} are still there", segments(&folder));
            wire.succeed(code, &Form::of(&[]), Body::Empty).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(remote.min_offset("filler", 0).await > 0, "{code}: queues are trimmed with the log");
    }
}
