//! What operators ask of a client over remoting, and the broker passes on over the client's Telemetry stream: what its threads do (307),
//! and that it consume one message now (309). The answers are the bodies that Apache's proxy makes of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{Code, PrintThreadStackTraceCommand, VerifyMessageCommand};
use bolide_remoting::ResponseCode;
use bolide_remoting::body::encode;
use bolide_store::record::RecordView;
use bytes::Bytes;
use serde::Serialize;

use super::Session;
use super::message::{self, Delivery};
use super::session::TellError;
use crate::refusal::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunningInfo<'a> {
    jstack: Option<&'a str>,
    properties: BTreeMap<&'a str, String>,
    mq_table: BTreeMap<String, String>,
    mq_pop_table: BTreeMap<String, String>,
    status_table: BTreeMap<String, String>,
    subscription_set: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DirectResult<'a> {
    auto_commit: bool,
    order: bool,
    consume_result: Option<&'a str>,
    remark: &'a str,
    spent_time_mills: u64,
}

/// What a client is doing: its version, and the stack of its threads where that is asked for.
pub(crate) async fn running_info(
    session: &Arc<Session>,
    with_stack: bool,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    let stack = if with_stack {
        let ask = |nonce| Command::PrintThreadStackTraceCommand(PrintThreadStackTraceCommand { nonce });
        session.ask(ask, patience).await?.stack
    } else {
        None
    };
    let properties = [("PROP_CLIENT_VERSION", session.version().to_owned())];
    Ok(encode(&RunningInfo {
        jstack: stack.as_deref(),
        properties: properties.into(),
        mq_table: BTreeMap::new(),
        mq_pop_table: BTreeMap::new(),
        status_table: BTreeMap::new(),
        subscription_set: [],
    }))
}

/// Has a client consume one message now.
pub(crate) async fn consume_directly(
    session: &Arc<Session>,
    record: Bytes,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    let view = RecordView::parse(&record);
    let view = view.map_err(|_| Refusal::new(ResponseCode::SYSTEM_ERROR, "the message cannot be read"))?;
    let message = message::outgoing(&record, &view, Delivery::default());
    let begun = Instant::now();
    let ask = |nonce| Command::VerifyMessageCommand(VerifyMessageCommand { nonce, message: Some(message) });
    let answer = session.ask(ask, patience).await?;
    let consume_result = match answer.status.code() {
        Code::Ok => Some("CR_SUCCESS"),
        Code::FailedToConsumeMessage => Some("CR_LATER"),
        Code::MessageCorrupted => Some("CR_RETURN_NULL"),
        _ => None,
    };
    Ok(encode(&DirectResult {
        auto_commit: true,
        order: false,
        consume_result,
        remark: "from gRPC client",
        spent_time_mills: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

impl From<TellError> for Refusal {
    fn from(error: TellError) -> Self {
        let code = match error {
            TellError::Unreachable => ResponseCode::SYSTEM_ERROR,
            TellError::Late => ResponseCode::CONSUME_MSG_TIMEOUT,
        };
        Refusal::new(code, error.to_string())
    }
}
