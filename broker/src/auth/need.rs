//! What each kind of request needs to be allowed: which resources it names, and where, and which actions on them. The table of requests has
//! one of these for each code. Where Apache asks for nothing (lists of topics, groups and users' offsets, changes of many things at once, the
//! broker's configuration), the cluster's own actions are needed here.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bolide_remoting::Request;
use bolide_remoting::body::{
    BatchAckMessageRequest, CreateTopicListRequest, DeleteSubscriptionGroupListRequest, DeleteTopicListRequest,
    HeartbeatData, LiteSubscriptionCtl, LockBatchRequest, SubscriptionGroupConfig, SubscriptionGroupList,
};

use super::policy::{Action, Demand, Kind, Resource};
use crate::name::{REPLY_SUFFIX, RETRY_PREFIX};
use crate::refusal::Refusal;
use crate::reply::json_body;
use crate::transaction::HALF_TOPIC;

pub(crate) const PUB: &[Action] = &[Action::Pub];
pub(crate) const SUB: &[Action] = &[Action::Sub];
pub(crate) const PUB_SUB: &[Action] = &[Action::Pub, Action::Sub];
pub(crate) const SUB_GET: &[Action] = &[Action::Sub, Action::Get];
pub(crate) const SUB_UPDATE: &[Action] = &[Action::Sub, Action::Update];
pub(crate) const CREATE: &[Action] = &[Action::Create];
pub(crate) const UPDATE: &[Action] = &[Action::Update];
pub(crate) const DELETE: &[Action] = &[Action::Delete];
pub(crate) const GET: &[Action] = &[Action::Get];

/// A field of the header that names resources.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    /// A topic.
    Topic(&'static str),
    /// Topics, with semicolons between them.
    Topics(&'static str),
    /// A group.
    Group(&'static str),
    /// Groups, with commas between them.
    Groups(&'static str),
}

/// Finds what a body names.
type Reader = fn(&Request<'_>) -> Result<Vec<Resource<'static>>, Refusal>;

/// What a request needs.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// To come from a user, whoever that is.
    User,
    /// An action on the cluster.
    Cluster(&'static [Action]),
    /// An action on everything that the fields name; where they name nothing, on the cluster.
    Fields(&'static [Named], &'static [Action]),
    /// The same, but where they name nothing, nothing is needed.
    IfNamed(&'static [Named], &'static [Action]),
    /// To send to the topic that the field names; to a group's retry topic, to consume as that group.
    Send(&'static str),
    /// To answer another client's request: nothing on the cluster's reply topic, to send to any other one.
    Reply(&'static str),
    /// To send to the topic whose transaction ends, where the request names it: Go's client does not. Who was asked names the topic of half
    /// messages, as the question does, which no policy need be about.
    EndTransaction,
    /// An action on everything that the body names.
    Body(Reader, &'static [Action]),
}

pub(crate) const TOPIC: &[Named] = &[Named::Topic("topic")];
pub(crate) const GROUP: &[Named] = &[Named::Group("group")];
pub(crate) const CONSUMER_GROUP: &[Named] = &[Named::Group("consumerGroup")];
pub(crate) const TOPIC_AND_GROUP: &[Named] = &[Named::Topic("topic"), Named::Group("group")];
pub(crate) const TOPIC_AND_CONSUMER_GROUP: &[Named] = &[Named::Topic("topic"), Named::Group("consumerGroup")];

impl Need {
    /// What the request demands of its user; nothing is a `Need` without conditions.
    ///
    /// # Errors
    /// When the request cannot be read.
    pub(crate) fn demands<'a>(self, request: &Request<'a>, cluster: &'a str) -> Result<Vec<Demand<'a>>, Refusal> {
        let demand = |actions| move |resource| Demand { resource, actions };
        let of_cluster =
            |actions| vec![Demand { resource: Resource { kind: Kind::Cluster, name: cluster.into() }, actions }];
        let named = |fields: &[Named], actions| -> Vec<Demand<'a>> {
            fields.iter().flat_map(|field| field.resources(request)).map(demand(actions)).collect()
        };
        Ok(match self {
            Self::User => Vec::new(),
            Self::Cluster(actions) => of_cluster(actions),
            Self::Fields(fields, actions) => {
                let demands = named(fields, actions);
                if demands.is_empty() { of_cluster(actions) } else { demands }
            }
            Self::IfNamed(fields, actions) => named(fields, actions),
            Self::EndTransaction if request.header.fields.get("topic") == Some(HALF_TOPIC) => Vec::new(),
            Self::EndTransaction => named(TOPIC, PUB),
            Self::Send(field) => {
                let topic = topic(request.header.fields.get(field).unwrap_or_default());
                let actions = if topic.kind == Kind::Group { SUB } else { PUB };
                vec![Demand { resource: topic, actions }]
            }
            Self::Reply(field) => {
                let topic = topic(request.header.fields.get(field).unwrap_or_default());
                let is_reply = topic.name.strip_suffix(REPLY_SUFFIX) == Some(cluster);
                if is_reply { Vec::new() } else { vec![Demand { resource: topic, actions: PUB }] }
            }
            Self::Body(read, actions) => read(request)?.into_iter().map(demand(actions)).collect(),
        })
    }
}

impl Named {
    fn resources<'a>(self, request: &Request<'a>) -> Vec<Resource<'a>> {
        let (field, separator) = match self {
            Self::Topic(field) | Self::Group(field) => (field, None),
            Self::Topics(field) => (field, Some(';')),
            Self::Groups(field) => (field, Some(',')),
        };
        let text = request.header.fields.get(field).unwrap_or_default();
        let names = text.split(|character| Some(character) == separator).filter(|name| !name.trim().is_empty());
        let resource = |name| if matches!(self, Self::Topic(_) | Self::Topics(_)) { topic(name) } else { group(name) };
        names.map(resource).collect()
    }
}

/// A topic, or the group that a retry topic belongs to.
pub(crate) fn topic<'a>(name: impl Into<Cow<'a, str>>) -> Resource<'a> {
    let name = name.into();
    if name.starts_with(RETRY_PREFIX) { group(name) } else { Resource { kind: Kind::Topic, name } }
}

/// A group, also where a retry topic stands for it.
pub(crate) fn group<'a>(name: impl Into<Cow<'a, str>>) -> Resource<'a> {
    let name = match name.into() {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix(RETRY_PREFIX).unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix(RETRY_PREFIX).map(str::to_owned).unwrap_or(name)),
    };
    Resource { kind: Kind::Group, name }
}

/// The groups that a client consumes with, and what they subscribe to.
pub(crate) fn heartbeat(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let heartbeat: HeartbeatData = json_body(request)?;
    let mut resources = Vec::new();
    for consumer in heartbeat.consumer_data_set {
        // A group's own retry topic is the group once more.
        resources.extend(consumer.subscription_data_set.into_iter().map(|subscription| topic(subscription.topic)));
        resources.push(group(consumer.group_name));
    }
    Ok(resources)
}

/// The group that locks queues, and their topics.
pub(crate) fn locks(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: LockBatchRequest = json_body(request)?;
    let topics = wanted.mq_set.into_iter().map(|queue| topic(queue.topic));
    Ok([group(wanted.consumer_group)].into_iter().chain(topics).collect())
}

/// The groups that acknowledge messages, and these messages' topics.
pub(crate) fn acknowledgements(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: BatchAckMessageRequest = json_body(request)?;
    Ok(wanted.acks.into_iter().flat_map(|ack| [group(ack.consumer_group), topic(ack.topic)]).collect())
}

/// The groups that clients subscribe to lite topics with, and the topics that these belong to.
pub(crate) fn lite_subscriptions(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: LiteSubscriptionCtl = json_body(request)?;
    let named = wanted.subscription_set.into_iter();
    Ok(named.flat_map(|subscription| [group(subscription.group), topic(subscription.topic)]).collect())
}

/// The topics of a list of configurations.
pub(crate) fn topic_configs(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: CreateTopicListRequest = json_body(request)?;
    Ok(wanted.topic_config_list.into_iter().map(|config| topic(config.topic_name)).collect())
}

/// The topics of a list of names.
pub(crate) fn topic_names(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: DeleteTopicListRequest = json_body(request)?;
    Ok(wanted.topic_list.into_iter().map(topic).collect())
}

/// The group of a configuration.
pub(crate) fn group_config(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: SubscriptionGroupConfig = json_body(request)?;
    Ok(vec![group(wanted.group_name)])
}

/// The groups of a list of configurations.
pub(crate) fn group_configs(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: SubscriptionGroupList = json_body(request)?;
    Ok(wanted.group_config_list.into_iter().map(|config| group(config.group_name)).collect())
}

/// The groups of a list of names.
pub(crate) fn group_names(request: &Request<'_>) -> Result<Vec<Resource<'static>>, Refusal> {
    let wanted: DeleteSubscriptionGroupListRequest = json_body(request)?;
    Ok(wanted.group_name_list.into_iter().map(group).collect())
}
