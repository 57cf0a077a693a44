//! What users may do.

use bolide_remoting::body::{AclInfo, PolicyEntryInfo, PolicyInfo, encode};
use bolide_remoting::header::{AclRequest, DeleteAclRequest, ListAclsRequest};
use bolide_remoting::{Body, RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, commands};
use crate::failure::Failure;
use crate::report::{Cell, Report};
use crate::row;
use crate::session::{Session, tell_all};
use crate::table::Column;
use crate::user::{FROM, TO};

const SUBJECT: Flag = Flag::text('s', "subject", "Whom it is about: User:NAME").required();
const RESOURCES: Flag = Flag::text(
    'r',
    "resources",
    "On what: Topic:NAME, Group:NAME, Cluster:NAME, with commas between them; * at the end stands for more",
)
.required();
const ACTIONS: Flag =
    Flag::text('a', "actions", "What: All, Pub, Sub, Create, Update, Delete, Get, List, with commas between them")
        .required();
const SOURCES: Flag = Flag::text('i', "sourceIp", "From where: addresses or networks, with commas between them");
const DECISION: Flag = Flag::text('d', "decision", "Allow or Deny").required();
const JSON: &str = "[{subject, policyType, resource, actions, sourceIps, decision}]";

commands! {
    "createAcl": "Allow or deny a user something", [BROKER, CLUSTER, SUBJECT, RESOURCES, ACTIONS, SOURCES, DECISION],
        set(RequestCode::AUTH_CREATE_ACL, "create");
    "updateAcl": "Change what a user is allowed or denied",
        [BROKER, CLUSTER, SUBJECT, RESOURCES, ACTIONS, SOURCES, DECISION],
        set(RequestCode::AUTH_UPDATE_ACL, "update");
    "deleteAcl": "Take back what a user was allowed or denied",
        [BROKER, CLUSTER, SUBJECT, Flag::text('r', "resources", "Only on this; without it all")],
        delete();
    "getAcl": "Show what a user is allowed and denied", [BROKER, CLUSTER, SUBJECT],
        get() -> JSON;
    "listAcl": "List what users are allowed and denied", [
        BROKER,
        CLUSTER,
        Flag::text('s', "subject", "Only subjects with this in them"),
        Flag::text('r', "resource", "Only resources with this in them"),
    ],
        list() -> JSON;
    "copyAcl": "Copy what users may do from one broker to another",
        [FROM, TO, Flag::text('s', "subjects", "Only of these, with commas between them")],
        copy();
}

async fn set(session: &Session, arguments: &Arguments, code: RequestCode, verb: &str) -> Result<Report, Failure> {
    let subject = arguments.text("subject");
    let sources = arguments.list("sourceIp");
    let entry = |resource: String| PolicyEntryInfo {
        resource: Some(resource),
        actions: arguments.list("actions"),
        source_ips: Some(sources.clone()).filter(|sources| !sources.is_empty()),
        decision: arguments.optional("decision").map(str::to_owned),
    };
    let entries = arguments.list("resources").into_iter().map(entry).collect();
    let policies = vec![PolicyInfo { policy_type: None, entries }];
    let acl = AclInfo { subject: Some(subject.to_owned()), policies };
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, code, &AclRequest { subject: Some(subject) }, encode(&acl), |broker| {
        format!("{verb} acl to {} success.", broker.address)
    })
    .await
}

async fn delete(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let request = DeleteAclRequest {
        subject: arguments.optional("subject"),
        policy_type: None,
        resource: arguments.optional("resources"),
    };
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, RequestCode::AUTH_DELETE_ACL, &request, Body::Empty, |broker| {
        format!("delete acl to {} success.", broker.address)
    })
    .await
}

const COLUMNS: &[Column] = &[
    ("#Subject", "subject"),
    ("#PolicyType", "policyType"),
    ("#Resource", "resource"),
    ("#Actions", "actions"),
    ("#SourceIp", "sourceIps"),
    ("#Decision", "decision"),
];

fn table(acls: &[AclInfo]) -> Report {
    let mut rows = Vec::new();
    for acl in acls {
        for policy in &acl.policies {
            rows.extend(policy.entries.iter().map(|entry| {
                row![
                    acl.subject.clone(),
                    policy.policy_type.clone(),
                    entry.resource.clone(),
                    Cell::List(entry.actions.clone()),
                    entry.source_ips.clone().map(Cell::List),
                    entry.decision.clone(),
                ]
            }));
        }
    }
    Report::table(COLUMNS, rows)
}

async fn find(session: &Session, address: &str, subject: &str) -> Result<Option<AclInfo>, Failure> {
    let request = AclRequest { subject: Some(subject) };
    session.find(address, RequestCode::AUTH_GET_ACL, &request, ResponseCode::POLICY_NOT_EXIST).await
}

async fn get(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let subject = arguments.text("subject");
    for broker in session.place(arguments).await? {
        if let Some(acl) = find(session, &broker.address, subject).await? {
            return Ok(table(&[acl]));
        }
    }
    Err(Failure::usage(format!("nothing is allowed or denied to {subject}; createAcl does so")))
}

async fn list_of(
    session: &Session,
    address: &str,
    subject_filter: Option<&str>,
    resource_filter: Option<&str>,
) -> Result<Vec<AclInfo>, Failure> {
    let request = ListAclsRequest { subject_filter, resource_filter };
    let answer = session.ask(address, RequestCode::AUTH_LIST_ACL, &request, Body::Empty).await?;
    if answer.bytes().is_empty() { Ok(Vec::new()) } else { answer.body() }
}

async fn list(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut acls = Vec::new();
    for broker in session.place(arguments).await? {
        let (subject, resource) = (arguments.optional("subject"), arguments.optional("resource"));
        acls = list_of(session, &broker.address, subject, resource).await?;
        // Masters of one cluster have the same.
        if !acls.is_empty() {
            break;
        }
    }
    Ok(table(&acls))
}

async fn copy(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (from, to) = (arguments.text("fromBroker"), arguments.text("toBroker"));
    let wanted = arguments.list("subjects");
    let mut report = Report::default();
    for acl in list_of(session, from, None, None).await? {
        let subject = acl.subject.clone().unwrap_or_default();
        if !wanted.is_empty() && !wanted.contains(&subject) {
            continue;
        }
        let code = match find(session, to, &subject).await? {
            Some(_) => RequestCode::AUTH_UPDATE_ACL,
            None => RequestCode::AUTH_CREATE_ACL,
        };
        session.ask(to, code, &AclRequest { subject: Some(&subject) }, encode(&acl)).await?;
        report = report.with_done(format!("copy acl of {subject} from {from} to {to} success."));
    }
    Ok(report)
}
