//! One store per folder.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::{Machine, message, small_options};
use crate::clock::SystemClock;
use crate::disk::RealDisk;
use crate::error::StoreError;
use crate::events::NoEvents;
use crate::offset::{QueueId, QueueOffset};
use crate::store::Store;

/// Where the helper process finds the folder.
const FOLDER: &str = "BOLIDE_TEST_LOCKED_FOLDER";

fn open(root: &Path) -> Result<Store, StoreError> {
    Store::open(small_options(root), Arc::new(RealDisk), Arc::new(SystemClock), Arc::new(NoEvents))
}

#[test]
fn a_second_store_in_the_same_process_is_refused() {
    let machine = Machine::new();
    let store = machine.open();
    assert!(matches!(machine.try_open(), Err(StoreError::Locked { .. })));
    drop(store);
    machine.open();
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(StoreError::Locked { .. })));
    let helper = || {
        let test = std::env::current_exe().unwrap();
        let output = Command::new(test)
            .args(["--exact", "store::tests::lock::helper", "--nocapture"])
            .env(FOLDER, dir.path())
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(helper().contains("helper: locked"), "the attempts of this process must not have opened the lock");
    drop(store);
    assert!(helper().contains("helper: opened"));
}

/// Run by the test above in a process of its own; does nothing otherwise.
#[test]
fn helper() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        match open(Path::new(&folder)) {
            Ok(_) => println!("helper: opened"),
            Err(StoreError::Locked { .. }) => println!("helper: locked"),
            Err(error) => println!("helper: {error}"),
        }
    }
}

/// The machine's own disk: segments roll, a clean and an unclean stop lose nothing.
#[test]
fn a_real_folder_survives() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let store = open(dir.path()).unwrap();
        assert_eq!(store.max_offset("A%B|C", QueueId(1)).unwrap_or_default(), QueueOffset(round * 100));
        for count in 0..100 {
            let body = format!("{round}/{count}");
            let put = store.put(&message("A%B|C", 1, body.as_bytes(), b"KEYS\x01k\x02")).unwrap();
            assert_eq!(put.queue_offset.0, round * 100 + count);
            assert!(
                store
                    .message_at(put.physical_offset)
                    .unwrap()
                    .windows(body.len())
                    .any(|window| window == body.as_bytes())
            );
        }
        if round % 2 == 0 {
            store.close().unwrap();
        }
    }
    assert!(dir.path().join("abort").exists());
    assert!(dir.path().join("consumequeue/A%B|C/1/00000000000000000000").exists());
}
