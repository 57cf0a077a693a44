//! What a run needs to know of the servers: which brokers there are, which queues a topic has there and where those
//! begin and end; and what clients tell brokers before they consume.

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{
    self, BrokerData, ClusterInfo, ConsumeFromWhere, ConsumeType, ConsumerData, HeartbeatData, MessageModel,
    ProducerData, SubscriptionData, SubscriptionGroupConfig, TopicRouteData,
};
use bolide_remoting::header::{
    CreateTopicRequest, GetMaxOffsetRequest, GetMinOffsetRequest, GetRouteInfoRequest, OffsetResponse,
    UpdateConsumerOffsetRequest,
};
use bolide_remoting::{
    Client, ClientOptions, Connection, ConnectionOptions, Encoding, FieldSource, Message, RequestCode, ResponseCode,
    Service,
};
use bytes::Bytes;

use crate::failure::Failure;

/// How long an answer may take that is not part of the load.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A topic that was created shows up at the name server after a moment.
const LISTED_WITHIN: Duration = Duration::from_secs(10);
const LISTED_POLL: Duration = Duration::from_millis(20);
/// Bits of a topic's permission.
const READ: i32 = 4;
const WRITE: i32 = 2;

/// A topic's queues on one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerQueues {
    /// The broker's name.
    pub broker_name: String,
    /// Where its master listens.
    pub address: String,
    /// Queues that can be read.
    pub read_queues: i32,
    /// Queues that can be written.
    pub write_queues: i32,
}

/// Dials a server the way all connections of a run are.
///
/// # Errors
/// When it cannot be reached.
pub async fn connect<S: Service>(address: &str, encoding: Encoding, service: Arc<S>) -> Result<Client, Failure> {
    let connection = ConnectionOptions {
        encoding,
        idle_close: None,
        // The number of requests in flight is the limit.
        max_pending_output_bytes: usize::MAX,
        ..ConnectionOptions::default()
    };
    let options = ClientOptions { connection, ..ClientOptions::default() };
    Ok(Client::connect(address, options, service).await?)
}

/// Asks for something that must succeed.
///
/// # Errors
/// When it does not.
pub async fn ask(
    connection: &Connection,
    request: RequestCode,
    fields: &impl FieldSource,
    body: Bytes,
) -> Result<Message, Failure> {
    let answer = connection.request(request, fields, body, TIMEOUT).await?;
    if answer.code == ResponseCode::SUCCESS {
        return Ok(answer);
    }
    let remark = answer.remark.unwrap_or_default();
    Err(Failure::Refused { server: connection.peer().to_string(), request, code: answer.code, remark })
}

/// A connection to a name server.
pub struct NameServer {
    client: Client,
    address: String,
    encoding: Encoding,
}

impl NameServer {
    /// Dials the first of `host:port;host:port…` that can be reached.
    ///
    /// # Errors
    /// When none can.
    pub async fn connect(addresses: &str, encoding: Encoding) -> Result<Self, Failure> {
        let mut failure = Failure::Options("no name server is given; write --namesrv host:9876".to_owned());
        for address in addresses.split(';').map(str::trim).filter(|address| !address.is_empty()) {
            match connect(address, encoding, Arc::new(())).await {
                Ok(client) => return Ok(Self { client, address: address.to_owned(), encoding }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The addresses of all masters.
    ///
    /// # Errors
    /// When the name server does not answer, or knows none.
    pub async fn masters(&self) -> Result<Vec<String>, Failure> {
        let request = RequestCode::GET_BROKER_CLUSTER_INFO;
        let answer = ask(&self.client, request, &(), Bytes::new()).await?;
        let cluster: ClusterInfo = body::decode(&answer.body).map_err(|source| Failure::Body { request, source })?;
        let masters: Vec<String> = cluster.broker_addr_table.into_values().filter_map(master).collect();
        if masters.is_empty() { Err(Failure::NoBroker(self.address.clone())) } else { Ok(masters) }
    }

    /// Where a topic's queues are; `None` if the name server does not know the topic.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn route(&self, topic: &str) -> Result<Option<Vec<BrokerQueues>>, Failure> {
        let request = RequestCode::GET_ROUTEINFO_BY_TOPIC;
        let fields = GetRouteInfoRequest { topic, accept_standard_json_only: true, zone_mode: false, zone_name: None };
        let answer = self.client.request(request, &fields, Bytes::new(), TIMEOUT).await?;
        match answer.code {
            ResponseCode::SUCCESS => {
                let route = body::decode(&answer.body).map_err(|source| Failure::Body { request, source })?;
                Ok(Some(queues_of(route)))
            }
            ResponseCode::TOPIC_NOT_EXIST => Ok(None),
            code => {
                let remark = answer.remark.unwrap_or_default();
                Err(Failure::Refused { server: self.address.clone(), request, code, remark })
            }
        }
    }

    /// Where a topic's queues are; a topic that does not exist is created with `queues` queues on every broker.
    ///
    /// # Errors
    /// When that does not work out.
    pub async fn topic(&self, topic: &str, queues: i32) -> Result<Vec<BrokerQueues>, Failure> {
        if let Some(route) = self.route(topic).await? {
            return Ok(route);
        }
        for address in self.masters().await? {
            let broker = connect(&address, self.encoding, Arc::new(())).await?;
            create_topic(&broker, topic, queues).await?;
        }
        let deadline = tokio::time::Instant::now() + LISTED_WITHIN;
        while tokio::time::Instant::now() < deadline {
            if let Some(route) = self.route(topic).await? {
                return Ok(route);
            }
            tokio::time::sleep(LISTED_POLL).await;
        }
        Err(Failure::TopicNotListed {
            topic: topic.to_owned(),
            name_server: self.address.clone(),
            waited_s: LISTED_WITHIN.as_secs(),
        })
    }
}

async fn create_topic(broker: &Connection, topic: &str, queues: i32) -> Result<(), Failure> {
    let fields = CreateTopicRequest {
        topic,
        default_topic: "TBW102",
        read_queue_nums: queues,
        write_queue_nums: queues,
        perm: READ | WRITE,
        topic_filter_type: "SINGLE_TAG",
        topic_sys_flag: Some(0),
        order: false,
        attributes: Some(""),
        force: false,
    };
    ask(broker, RequestCode::UPDATE_AND_CREATE_TOPIC, &fields, Bytes::new()).await.map(|_| ())
}

fn master(broker: BrokerData) -> Option<String> {
    broker.broker_addrs.into_iter().find_map(|(id, address)| (id == 0).then_some(address))
}

/// The queues of a topic on each broker that has a master.
fn queues_of(route: TopicRouteData) -> Vec<BrokerQueues> {
    let TopicRouteData { queue_datas, broker_datas, .. } = route;
    let mut found = Vec::new();
    for broker in broker_datas {
        let Some(data) = queue_datas.iter().find(|data| data.broker_name == broker.broker_name) else { continue };
        let allowed = |bit: i32, queues: i32| if data.perm & bit != 0 { queues } else { 0 };
        let broker_name = broker.broker_name.clone();
        if let Some(address) = master(broker) {
            let (read_queues, write_queues) =
                (allowed(READ, data.read_queue_nums), allowed(WRITE, data.write_queue_nums));
            found.push(BrokerQueues { broker_name, address, read_queues, write_queues });
        }
    }
    found
}

/// The queue's first offset.
///
/// # Errors
/// When the broker does not answer.
pub async fn min_offset(broker: &Connection, topic: &str, queue_id: i32) -> Result<i64, Failure> {
    offset(broker, RequestCode::GET_MIN_OFFSET, &GetMinOffsetRequest { topic, queue_id }).await
}

/// The offset that the queue's next message will get.
///
/// # Errors
/// When the broker does not answer.
pub async fn max_offset(broker: &Connection, topic: &str, queue_id: i32) -> Result<i64, Failure> {
    offset(broker, RequestCode::GET_MAX_OFFSET, &GetMaxOffsetRequest { topic, queue_id, committed: true }).await
}

async fn offset(broker: &Connection, request: RequestCode, fields: &impl FieldSource) -> Result<i64, Failure> {
    let answer = ask(broker, request, fields, Bytes::new()).await?;
    let decoded = OffsetResponse::decode(&answer.fields.fields());
    Ok(decoded.map_err(|source| Failure::Field { request, source })?.offset)
}

/// Creates a group, or sets it back to what groups are without further settings.
///
/// # Errors
/// When the broker does not answer.
pub async fn create_group(broker: &Connection, group: &str) -> Result<(), Failure> {
    let config = SubscriptionGroupConfig { group_name: group.to_owned(), ..SubscriptionGroupConfig::default() };
    ask(broker, RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, &(), body::encode(&config)).await.map(|_| ())
}

/// Sets where a group goes on in a queue.
///
/// # Errors
/// When the broker does not answer.
pub async fn set_offset(
    broker: &Connection,
    group: &str,
    topic: &str,
    queue_id: i32,
    offset: i64,
) -> Result<(), Failure> {
    let fields = UpdateConsumerOffsetRequest { consumer_group: group, topic, queue_id, commit_offset: offset };
    ask(broker, RequestCode::UPDATE_CONSUMER_OFFSET, &fields, Bytes::new()).await.map(|_| ())
}

/// The heartbeat of a client that produces only.
pub fn producer_heartbeat(client_id: String, group: &str) -> HeartbeatData {
    let group_name = group.to_owned();
    HeartbeatData { client_id, producer_data_set: vec![ProducerData { group_name }], ..HeartbeatData::default() }
}

/// The heartbeat of a push consumer that takes every message of `topic`.
pub fn consumer_heartbeat(client_id: String, group: &str, topic: &str, version: i64) -> HeartbeatData {
    let subscription = SubscriptionData {
        topic: topic.to_owned(),
        sub_string: SubscriptionData::ALL.to_owned(),
        sub_version: version,
        ..SubscriptionData::default()
    };
    let consumer = ConsumerData {
        group_name: group.to_owned(),
        consume_type: ConsumeType::Passively,
        message_model: MessageModel::Clustering,
        consume_from_where: ConsumeFromWhere::FirstOffset,
        subscription_data_set: vec![subscription],
        unit_mode: false,
    };
    HeartbeatData { client_id, consumer_data_set: vec![consumer], ..HeartbeatData::default() }
}

/// Tells a broker who we are.
///
/// # Errors
/// When it does not want to know.
pub async fn send_heartbeat(broker: &Connection, heartbeat: &HeartbeatData) -> Result<(), Failure> {
    ask(broker, RequestCode::HEART_BEAT, &(), body::encode(heartbeat)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use bolide_remoting::body::QueueData;

    use super::*;

    fn broker(name: &str, addresses: &[(i64, &str)]) -> BrokerData {
        let broker_addrs = addresses.iter().map(|&(id, address)| (id, address.to_owned())).collect();
        BrokerData { broker_name: name.to_owned(), broker_addrs, ..BrokerData::default() }
    }

    fn queues(name: &str, perm: i32) -> QueueData {
        let broker_name = name.to_owned();
        QueueData { broker_name, read_queue_nums: 8, write_queue_nums: 4, perm, topic_sys_flag: 0 }
    }

    #[test]
    fn routes_become_queues_on_masters() {
        let route = TopicRouteData {
            queue_datas: vec![queues("a", 6), queues("b", 4), queues("slaves-only", 6)],
            broker_datas: vec![
                broker("b", &[(0, "h:2")]),
                broker("a", &[(0, "h:1"), (1, "h:9")]),
                broker("slaves-only", &[(1, "h:3")]),
                broker("without-queues", &[(0, "h:4")]),
            ],
            ..TopicRouteData::default()
        };
        let expected = [("b", "h:2", 8, 0), ("a", "h:1", 8, 4)].map(|(name, address, read_queues, write_queues)| {
            BrokerQueues { broker_name: name.to_owned(), address: address.to_owned(), read_queues, write_queues }
        });
        assert_eq!(queues_of(route), expected);
    }
}
