//! The broker's configuration as operators read (26) and change (25) it while it runs.

use std::sync::Arc;

use bolide_remoting::body::encode;
use bolide_remoting::header::GetBrokerConfigResponse;
use bolide_remoting::keys::{KeyError, Update};
use bolide_remoting::logs;
use bolide_remoting::properties::{self, Properties};
use bolide_remoting::{Reply, Request, ResponseCode};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// UPDATE_BROKER_CONFIG. Changes all keys of the body or none, at once and in the configuration file.
pub(crate) fn update_config(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = match Properties::read(request.body) {
        Ok(wanted) => wanted,
        Err(error) => return reply.refuse(Refusal::invalid(error.to_string())),
    };
    let update = match broker.config.update(&wanted) {
        Ok(update) => update,
        Err(error) => return reply.refuse(error),
    };
    tracing::info!(peer = %request.connection.peer(), changes = ?update.changes, "configuration changed");
    follow(broker, &update);
    // Not held up by what else waits for the disk: this may be what brings relief.
    let (broker, reply) = (broker.clone(), reply.park());
    tokio::task::spawn_blocking(move || reply.give(keep(&broker, &update)));
}

/// Brings what was built from the configuration in line with it.
fn follow(broker: &Arc<Broker>, update: &Update) {
    let config = broker.config.get();
    broker.topics.set_auto_create(config.auto_create_topic_enable);
    broker.groups.set_auto_create(config.auto_create_subscription_group);
    let has_changed = |name: &str| update.changes.iter().any(|change| change.name == name);
    if has_changed("logLevel") {
        logs::set_levels(&config.log_level);
    }
    if has_changed("brokerPermission") {
        broker.topics.touch();
        broker.registrar.announce_all(Box::new(|| ()));
    }
}

/// Writes the changes into the configuration file, leaving the rest of it as the operator wrote it.
fn keep(broker: &Broker, update: &Update) -> Result<(), Refusal> {
    let Some(path) = broker.config_path.as_deref().filter(|_| !update.changes.is_empty()) else {
        return Ok(());
    };
    let unsaved = |reason: String| {
        let path = path.display();
        let remark = format!("the change is in force, but {path} does not have it: {reason}");
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    };
    let text = broker.disk.read(path).map_err(|error| unsaved(error.to_string()))?;
    let text = properties::amend(&properties::decode(&text), &update.properties());
    let text = text.map_err(|error| unsaved(error.to_string()))?;
    broker.disk.replace(path, text.as_bytes(), false).map_err(|error| unsaved(error.to_string()))
}

/// GET_BROKER_CONFIG.
pub(crate) fn get_config(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let text = broker.config.properties().to_string();
    let version = encode(&broker.topics.version());
    let version = str::from_utf8(&version).unwrap_or_default();
    reply.ok_body(&GetBrokerConfigResponse { version }, text.into_bytes());
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::Fixed { .. } => ResponseCode::NO_PERMISSION,
            _ => ResponseCode::INVALID_PARAMETER,
        };
        Refusal::new(code, error.to_string())
    }
}
