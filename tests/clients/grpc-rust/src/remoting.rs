//! The remoting protocol, in which topics and groups are administered: the client has no calls for that.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;

const UPDATE_AND_CREATE_TOPIC: u32 = 17;
const UPDATE_AND_CREATE_GROUP: u32 = 200;

/// Creates a topic with one queue for messages of this type.
pub async fn create_topic(broker: &str, topic: &str, message_type: &str) -> Outcome<()> {
    let fields = json!({
        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6",
        "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        "attributes": format!("+message.type={message_type}"),
    });
    call(broker, UPDATE_AND_CREATE_TOPIC, &fields, &[]).await
}

/// Creates a group.
pub async fn create_group(broker: &str, group: &str, orderly: bool) -> Outcome<()> {
    let body = json!({
        "groupName": group, "consumeEnable": true, "consumeMessageOrderly": orderly, "retryMaxTimes": 16, "retryQueueNums": 1,
    });
    call(broker, UPDATE_AND_CREATE_GROUP, &json!({}), body.to_string().as_bytes()).await
}

/// Sends one request over a connection of its own, and expects success.
async fn call(address: &str, code: u32, fields: &Value, body: &[u8]) -> Outcome<()> {
    let header = json!({"code": code, "language": "RUST", "version": 500, "opaque": 1, "flag": 0, "extFields": fields});
    let header = header.to_string();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_u32((4 + header.len() + body.len()) as u32).await?;
    stream.write_u32(header.len() as u32).await?;
    stream.write_all(&[header.as_bytes(), body].concat()).await?;
    stream.read_u32().await?;
    // The length has its encoding in the highest byte: 0, JSON.
    let mut answer = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut answer).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer["code"] == 0 { Ok(()) } else { Err(answer.to_string().into()) }
}
