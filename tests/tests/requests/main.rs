//! Requests over the bare protocol, one broker for each group of cases: kinds of messages that clients can ask for but that their
//! libraries hide, and what no library would ever send.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod delays;
mod flow_control;
mod light_queues;
mod lite;
mod message_types;
mod namespaces;
mod offset_reset;
mod peek;

use std::fmt::Write as _;

use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;

/// A broker with a name server of its own, with these settings beside the necessary ones.
fn broker(folder: &Folder, settings: &[(&str, &str)]) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        let mut text = format!(
            "brokerName=broker\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\nmetricsPromExporterPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=4194304\n",
            port + 1,
            store = store.display()
        );
        for (key, value) in settings {
            writeln!(text, "{key}={value}").expect("a string takes everything");
        }
        text
    })
}
