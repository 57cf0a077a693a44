//! Requests that the broker passes on to a client: what a consumer is doing (307), how far it says it is (223), that it consume one
//! message now (309), and replies to requests between clients (324, 325). The client answers; the broker hands the answer back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{GetConsumerStatusBody, decode, encode};
use bolide_remoting::header::{
    ConsumeMessageDirectlyRequest, GetConsumerRunningInfoRequest, GetConsumerStatusRequest, ReplyMessageRequest,
    SendMessageRequest, SendMessageResponse,
};
use bolide_remoting::{Body, CallError, Connection, OwnedFields, Parked, Reply, Request, RequestCode, ResponseCode};
use bolide_store::record::decode_message_id;
use bolide_store::record::properties::Properties;
use bolide_store::{PhysicalOffset, QueueId};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::grpc::question;
use crate::message::{Message, PropertyList};
use crate::refusal::Refusal;
use crate::reply::Respond;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long each of many clients may take when all are asked.
const PATIENCE_OF_EACH: Duration = Duration::from_secs(5);
/// The property that names the client that waits for a reply.
const REPLY_TO_CLIENT: &str = "REPLY_TO_CLIENT";
/// The property that says when the broker passed a reply on.
const PUSH_REPLY_TIME: &str = "PUSH_REPLY_TIME";

/// GET_CONSUMER_RUNNING_INFO.
pub(crate) fn running_info(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match GetConsumerRunningInfoRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    match consumer(broker, header.consumer_group, header.client_id) {
        Ok(ClientHandle::Grpc(session)) => {
            let (with_stack, reply) = (header.jstack_enable, reply.park());
            tokio::spawn(async move { reply.give_body(question::running_info(&session, with_stack, PATIENCE).await) });
        }
        Ok(ClientHandle::Remoting(client)) => {
            let fields = request.header.fields.to_owned();
            pass_on(client, RequestCode::GET_CONSUMER_RUNNING_INFO, fields, Bytes::new(), reply.park());
        }
        Err(refusal) => reply.refuse(refusal),
    }
}

/// CONSUME_MESSAGE_DIRECTLY.
pub(crate) fn consume_directly(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let (client, offset) = match direct_target(broker, request) {
        Ok(target) => target,
        Err(refusal) => return reply.refuse(refusal),
    };
    let fields = request.header.fields.to_owned();
    // The message may be on the disk only.
    let runtime = tokio::runtime::Handle::current();
    broker.on_blocking_thread(reply, move |broker, reply| match (broker.store.message_at(offset), client) {
        (Err(error), _) => reply.refuse(error),
        (Ok(record), ClientHandle::Remoting(client)) => {
            pass_on(client, RequestCode::CONSUME_MESSAGE_DIRECTLY, fields, record, reply);
        }
        (Ok(record), ClientHandle::Grpc(session)) => {
            let consumed = async move { question::consume_directly(&session, record, PATIENCE).await };
            runtime.spawn(async move { reply.give_body(consumed.await) });
        }
    });
}

fn direct_target(broker: &Broker, request: &Request<'_>) -> Result<(ClientHandle, PhysicalOffset), Refusal> {
    let header = ConsumeMessageDirectlyRequest::decode(&request.header.fields)?;
    let client = consumer(broker, header.consumer_group, header.client_id.unwrap_or_default())?;
    let id = header.msg_id.ok_or_else(|| Refusal::invalid("the request names no message (msgId)"))?;
    let (_, offset) = decode_message_id(id).map_err(|error| Refusal::invalid(format!("msgId {id:?}: {error}")))?;
    Ok((client, offset))
}

/// A consumer, by its client id.
fn consumer(broker: &Broker, group: &str, client_id: &str) -> Result<ClientHandle, Refusal> {
    let clients = broker.clients.read();
    let member = clients.consumer_group(group).and_then(|members| members.member(client_id));
    member.map(|member| member.introduction.connection.clone()).ok_or_else(|| {
        let remark = format!("The Consumer <{group}> <{client_id}> not online");
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    })
}

/// Passes a request on with all its fields, and the client's answer back.
fn pass_on(client: Connection, code: RequestCode, fields: OwnedFields, body: Bytes, reply: Parked) {
    tokio::spawn(async move {
        match client.request(code, &fields.fields(), body, PATIENCE).await {
            Ok(answer) => {
                reply.respond(answer.code, answer.remark.as_deref(), &answer.fields.fields(), answer.body.into());
            }
            Err(error @ CallError::Timeout { .. }) => {
                reply.refuse(Refusal::new(ResponseCode::CONSUME_MSG_TIMEOUT, error.to_string()));
            }
            Err(error) => reply.refuse(Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())),
        }
    });
}

/// INVOKE_BROKER_TO_GET_CONSUMER_STATUS: asks one member of a group, or all.
pub(crate) fn consumer_status(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match GetConsumerStatusRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let only = header.client_addr.filter(|client| !client.trim().is_empty());
    let mut members: Vec<(String, Connection)> = {
        let clients = broker.clients.read();
        let members = clients.consumer_group(header.group).into_iter().flat_map(|group| group.members.values());
        let introductions = members.map(|member| &member.introduction);
        // Clients over gRPC keep no offsets that they could tell.
        introductions.filter_map(|one| Some((one.client_id.clone(), one.connection.connection()?.clone()))).collect()
    };
    if members.is_empty() {
        let remark = format!("No Any Consumer online in the consumer group: [{}]", header.group);
        return reply.refuse(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    members.retain(|(id, _)| only.is_none_or(|only| only == id));
    let (topic, group, reply) = (header.topic.to_owned(), header.group.to_owned(), reply.park());
    tokio::spawn(async move {
        let question = GetConsumerStatusRequest { topic: &topic, group: &group, client_addr: None };
        let mut status = BTreeMap::new();
        for (id, connection) in members {
            let code = RequestCode::GET_CONSUMER_STATUS_FROM_CLIENT;
            let answer = connection.request(code, &question, Body::Empty, PATIENCE_OF_EACH).await;
            let body = answer.ok().filter(|answer| answer.code == ResponseCode::SUCCESS).map(|answer| answer.body);
            let body = body.and_then(|body| decode::<GetConsumerStatusBody>(&body).ok());
            status.extend(body.and_then(|body| body.message_queue_table).map(|offsets| (id, offsets)));
        }
        let body = GetConsumerStatusBody { message_queue_table: None, consumer_table: Some(status) };
        reply.ok_body(&(), encode(&body));
    });
}

/// SEND_REPLY_MESSAGE and its V2: brings a reply to the client that waits for it, and keeps it as a message.
pub(crate) fn send_reply(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match prepare_reply(broker, request) {
        Ok((push, client)) => {
            let reply = reply.park();
            tokio::spawn(push.deliver(client, reply));
        }
        Err(refusal) => reply.refuse(refusal),
    }
}

fn prepare_reply(broker: &Broker, request: &Request<'_>) -> Result<(ReplyPush, Connection), Refusal> {
    let fields = &request.header.fields;
    let header = match request.code() {
        RequestCode::SEND_REPLY_MESSAGE => SendMessageRequest::decode(fields)?,
        _ => SendMessageRequest::decode_v2(fields)?,
    };
    let topic = broker.topics.get(header.topic).ok_or_else(|| Refusal::no_topic(header.topic))?;
    if header.queue_id >= topic.write_queue_nums.max(topic.read_queue_nums) {
        return Err(Refusal::invalid(format!("request queueId[{}] is illegal", header.queue_id)));
    }
    let properties = PropertyList::of(Properties(header.properties.unwrap_or_default().as_bytes()));
    let message = Message {
        topic: header.topic.to_owned(),
        queue: QueueId(header.queue_id.max(0)),
        flag: header.flag,
        sys_flag: header.sys_flag,
        born_ms: header.born_timestamp,
        born_host: request.connection.peer(),
        reconsume_times: header.reconsume_times,
        prepared_offset: 0,
        body: Bytes::copy_from_slice(request.body),
        properties: properties.into_owned(),
    };
    // Kept for those who look into it later; the waiting client has it all the same when that fails.
    if let Err(error) = message.put(broker) {
        tracing::warn!(topic = header.topic, "a reply is not stored: {error}");
    }
    let client = waiting_client(broker, &message.properties)?;
    let push = ReplyPush {
        message,
        producer_group: header.producer_group.to_owned(),
        default_topic: header.default_topic.to_owned(),
        default_topic_queue_nums: header.default_topic_queue_nums,
        unit_mode: header.unit_mode,
        store_host: broker.store_host,
        now_ms: broker.clock.now_ms(),
    };
    Ok((push, client))
}

/// The client that waits for the reply; it registers as a producer.
fn waiting_client(broker: &Broker, properties: &PropertyList) -> Result<Connection, Refusal> {
    let fail = |remark: String| Refusal::new(ResponseCode::SYSTEM_ERROR, remark);
    let id = properties
        .get(REPLY_TO_CLIENT)
        .ok_or_else(|| fail(format!("reply message properties[{REPLY_TO_CLIENT}] is null")))?;
    let clients = broker.clients.read();
    // The protocol of gRPC has no way to push a reply.
    clients
        .producer(id)
        .and_then(|member| member.introduction.connection.connection().cloned())
        .ok_or_else(|| fail(format!("push reply message fail, channel of <{id}> not found.")))
}

/// A reply on its way to the client that waits for it.
struct ReplyPush {
    message: Message,
    producer_group: String,
    default_topic: String,
    default_topic_queue_nums: i32,
    unit_mode: bool,
    store_host: SocketAddr,
    now_ms: i64,
}

impl ReplyPush {
    /// Pushes the reply (326) and tells its sender how that went.
    async fn deliver(mut self, client: Connection, reply: Parked) {
        self.message.properties.set(PUSH_REPLY_TIME, self.now_ms.to_string());
        let properties = self.message.properties.encode();
        let (born_host, store_host) = (self.message.born_host.to_string(), self.store_host.to_string());
        let header = ReplyMessageRequest {
            producer_group: &self.producer_group,
            topic: &self.message.topic,
            default_topic: &self.default_topic,
            default_topic_queue_nums: self.default_topic_queue_nums,
            queue_id: self.message.queue.0,
            sys_flag: self.message.sys_flag,
            born_timestamp: self.message.born_ms,
            flag: self.message.flag,
            properties: str::from_utf8(&properties).ok(),
            reconsume_times: Some(self.message.reconsume_times),
            unit_mode: self.unit_mode,
            born_host: &born_host,
            store_host: &store_host,
            store_timestamp: self.now_ms,
        };
        let code = RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT;
        let pushed = client.request(code, &header, self.message.body.clone(), PATIENCE).await;
        if pushed.is_ok_and(|answer| answer.code == ResponseCode::SUCCESS) {
            return reply.ok(&pushed_answer(self.message.queue));
        }
        let id = self.message.properties.get(REPLY_TO_CLIENT).unwrap_or_default();
        reply.refuse(Refusal::new(ResponseCode::SYSTEM_ERROR, format!("push reply message to {id} fail.")));
    }
}

/// What the sender of a reply is told: clients insist on the fields of a send's answer.
fn pushed_answer(queue: QueueId) -> SendMessageResponse<'static> {
    SendMessageResponse {
        msg_id: "0",
        queue_id: queue.0,
        queue_offset: 0,
        transaction_id: None,
        batch_uniq_id: None,
        recall_handle: None,
        region: None,
        trace_on: None,
    }
}
