//! Requests that change several groups at once (225, 5003), or what a group may read (353). A batch with a name that cannot be is
//! refused whole; a wrong attribute is found only at its group, when those before it are changed already.

use std::sync::Arc;

use bolide_remoting::body::{DeleteSubscriptionGroupListRequest, GroupForbidden, SubscriptionGroupList, encode};
use bolide_remoting::header::UpdateGroupForbiddenRequest;
use bolide_remoting::{Reply, Request};

use super::requests::{forget, save};
use crate::broker::Broker;
use crate::name;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST. Answers when the groups are saved.
pub(crate) fn update(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match try_update(broker, request) {
        Ok(()) => save(broker, reply),
        Err(refusal) => reply.refuse(refusal),
    }
}

fn try_update(broker: &Broker, request: &Request<'_>) -> Result<(), Refusal> {
    let wanted: SubscriptionGroupList = json_body(request)?;
    wanted.group_config_list.iter().try_for_each(|group| name::check_group(&group.group_name))?;
    wanted.group_config_list.into_iter().try_for_each(|group| broker.groups.update(group))?;
    Ok(())
}

/// DELETE_SUBSCRIPTION_GROUP_LIST.
pub(crate) fn delete(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted: DeleteSubscriptionGroupListRequest = match json_body(request) {
        Ok(wanted) => wanted,
        Err(refusal) => return reply.refuse(refusal),
    };
    for group in &wanted.group_name_list {
        forget(broker, group, wanted.clean_offset);
    }
    save(broker, reply);
}

/// UPDATE_AND_GET_GROUP_FORBIDDEN: takes the permission to read a topic from a group or gives it back, if that is asked for, and says
/// whether the group has it.
pub(crate) fn forbid(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match UpdateGroupForbiddenRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let (group, topic) = (header.group.to_owned(), header.topic.to_owned());
    let changed = header.readable.is_some();
    if let Some(readable) = header.readable {
        broker.groups.set_reading_forbidden(&group, &topic, !readable);
    }
    broker.on_blocking_thread(reply, move |broker, reply| {
        let readable = Some(!broker.groups.is_reading_forbidden(&group, &topic));
        let saved = if changed { broker.groups.save() } else { Ok(()) };
        let body = encode(&GroupForbidden { topic, group, readable });
        reply.give_body(saved.map(|()| body).map_err(Refusal::from));
    });
}
