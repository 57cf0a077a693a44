//! What a broker answers that has too much to do, or is not open yet.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, now_ms, send_form};

use crate::broker;

const OVERLOAD: &str = "[OVERLOAD]system busy, start flow control for a while";

async fn set(wire: &Wire, setting: &str) {
    wire.succeed(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), setting.as_bytes().to_vec()).await;
}

#[tokio::test]
async fn no_more_producers_wait_for_the_disk_than_may() {
    let folder = Folder::new("busy-sends");
    let server = broker(&folder, &[("flushDiskType", "SYNC_FLUSH"), ("sendThreadPoolQueueCapacity", "0")]);
    let wire = Wire::connect(&server).await;
    let refused = wire.ask(RequestCode::SEND_MESSAGE, &send_form("t", &[]), vec![b'x']).await;
    assert_eq!((refused.code, refused.remark.as_deref()), (ResponseCode::SYSTEM_BUSY, Some(OVERLOAD)));
    set(&wire, "sendThreadPoolQueueCapacity=1").await;
    wire.send("t", &[], "stored").await;
    assert_eq!(bodies(&wire.pull("t", 0, 0).await), ["stored"], "the refused message was not");
}

#[tokio::test]
async fn no_more_requests_wait_for_the_disks_threads_than_may() {
    let folder = Folder::new("busy-reads");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.send("t", &[], "x").await;
    set(&wire, "pullThreadPoolQueueCapacity=0").await;
    let form = Form::of(&[("topic", "t"), ("queueId", "0"), ("timestamp", "0")]);
    let refused = wire.ask(RequestCode::SEARCH_OFFSET_BY_TIMESTAMP, &form, Body::Empty).await;
    assert_eq!((refused.code, refused.remark.as_deref()), (ResponseCode::SYSTEM_BUSY, Some(OVERLOAD)));
    assert_eq!(bodies(&wire.pull("t", 0, 0).await), ["x"], "what is in memory needs no thread");
    wire.send("t", &[], "y").await;
}

#[tokio::test]
async fn a_broker_may_open_for_messages_later() {
    let folder = Folder::new("not-open-yet");
    let later = (now_ms() + 3_600_000).to_string();
    let server = broker(&folder, &[("startAcceptSendRequestTimeStamp", &later)]);
    let wire = Wire::connect(&server).await;
    let refused = wire.ask(RequestCode::SEND_MESSAGE, &send_form("t", &[]), vec![b'x']).await;
    assert_eq!(refused.code, ResponseCode::SYSTEM_ERROR);
    assert!(refused.remark.unwrap().starts_with("broker unable to service, until "));
    set(&wire, "startAcceptSendRequestTimeStamp=0").await;
    wire.send("t", &[], "open").await;
}
