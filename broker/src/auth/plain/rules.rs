//! What the files of ACL 1.0 say, in terms of users and policies: an administrator is a super user, permissions on topics and groups are
//! entries of Custom policies, the permissions of all others entries of Default ones.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::PlainAclError;
use super::address::Addresses;
use super::yaml::{Fault, Node};
use crate::auth::need::{self, PUB, PUB_SUB, SUB};
use crate::auth::policy::{Action, Decision, Entry, Kind, Pattern, Policy, PolicyType, Resource};
use crate::auth::table::{Table, UserChange, UserType};

/// Where every account may send its traces.
const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
/// Access keys and secret keys are longer than this, as Apache demands.
const TOO_SHORT_CHARACTERS: usize = 6;

/// The rules of all files.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rules {
    pub(super) table: Arc<Table>,
    /// Whoever comes from there may do everything.
    trusted: Vec<Addresses>,
    /// An account whose request comes from there needs no signature and no permission.
    trusted_accounts: BTreeMap<String, Addresses>,
}

impl Rules {
    /// Reads the contents of files.
    pub(super) fn read(files: &[(PathBuf, String)]) -> Result<Self, PlainAclError> {
        let mut rules = Self::default();
        let mut table = Table::default();
        for (path, text) in files {
            let add = Node::parse(text).and_then(|document| rules.add(&mut table, &document));
            add.map_err(|fault| PlainAclError::Content { path: path.clone(), fault: fault.to_string() })?;
        }
        rules.table = Arc::new(table);
        Ok(rules)
    }

    /// May whoever comes from there, as this account, do everything?
    pub(super) fn trust(&self, account: Option<&str>, source: IpAddr) -> bool {
        let own = account.and_then(|account| self.trusted_accounts.get(account));
        self.trusted.iter().chain(own).any(|addresses| addresses.contain(source))
    }

    fn add(&mut self, table: &mut Table, document: &Node) -> Result<(), Fault> {
        for (name, value) in document.entries()? {
            match name.as_str() {
                "globalWhiteRemoteAddresses" => {
                    for item in value.items()? {
                        self.trusted.extend(addresses(item)?);
                    }
                }
                "accounts" => {
                    for item in value.items()? {
                        self.add_account(table, item)?;
                    }
                }
                // Apache counts changes there.
                "dataVersion" => {}
                _ => {
                    return Err(
                        value.fault(format!("{name} is unknown; known are globalWhiteRemoteAddresses, accounts"))
                    );
                }
            }
        }
        Ok(())
    }

    fn add_account(&mut self, table: &mut Table, node: &Node) -> Result<(), Fault> {
        let account = Account::read(node)?;
        let user_type = if account.may_everything() { UserType::Super } else { UserType::Normal };
        let change = UserChange { password: Some(account.secret_key), user_type: Some(user_type), status: None };
        let name = account.access_key;
        let added = table.create_user(&name, change).and_then(|()| table.put_policies(&name, account.policies));
        added.map_err(|error| node.fault(format!("account {name}: {error}")))?;
        self.trusted_accounts.extend(account.trusted.map(|addresses| (name, addresses)));
        Ok(())
    }
}

/// One entry of `accounts`.
#[derive(Default)]
struct Account {
    access_key: String,
    secret_key: String,
    trusted: Option<Addresses>,
    is_admin: bool,
    /// Some topics or groups are named.
    is_limited: bool,
    policies: Vec<Policy>,
}

impl Account {
    fn read(node: &Node) -> Result<Self, Fault> {
        let mut account = Self::default();
        for (name, value) in node.entries()? {
            match name.as_str() {
                "accessKey" => account.access_key = long_enough(name, value)?,
                "secretKey" => account.secret_key = long_enough(name, value)?,
                "whiteRemoteAddress" => account.trusted = addresses(value)?,
                "admin" => account.is_admin = truth(value)?,
                "defaultTopicPerm" => account.add_default(Kind::Topic, value)?,
                "defaultGroupPerm" => account.add_default(Kind::Group, value)?,
                "topicPerms" => account.add_named(value, |name| need::topic(name))?,
                "groupPerms" => account.add_named(value, |name| need::group(name))?,
                _ => {
                    return Err(value.fault(format!(
                        "{name} is unknown; an account has accessKey, secretKey, whiteRemoteAddress, admin, \
                         defaultTopicPerm, defaultGroupPerm, topicPerms, groupPerms"
                    )));
                }
            }
        }
        if account.access_key.is_empty() || account.secret_key.is_empty() {
            return Err(node.fault("an account needs an accessKey and a secretKey"));
        }
        let traces = Pattern::Literal(Kind::Topic, TRACE_TOPIC.to_owned());
        account.add(PolicyType::Custom, traces, PUB, Decision::Allow);
        if account.is_admin {
            account.add(PolicyType::Custom, Pattern::Kind(Kind::Cluster), &[Action::All], Decision::Allow);
        }
        Ok(account)
    }

    /// The permissions of an administrator count only where there are some.
    fn may_everything(&self) -> bool {
        self.is_admin && !self.is_limited
    }

    fn add_default(&mut self, kind: Kind, value: &Node) -> Result<(), Fault> {
        let actions = permitted(value, value.text()?)?;
        self.add(PolicyType::Default, Pattern::Kind(kind), actions, Decision::Allow);
        Ok(())
    }

    /// Adds `name=permission` of a list. What is not permitted is denied, or the default permissions would count.
    fn add_named(&mut self, list: &Node, resource: fn(&str) -> Resource<'_>) -> Result<(), Fault> {
        for item in list.items()? {
            let text = item.text()?;
            let form = || item.fault(format!("{text:?} must be NAME=PERMISSION, such as orders=PUB|SUB"));
            let (name, permission) =
                text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(form)?;
            let Resource { kind, name } = resource(name.trim());
            let pattern = Pattern::Literal(kind, name.into_owned());
            self.add(PolicyType::Custom, pattern.clone(), permitted(item, permission)?, Decision::Allow);
            self.add(PolicyType::Default, pattern, PUB_SUB, Decision::Deny);
            self.is_limited = true;
        }
        Ok(())
    }

    fn add(&mut self, policy_type: PolicyType, pattern: Pattern, actions: &[Action], decision: Decision) {
        if actions.is_empty() {
            return;
        }
        let entry = Entry { pattern, actions: actions.to_vec(), networks: Vec::new(), decision };
        self.policies.push(Policy { policy_type, entries: vec![entry] });
    }
}

fn addresses(node: &Node) -> Result<Option<Addresses>, Fault> {
    let text = node.text()?;
    let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
    parsed.map_err(|()| {
        node.fault(format!(
            "{text:?} is no address; write 10.1.2.3, 10.1.*.*, 10.1.2.10-20, 10.1.2.{{7,9}} or the same with IPv6"
        ))
    })
}

fn long_enough(name: &str, node: &Node) -> Result<String, Fault> {
    let text = node.text()?;
    if text.chars().count() <= TOO_SHORT_CHARACTERS {
        return Err(node.fault(format!("{name} must have more than {TOO_SHORT_CHARACTERS} characters")));
    }
    Ok(text.to_owned())
}

fn truth(node: &Node) -> Result<bool, Fault> {
    match node.text()?.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        other => Err(node.fault(format!("{other:?} is neither true nor false"))),
    }
}

/// What a permission allows.
fn permitted(node: &Node, text: &str) -> Result<&'static [Action], Fault> {
    match text.trim() {
        "PUB" => Ok(PUB),
        "SUB" => Ok(SUB),
        "PUB|SUB" | "SUB|PUB" => Ok(PUB_SUB),
        "DENY" | "" => Ok(&[]),
        other => Err(node.fault(format!("the permission {other:?} is unknown; write PUB, SUB, PUB|SUB or DENY"))),
    }
}
