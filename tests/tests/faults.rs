//! Real faults of a data folder: a file system that is full, one that cannot be written, folders that are not there, and a second broker,
//! Java's or ours, on the same folder. Kills are in `crash`, failing disks in the store's own tests, on a simulated one.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use bolide_remoting::ResponseCode;
use bolide_tests::binaries::{Maker, Role};
use bolide_tests::cluster::start_from;
use bolide_tests::folder::Folder;
use bolide_tests::ports::free_block;
use bolide_tests::remote::Remote;
use bolide_tests::server::Server;
use bolide_tests::small_disk::SmallDisk;
use bolide_tests::toolchain;

const MIB: u64 = 1 << 20;
const DISK_BYTES: u64 = 32 * MIB;
/// Bodies of all lengths up to this are sent.
const MAX_BODY_BYTES: usize = 100_000;
const LIMIT: Duration = Duration::from_secs(60);
const APACHE: &str = "5.5.0";

/// The settings of a broker with its data in `store`, which holds messages back for no other reason than a disk that is full.
fn config(store: &Path, port: u16) -> String {
    format!(
        "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\n\
         storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=2097152\n\
         mappedFileSizeConsumeQueue=2000\nmaxIndexNum=500\nmaxHashSlotNum=100\n\
         diskMaxUsedSpaceRatio=100\ndiskSpaceCleanForciblyRatio=100\ndiskSpaceWarningLevelRatio=100\n",
        port + 1,
        store = store.display()
    )
}

fn broker(maker: &Maker, folder: &Folder, store: &Path) -> Server {
    start_from(maker, Role::Broker, "broker", folder.path(), |port| config(store, port))
}

/// Starts one more broker on a folder where none can start; answers what it wrote last.
fn refusal(maker: Maker, folder: &Folder, store: &Path) -> String {
    let port = free_block() + 2;
    let path = folder.path().join("second.conf");
    std::fs::write(&path, config(store, port)).unwrap();
    match Server::start(maker, Role::Broker, "second", folder.path(), &path, port) {
        Ok(_) => panic!("a broker has started on {}", store.display()),
        Err(problem) => problem.log_tail,
    }
}

/// Checks that the last line of a log says all this.
fn assert_says(log: &str, words: &[&str]) {
    let line = log.lines().last().unwrap_or_default();
    assert!(words.iter().all(|word| line.contains(word)), "the last line is to say {words:?}:\n{log}");
}

async fn bodies(remote: &Remote) -> Vec<String> {
    remote.all("t", 0).await.into_iter().map(|message| message.body).collect()
}

/// Sends until the broker refuses; answers what it accepted and the refusal's text.
async fn fill(remote: &Remote, stored: &mut Vec<String>) -> String {
    for number in stored.len().. {
        assert!(number < 4_096, "messages are still accepted");
        let body = format!("{number}/{}", "x".repeat(number * 7_919 % MAX_BODY_BYTES));
        let answer = remote.try_send("t", 0, &body, &["KEYS=k"]).await;
        if answer.code != ResponseCode::SUCCESS {
            assert_eq!(answer.code, ResponseCode::SERVICE_NOT_AVAILABLE, "{:?}", answer.remark);
            return answer.remark.unwrap().to_string();
        }
        stored.push(body);
    }
    unreachable!("the numbers do not end");
}

/// Sends what needs a new segment, until the broker accepts it.
async fn await_room(remote: &Remote, stored: &mut Vec<String>) {
    let deadline = Instant::now() + LIMIT;
    let body = format!("{}/{}", stored.len(), "x".repeat(MAX_BODY_BYTES));
    loop {
        let answer = remote.try_send("t", 0, &body, &[]).await;
        if answer.code == ResponseCode::SUCCESS {
            stored.push(body);
            return;
        }
        assert!(Instant::now() < deadline, "messages are still refused: {:?}", answer.remark);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_messages_until_there_is_room() {
    let disk = match SmallDisk::new(DISK_BYTES) {
        Ok(disk) => disk,
        Err(problem) => return toolchain::skip(&format!("a full disk cannot be tested: {problem}")),
    };
    let folder = Folder::new("full");
    disk.fill("ballast", DISK_BYTES / 2);
    let mut broker = broker(&Maker::Ours, &folder, &disk.path().join("store"));
    let remote = Remote::connect(&broker).await;
    let mut stored = Vec::new();
    let reason = fill(&remote, &mut stored).await;
    assert!(reason.contains("no room"), "{reason}");
    assert!(stored.len() > 50, "only {} messages had room", stored.len());
    assert!(bodies(&remote).await == stored, "reads go on");
    assert_eq!(remote.query("t", "k").await.len(), 32, "so do searches");
    let held = remote.pop("poppers", "t", 0, 1, Duration::from_secs(60)).await;
    assert!(held.is_none_or(|held| held.messages.len() == 1), "a POP is answered, or refused for want of room");

    // Killed while there is no room for anything, it still comes back with everything.
    broker.kill();
    broker.start_again();
    let remote = Remote::connect(&broker).await;
    assert!(bodies(&remote).await == stored, "after a kill");
    fill(&remote, &mut stored).await;

    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    await_room(&remote, &mut stored).await;
    let accepted = stored.len();
    fill(&remote, &mut stored).await;
    assert!(stored.len() > accepted + 50, "the new room is used: {} and {accepted}", stored.len());
    assert!(bodies(&remote).await == stored, "after the room was used");
    broker.kill();
    broker.start_again();
    let remote = Remote::connect(&broker).await;
    assert!(bodies(&remote).await == stored, "in the end");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused_by_name() {
    let folder = Folder::new("read-only");
    let Ok(mut disk) = SmallDisk::new(DISK_BYTES) else {
        // Nobody may create anything there, the superuser included.
        let store = Path::new("/proc/bolide");
        return assert_says(&refusal(Maker::Ours, &folder, store), &["cannot create /proc/bolide"]);
    };
    let store = disk.path().join("store");
    let mut broker = broker(&Maker::Ours, &folder, &store);
    Remote::connect(&broker).await.send("t", 0, "kept", &[]).await;
    broker.stop();
    if !disk.remount("ro") {
        return assert_says(&refusal(Maker::Ours, &folder, Path::new("/proc/bolide")), &["cannot create /proc/bolide"]);
    }
    let said = refusal(Maker::Ours, &folder, &store);
    assert_says(&said, &[&store.display().to_string(), "Read-only file system"]);
    assert!(disk.remount("rw"));
    broker.start_again();
    assert_eq!(bodies(&Remote::connect(&broker).await).await, ["kept"]);
}

#[tokio::test]
async fn missing_folders_are_made_and_a_missing_log_is_not_taken_for_an_empty_one() {
    let folder = Folder::new("missing");
    let store = folder.path().join("not/there/yet");
    let mut broker = broker(&Maker::Ours, &folder, &store);
    Remote::connect(&broker).await.send("t", 0, "kept", &[]).await;
    broker.stop();

    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let below = file.join("store");
    assert_says(&refusal(Maker::Ours, &folder, &below), &[&below.display().to_string(), "Not a directory"]);

    // As if its disk were not mounted.
    let log = store.join("commitlog");
    std::fs::rename(&log, folder.path().join("unmounted")).unwrap();
    assert_says(&refusal(Maker::Ours, &folder, &store), &[&log.display().to_string(), "mount"]);
    // The folder that is there now is no better.
    assert_says(&refusal(Maker::Ours, &folder, &store), &[&log.display().to_string(), "mount"]);
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(folder.path().join("unmounted"), &log).unwrap();
    std::fs::remove_dir_all(store.join("consumequeue")).unwrap();
    std::fs::remove_dir_all(store.join("index")).unwrap();
    broker.start_again();
    assert_eq!(bodies(&Remote::connect(&broker).await).await, ["kept"], "queues follow from the log");
}

#[tokio::test]
async fn a_second_broker_of_ours_is_refused() {
    let folder = Folder::new("second");
    let store = folder.path().join("store");
    let broker = broker(&Maker::Ours, &folder, &store);
    let said = refusal(Maker::Ours, &folder, &store);
    assert_says(&said, &[&store.join("lock").display().to_string(), "locked by another broker"]);
    assert_eq!(Remote::connect(&broker).await.send("t", 0, "still served", &[]).await.offset, 0);
}

#[tokio::test]
async fn ours_and_apaches_broker_refuse_each_others_folders() {
    if !toolchain::available("Apache's servers", &["java -version", "mvn -version"]) {
        return;
    }
    let apache = Maker::Apache(APACHE.to_owned());
    let folder = Folder::new("second-java");
    let store = folder.path().join("store");
    let mut broker = broker(&Maker::Ours, &folder, &store);
    let said = refusal(apache.clone(), &folder, &store);
    assert!(said.contains("Lock failed"), "{said}");
    assert_eq!(Remote::connect(&broker).await.send("t", 0, "still served", &[]).await.offset, 0);
    broker.stop();

    broker.hand_over(apache);
    broker.start_again();
    let said = refusal(Maker::Ours, &folder, &store);
    assert_says(&said, &[&store.join("lock").display().to_string(), "locked by another broker"]);
    let remote = Remote::connect(&broker).await;
    assert_eq!(remote.send("t", 0, "still served by Java", &[]).await.offset, 1);
}
