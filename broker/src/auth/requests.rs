//! Requests that show and change users and their policies (3001 to 3010), as Apache's `mqadmin` sends them. Only a super user changes super
//! users.

use std::sync::Arc;

use bolide_remoting::body::{AclInfo, UserInfo, encode};
use bolide_remoting::header::{AclRequest, DeleteAclRequest, ListAclsRequest, ListUsersRequest, UserRequest};
use bolide_remoting::signing::ACCESS_KEY;
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use serde::Serialize;

use super::policy::Pattern;
use super::shape::{acl_info, policies, policy_info, policy_type, user_change, user_info, user_of};
use super::table::{AuthError, Table, UserChange, UserType};
use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// AUTH_CREATE_USER.
pub(crate) fn create_user(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = named_user(request).and_then(|name| Ok((name, wanted_user(request)?)));
    let by_super = is_by_super(broker, request);
    change(broker, reply, wanted, move |table, (name, user)| {
        if user.user_type == Some(UserType::Super) && !by_super {
            return Err(AuthError::SuperOnly("create"));
        }
        table.create_user(&name, user)
    });
}

/// AUTH_UPDATE_USER.
pub(crate) fn update_user(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = named_user(request).and_then(|name| Ok((name, wanted_user(request)?)));
    let by_super = is_by_super(broker, request);
    change(broker, reply, wanted, move |table, (name, user)| {
        let is_super = table.user(&name).is_some_and(|user| user.user_type == UserType::Super);
        if (is_super || user.user_type == Some(UserType::Super)) && !by_super {
            return Err(AuthError::SuperOnly("update"));
        }
        table.update_user(&name, user)
    });
}

/// AUTH_DELETE_USER. The policies go too. There may be no such user.
pub(crate) fn delete_user(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let by_super = is_by_super(broker, request);
    change(broker, reply, named_user(request), move |table, name| {
        if table.user(&name).is_some_and(|user| user.user_type == UserType::Super) && !by_super {
            return Err(AuthError::SuperOnly("update"));
        }
        table.delete_user(&name);
        Ok(())
    });
}

/// AUTH_GET_USER. Without a body: there is no such user.
pub(crate) fn get_user(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let user = named_user(request).map(|name| {
        let table = broker.auth.table();
        table.user(&name).map(|user| user_info(&name, user))
    });
    give(reply, user);
}

/// AUTH_LIST_USER. Without a body: there are none.
pub(crate) fn list_users(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let users = ListUsersRequest::decode(&request.header.fields).map_err(Refusal::from).map(|header| {
        let table = broker.auth.table();
        let wanted = |(name, _): &(&str, _)| is_wanted(header.filter, name);
        filled(table.users().filter(wanted).map(|(name, user)| user_info(name, user)).collect())
    });
    give(reply, users);
}

/// AUTH_CREATE_ACL and AUTH_UPDATE_ACL: both add entries to those that are there.
pub(crate) fn put_acl(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = AclRequest::decode(&request.header.fields).map_err(Refusal::from).and_then(|header| {
        let acl: AclInfo = json_body(request)?;
        if acl.policies.is_empty() {
            return Err(Refusal::invalid("The body of acl is null"));
        }
        let subject = acl.subject.as_deref().or(header.subject);
        Ok((user_of(subject).map_err(Refusal::invalid)?, policies(&acl).map_err(Refusal::invalid)?))
    });
    change(broker, reply, wanted, |table, (name, policies)| table.put_policies(&name, policies));
}

/// AUTH_DELETE_ACL: one entry, or all.
pub(crate) fn delete_acl(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = DeleteAclRequest::decode(&request.header.fields).map_err(Refusal::from).and_then(|header| {
        let name = user_of(header.subject).map_err(Refusal::invalid)?;
        let rank = policy_type(header.policy_type).map_err(Refusal::invalid)?;
        let resource = header.resource.filter(|resource| !resource.trim().is_empty());
        let pattern =
            resource.map(|text| Pattern::parse(text).ok_or_else(|| format!("The resource {text:?} is illegal.")));
        Ok((name, rank, pattern.transpose().map_err(Refusal::invalid)?))
    });
    change(broker, reply, wanted, |table, (name, rank, pattern)| {
        table.delete_policies(&name, pattern.as_ref().map(|pattern| (rank, pattern)))
    });
}

/// AUTH_GET_ACL. Without a body: the user has no policies.
pub(crate) fn get_acl(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let acl = AclRequest::decode(&request.header.fields).map_err(Refusal::from).and_then(|header| {
        let name = user_of(header.subject).map_err(Refusal::invalid)?;
        let table = broker.auth.table();
        Ok(table.policies(&name)?.map(|policies| acl_info(&name, policies)))
    });
    give(reply, acl);
}

/// AUTH_LIST_ACL. Without a body: there are none.
pub(crate) fn list_acls(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let acls = ListAclsRequest::decode(&request.header.fields).map_err(Refusal::from).map(|header| {
        let table = broker.auth.table();
        filled(matching_acls(&table, header.subject_filter, header.resource_filter))
    });
    give(reply, acls);
}

fn matching_acls(table: &Table, subject_filter: Option<&str>, resource_filter: Option<&str>) -> Vec<AclInfo> {
    let mut acls = Vec::new();
    for (name, policies) in table.all_policies() {
        let mut acl = AclInfo { policies: Vec::new(), ..acl_info(name, &[]) };
        for policy in policies {
            let entries = policy.entries.iter().filter(|entry| is_wanted(resource_filter, &entry.pattern.to_string()));
            let matching = policy_info(policy, entries);
            acl.policies.extend((!matching.entries.is_empty()).then_some(matching));
        }
        if !acl.policies.is_empty() && is_wanted(subject_filter, acl.subject.as_deref().unwrap_or_default()) {
            acls.push(acl);
        }
    }
    acls
}

fn is_wanted(filter: Option<&str>, name: &str) -> bool {
    filter.is_none_or(|filter| filter.trim().is_empty() || name.contains(filter))
}

/// Apache answers an empty list without a body.
fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The user that the header names.
fn named_user(request: &Request<'_>) -> Result<String, Refusal> {
    let header = UserRequest::decode(&request.header.fields)?;
    let name = header.username.filter(|name| !name.trim().is_empty());
    name.map(str::to_owned).ok_or_else(|| Refusal::invalid("The username is blank"))
}

fn wanted_user(request: &Request<'_>) -> Result<UserChange, Refusal> {
    let info: UserInfo = json_body(request)?;
    user_change(&info).map_err(Refusal::invalid)
}

/// Does the request come from a super user? Where nobody is asked who they are, everybody counts as one.
fn is_by_super(broker: &Broker, request: &Request<'_>) -> bool {
    let name = request.header.fields.get(ACCESS_KEY).filter(|name| !name.is_empty());
    let table = broker.auth.table();
    name.is_none_or(|name| table.user(name).is_some_and(|user| user.user_type == UserType::Super))
}

/// Makes a change, which waits for the disk.
fn change<T: Send + 'static>(
    broker: &Arc<Broker>,
    reply: Reply<'_>,
    wanted: Result<T, Refusal>,
    make: impl FnOnce(&mut Table, T) -> Result<(), AuthError> + Send + 'static,
) {
    match wanted {
        Ok(wanted) => broker.on_blocking_thread(reply, move |broker, reply| {
            reply.give(broker.auth.change(|table| make(table, wanted)));
        }),
        Err(refusal) => reply.refuse(refusal),
    }
}

fn give(reply: Reply<'_>, answer: Result<Option<impl Serialize>, Refusal>) {
    match answer {
        Ok(answer) => {
            let body = answer.map_or(Body::Empty, |answer| encode(&answer).into());
            reply.respond(ResponseCode::SUCCESS, None, &(), body);
        }
        Err(refusal) => reply.refuse(refusal),
    }
}
