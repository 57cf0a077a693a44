//! Names of topics and groups as requests bear them.

use bolide_proto::v2::{Code, Resource};

use super::Fault;
use crate::name;

/// Prefix of the system's own groups.
const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";

/// The name of a topic that clients may use.
pub(super) fn topic(resource: Option<&Resource>) -> Result<&str, Fault> {
    let topic = resource.map_or("", |resource| resource.name.as_str());
    name::check_topic(topic).map_err(|error| Fault::new(Code::IllegalTopic, error.to_string()))?;
    if name::is_system_topic(topic) {
        return Err(Fault::new(Code::IllegalTopic, "cannot access system topic"));
    }
    Ok(topic)
}

/// The name of a consumer group that clients may use.
pub(super) fn group(resource: Option<&Resource>) -> Result<&str, Fault> {
    let group = resource.map_or("", |resource| resource.name.as_str());
    name::check_group(group).map_err(|error| Fault::new(Code::IllegalConsumerGroup, error.to_string()))?;
    if group.starts_with(SYSTEM_GROUP_PREFIX) {
        return Err(Fault::new(Code::IllegalConsumerGroup, "cannot use system consumer group"));
    }
    Ok(group)
}
