//! What brokers say: that they are here, still here, or leaving.

use bolide_remoting::body::{
    self, BrokerMemberGroupResponse, DataVersion, KvTable, RegisterBrokerBody, TopicConfigAndMappingSerializeWrapper,
    TopicConfigSerializeWrapper,
};
use bolide_remoting::header::{
    BrokerHeartbeatRequest, BrokerIdentityRequest, GetBrokerMemberGroupRequest, QueryDataVersionResponse,
    RegisterBrokerRequest, RegisterBrokerResponse,
};
use bolide_remoting::version::Version;
use bolide_remoting::{Body, Reply, Request, ResponseCode};

use super::{NameService, header};
use crate::kv_config::ORDER_TOPIC_CONFIG;
use crate::route_table::Registration;

/// From here on a registration names filter servers beside the topics.
const V3_0_11: Version = Version(37);

/// The first byte of what zlib writes.
const ZLIB: u8 = 0x78;

impl NameService {
    pub(super) fn register_broker(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(RegisterBrokerRequest, request, reply);
        if header.body_crc32 != 0 && header.body_crc32 != java_crc32(request.body) {
            tracing::warn!(broker = header.broker_name, "a registration's checksum is wrong");
            return reply.fail(ResponseCode::SYSTEM_ERROR, "crc32 not match");
        }
        let registration = match registration(request, &header) {
            Ok(registration) => registration,
            Err(error) => {
                tracing::warn!(broker = header.broker_name, "registration refused: {error}");
                return reply.fail(ResponseCode::SYSTEM_ERROR, error);
            }
        };
        let config = self.config().get();
        let (now_ms, delete_absent) = (self.now_ms(), config.delete_topic_with_broker_registration);
        let registered = self.change_routes(|routes, effects| {
            routes.register(registration, request.connection.clone(), now_ms, delete_absent, effects)
        });
        let registered = match registered {
            Ok(registered) => registered,
            Err(error) => return reply.fail(ResponseCode::SYSTEM_ERROR, error),
        };
        let body = if config.return_order_topic_config_to_broker { self.order_topic_configs() } else { Body::Empty };
        let header = RegisterBrokerResponse {
            ha_server_addr: registered.ha_server_addr.as_deref(),
            master_addr: registered.master_addr.as_deref(),
        };
        reply.ok_body(&header, body);
    }

    fn order_topic_configs(&self) -> Body {
        let table = self.kv.table.read();
        match table.list(ORDER_TOPIC_CONFIG) {
            Some(table) => Body::One(body::encode(&KvTable { table: table.clone() })),
            None => Body::Empty,
        }
    }

    pub(super) fn unregister_broker(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(BrokerIdentityRequest, request, reply);
        self.change_routes(|routes, effects| {
            routes.unregister(header.cluster_name, header.broker_addr, header.broker_name, header.broker_id, effects);
        });
        reply.ok(&());
    }

    /// Says whether a broker's topics are other than those it registered last, and takes the question for a sign of life.
    pub(super) fn query_data_version(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(BrokerIdentityRequest, request, reply);
        let asked: DataVersion = match body::decode(request.body) {
            Ok(version) => version,
            Err(error) => {
                return reply
                    .fail(ResponseCode::SYSTEM_ERROR, format_args!("the data version cannot be read: {error}"));
            }
        };
        let now_ms = self.now_ms();
        let known = self.change_routes(|routes, _| {
            routes.heartbeat(header.cluster_name, header.broker_addr, now_ms);
            routes.version(header.cluster_name, header.broker_addr).copied()
        });
        let body = known.as_ref().map_or(Body::Empty, |known| Body::One(body::encode(known)));
        reply.ok_body(&QueryDataVersionResponse { changed: known != Some(asked) }, body);
    }

    pub(super) fn broker_heartbeat(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(BrokerHeartbeatRequest, request, reply);
        let now_ms = self.now_ms();
        self.change_routes(|routes, _| routes.heartbeat(header.cluster_name, header.broker_addr, now_ms));
        reply.ok(&());
    }

    pub(super) fn get_broker_member_group(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(GetBrokerMemberGroupRequest, request, reply);
        let group = self.routes.read().member_group(header.cluster_name, header.broker_name);
        reply.ok_body(&(), body::encode(&BrokerMemberGroupResponse { broker_member_group: Some(group) }));
    }
}

fn registration(request: &Request<'_>, header: &RegisterBrokerRequest<'_>) -> Result<Registration, String> {
    // Apache's brokers of 5.x compress when told to (`compressedRegister`), but say that they do not, and their own name
    // server then refuses them. The first byte tells: JSON never begins as zlib's streams do.
    let compressed = header.compressed || request.body.first() == Some(&ZLIB);
    let (wrapper, filter_servers) = topics(request, compressed)?;
    Ok(Registration {
        cluster: header.cluster_name.to_owned(),
        broker_name: header.broker_name.to_owned(),
        broker_id: header.broker_id,
        address: header.broker_addr.to_owned(),
        ha_server_addr: header.ha_server_addr.to_owned(),
        zone_name: header.zone_name.map(str::to_owned),
        timeout_ms: header.heartbeat_timeout_millis,
        enable_acting_master: header.enable_acting_master,
        version: wrapper.data_version,
        topics: wrapper.topic_config_table.into_values().collect(),
        mappings: wrapper.topic_queue_mapping_info_map.into_values().collect(),
        filter_servers,
    })
}

/// The topics and filter servers of a registration. A registration without a body has none.
fn topics(
    request: &Request<'_>,
    compressed: bool,
) -> Result<(TopicConfigAndMappingSerializeWrapper, Option<Vec<String>>), String> {
    let old = request.header.version < V3_0_11;
    match (request.body, old) {
        ([], true) => Ok((TopicConfigAndMappingSerializeWrapper::default(), None)),
        ([], false) => Ok((TopicConfigAndMappingSerializeWrapper::default(), Some(Vec::new()))),
        (body, true) => {
            let TopicConfigSerializeWrapper { topic_config_table, data_version } =
                body::decode(body).map_err(|error| format!("the registration cannot be read: {error}"))?;
            let wrapper =
                TopicConfigAndMappingSerializeWrapper { topic_config_table, data_version, ..Default::default() };
            Ok((wrapper, None))
        }
        (body, false) => {
            let body = RegisterBrokerBody::decode(body, compressed).map_err(|error| error.to_string())?;
            Ok((body.topic_config_serialize_wrapper, Some(body.filter_server_list)))
        }
    }
}

/// Apache's checksum: CRC-32 without the sign bit.
fn java_crc32(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7FFF_FFFF) as i32
}
