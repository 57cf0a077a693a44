//! The scrub on real files: a bit of a full segment turns while a broker serves it, in a field that no checksum of Apache's covers,
//! and the broker says where.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use bolide_remoting::{Body, RequestCode};
use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire};
use serde::Deserialize;

const SEGMENT_BYTES: u64 = 65_536;
const LIMIT: Duration = Duration::from_secs(120);
/// Where a record says when its message was born: nothing but the scrub would notice.
const BORN_AT: u64 = 40;

#[derive(Deserialize)]
struct Info {
    table: BTreeMap<String, String>,
}

/// Asks for the broker's state until `is_there` finds what it looks for.
async fn await_info(wire: &Wire, is_there: impl Fn(&BTreeMap<String, String>) -> bool) -> BTreeMap<String, String> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = wire.succeed(RequestCode::GET_BROKER_RUNTIME_INFO, &Form::of(&[]), Body::Empty).await;
        let Info { table } = serde_json::from_slice(&answer.body).unwrap();
        if is_there(&table) {
            return table;
        }
        assert!(Instant::now() < deadline, "still {table:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_while_the_broker_runs_and_after_a_restart() {
    let folder = Folder::new("scrub");
    let store = folder.path().join("store");
    let mut broker = start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog={SEGMENT_BYTES}\n\
             flushIntervalCommitLog=10\nflushCommitLogLeastPages=0\nscrubInterval=1000\n",
            port + 1,
            store = store.display()
        )
    });
    let wire = Wire::connect_to(&broker.address()).await;
    for _ in 0..40 {
        wire.send("Orders", &["TAGS=new"], &"x".repeat(4_000)).await;
    }
    let all_known = |info: &BTreeMap<String, String>| info["scrubKnownSegments"] == "2 of 2";
    assert_eq!(await_info(&wire, all_known).await["scrubDamages"], "0");

    let segment = store.join("commitlog").join(format!("{SEGMENT_BYTES:020}"));
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, BORN_AT).unwrap();
    file.write_all_at(&[byte[0] ^ 1], BORN_AT).unwrap();

    let is_damaged = |info: &BTreeMap<String, String>| info["scrubDamages"] == "1";
    let place = format!("the byte at {}, in the record at {SEGMENT_BYTES}", SEGMENT_BYTES + BORN_AT);
    let damage = await_info(&wire, is_damaged).await["scrubLastDamage"].clone();
    assert!(damage.starts_with(segment.to_str().unwrap()) && damage.contains(&place), "{damage}");
    assert!(broker.log_tail().contains(&place));

    assert!(broker.stop().success());
    broker.start_again();
    let wire = Wire::connect_to(&broker.address()).await;
    await_info(&wire, is_damaged).await;

    file.write_all_at(&byte, BORN_AT).unwrap();
    await_info(&wire, |info| info["scrubDamages"] == "0").await;
    assert!(broker.stop().success());
}
