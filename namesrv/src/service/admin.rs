//! What operators ask for: topics, permissions, keys and values, and the name server's own configuration.

use bolide_remoting::body::{self, KvTable, TopicRouteData};
use bolide_remoting::header::{
    AddWritePermResponse, BrokerNameRequest, DeleteTopicFromNamesrvRequest, GetKvConfigResponse,
    GetKvListByNamespaceRequest, KvConfigRequest, PutKvConfigRequest, RegisterTopicRequest, WipeWritePermResponse,
};
use bolide_remoting::keys::KeyError;
use bolide_remoting::properties::Properties;
use bolide_remoting::{Reply, Request, ResponseCode};

use super::{NameService, answer_when_saved, header};

impl NameService {
    pub(super) fn register_topic(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(RegisterTopicRequest, request, reply);
        let route: TopicRouteData = match body::decode(request.body) {
            Ok(route) => route,
            Err(error) => {
                return reply.fail(ResponseCode::SYSTEM_ERROR, format_args!("the route cannot be read: {error}"));
            }
        };
        let entered = self.change_routes(|routes, _| routes.register_topic(header.topic, route.queue_datas));
        if let Err(unknown) = entered {
            // Apache answers success here, too.
            tracing::warn!(topic = header.topic, "the topic is not entered: there is no broker {unknown:?}");
        }
        reply.ok(&());
    }

    pub(super) fn delete_topic(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(DeleteTopicFromNamesrvRequest, request, reply);
        self.change_routes(|routes, _| match header.cluster_name.filter(|cluster| !cluster.is_empty()) {
            Some(cluster) => routes.delete_topic_in_cluster(header.topic, cluster),
            None => routes.delete_topic(header.topic),
        });
        reply.ok(&());
    }

    pub(super) fn wipe_write_permission(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(BrokerNameRequest, request, reply);
        let wipe_topic_count = self.change_routes(|routes, _| routes.wipe_write_permission(header.broker_name));
        tracing::info!(broker = header.broker_name, "write permission taken from {wipe_topic_count} topics");
        reply.ok(&WipeWritePermResponse { wipe_topic_count });
    }

    pub(super) fn add_write_permission(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(BrokerNameRequest, request, reply);
        let add_topic_count = self.change_routes(|routes, _| routes.add_write_permission(header.broker_name));
        tracing::info!(broker = header.broker_name, "write permission given to {add_topic_count} topics");
        reply.ok(&AddWritePermResponse { add_topic_count });
    }

    pub(super) fn put_kv(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(PutKvConfigRequest, request, reply);
        if let Err(full) = self.kv.table.write().put(header.namespace, header.key, header.value) {
            return reply.fail(ResponseCode::SYSTEM_ERROR, full);
        }
        let kv = self.kv.clone();
        answer_when_saved(reply, move || kv.save());
    }

    pub(super) fn get_kv(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(KvConfigRequest, request, reply);
        match self.kv.table.read().get(header.namespace, header.key) {
            Some(value) => reply.ok(&GetKvConfigResponse { value: Some(value) }),
            None => reply.fail(
                ResponseCode::QUERY_NOT_FOUND,
                format_args!("No config item, Namespace: {} Key: {}", header.namespace, header.key),
            ),
        }
    }

    pub(super) fn delete_kv(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(KvConfigRequest, request, reply);
        self.kv.table.write().delete(header.namespace, header.key);
        let kv = self.kv.clone();
        answer_when_saved(reply, move || kv.save());
    }

    pub(super) fn get_kv_list(&self, request: &Request<'_>, reply: Reply<'_>) {
        let header = header!(GetKvListByNamespaceRequest, request, reply);
        let table = self.kv.table.read().list(header.namespace).cloned();
        match table {
            Some(table) => reply.ok_body(&(), body::encode(&KvTable { table })),
            None => {
                reply.fail(
                    ResponseCode::QUERY_NOT_FOUND,
                    format_args!("No config item, Namespace: {}", header.namespace),
                );
            }
        }
    }

    pub(super) fn update_config(&self, request: &Request<'_>, reply: Reply<'_>) {
        let properties = match Properties::read(request.body) {
            Ok(properties) => properties,
            Err(error) => return reply.fail(ResponseCode::SYSTEM_ERROR, error),
        };
        match self.settings.update(&properties) {
            Ok(update) => {
                if update.changes.iter().any(|change| change.name == "logLevel") {
                    bolide_remoting::logs::set_levels(&self.config().get().log_level);
                }
                let (settings, changed) = (self.settings.clone(), update.properties());
                answer_when_saved(reply, move || settings.save(&changed));
            }
            Err(error @ KeyError::Fixed { .. }) => {
                reply.fail(ResponseCode::NO_PERMISSION, format_args!("Can not update config in black list. {error}"));
            }
            Err(error) => reply.fail(ResponseCode::SYSTEM_ERROR, error),
        }
    }

    pub(super) fn get_config(&self, reply: Reply<'_>) {
        reply.ok_body(&(), self.config().properties().to_string().into_bytes());
    }
}
