//! Users and policies as they travel and as they are kept: Apache's JSON bodies, which also are what `config/auth.json` holds.

use bolide_remoting::body::{AclInfo, PolicyEntryInfo, PolicyInfo, UserInfo};
use serde::{Deserialize, Serialize};

use super::policy::{Action, Decision, Entry, Pattern, Policy, PolicyType};
use super::table::{Table, User, UserChange, UserStatus, UserType};

/// What a subject's name begins with.
const SUBJECT_PREFIX: &str = "User:";

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Saved {
    users: Vec<UserInfo>,
    acls: Vec<AclInfo>,
}

impl Saved {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            users: table.users().map(|(name, user)| user_info(name, user)).collect(),
            acls: table.all_policies().map(|(name, policies)| acl_info(name, policies)).collect(),
        }
    }

    /// The table that it describes.
    ///
    /// # Errors
    /// What makes no sense.
    pub(super) fn read(self) -> Result<Table, String> {
        let mut table = Table::default();
        for user in self.users {
            let name = user.username.clone().filter(|name| !name.is_empty()).ok_or("a user without a name")?;
            let created = table.create_user(&name, user_change(&user)?);
            created.map_err(|error| format!("user {name:?}: {error}"))?;
        }
        for acl in self.acls {
            let name = user_of(acl.subject.as_deref())?;
            let put = policies(&acl)?;
            table.put_policies(&name, put).map_err(|error| format!("policies of {name:?}: {error}"))?;
        }
        Ok(table)
    }
}

/// The name in `User:NAME`.
pub(super) fn user_of(subject: Option<&str>) -> Result<String, String> {
    let name = subject.and_then(|subject| {
        // Apache reads the kind in any case.
        let (kind, name) = subject.split_at_checked(SUBJECT_PREFIX.len())?;
        kind.eq_ignore_ascii_case(SUBJECT_PREFIX).then_some(name)
    });
    let name = name.filter(|name| !name.trim().is_empty());
    name.map(str::to_owned).ok_or_else(|| "The subject is null, or not User:name.".to_owned())
}

pub(super) fn user_info(name: &str, user: &User) -> UserInfo {
    UserInfo {
        username: Some(name.to_owned()),
        password: Some(user.password.clone()),
        user_type: Some(user.user_type.name().to_owned()),
        user_status: Some(user.status.name().to_owned()),
    }
}

pub(super) fn user_change(info: &UserInfo) -> Result<UserChange, String> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let user_type = filled(&info.user_type).map(|name| UserType::named(&name).ok_or(name)).transpose();
    let status = filled(&info.user_status).map(|name| UserStatus::named(&name).ok_or(name)).transpose();
    Ok(UserChange {
        password: info.password.clone(),
        user_type: user_type.map_err(|name| format!("The user type {name:?} is neither Super nor Normal."))?,
        status: status.map_err(|name| format!("The user status {name:?} is neither enable nor disable."))?,
    })
}

pub(super) fn acl_info(name: &str, policies: &[Policy]) -> AclInfo {
    AclInfo {
        subject: Some(format!("{SUBJECT_PREFIX}{name}")),
        policies: policies.iter().map(|policy| policy_info(policy, &policy.entries)).collect(),
    }
}

pub(super) fn policy_info<'a>(policy: &Policy, entries: impl IntoIterator<Item = &'a Entry>) -> PolicyInfo {
    PolicyInfo {
        policy_type: Some(policy.policy_type.name().to_owned()),
        entries: entries.into_iter().map(entry_info).collect(),
    }
}

fn entry_info(entry: &Entry) -> PolicyEntryInfo {
    let sources = || entry.networks.iter().map(ToString::to_string).collect();
    PolicyEntryInfo {
        resource: Some(entry.pattern.to_string()),
        actions: entry.actions.iter().map(|action| action.name().to_owned()).collect(),
        source_ips: (!entry.networks.is_empty()).then(sources),
        decision: Some(entry.decision.name().to_owned()),
    }
}

/// Reads policies; what is left out or misspelt is refused rather than ignored.
pub(super) fn policies(info: &AclInfo) -> Result<Vec<Policy>, String> {
    info.policies.iter().map(policy).collect()
}

fn policy(info: &PolicyInfo) -> Result<Policy, String> {
    if info.entries.is_empty() {
        return Err("The policy entries is empty.".to_owned());
    }
    let entries = info.entries.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Policy { policy_type: policy_type(info.policy_type.as_deref())?, entries })
}

/// A policy's rank; the first one where none is named.
pub(super) fn policy_type(name: Option<&str>) -> Result<PolicyType, String> {
    match name.filter(|name| !name.trim().is_empty()) {
        None => Ok(PolicyType::Custom),
        Some(name) => PolicyType::named(name).ok_or_else(|| format!("The policy type {name:?} is unknown.")),
    }
}

fn entry(info: &PolicyEntryInfo) -> Result<Entry, String> {
    let resource = info.resource.as_deref().unwrap_or_default();
    let pattern = Pattern::parse(resource).ok_or_else(|| format!("The resource {resource:?} is null or illegal."))?;
    let action = |name: &String| Action::named(name).ok_or_else(|| format!("The action {name:?} is unknown."));
    let actions = info.actions.iter().map(action).collect::<Result<Vec<_>, _>>()?;
    if actions.is_empty() {
        return Err("The actions is empty.".to_owned());
    }
    let network = |text: &String| text.trim().parse().map_err(|()| "The source ip is invalid.".to_owned());
    let networks = info.source_ips.iter().flatten().map(network).collect::<Result<_, _>>()?;
    let decision = info.decision.as_deref().and_then(Decision::named);
    let decision = decision.ok_or("The decision is null or illegal.")?;
    Ok(Entry { pattern, actions, networks, decision })
}
