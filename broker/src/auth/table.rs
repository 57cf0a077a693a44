//! Users and their policies: the pure state that decides who somebody is and what they may do, and its changes. Words of refusals are
//! Apache's, because people and scripts look for them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::policy::{Decision, Demand, Entry, Pattern, Policy, PolicyType, decide};

/// How many users there may be.
const MAX_USERS: usize = 10_000;
/// How many entries one user's policies may have.
const MAX_ENTRIES: usize = 10_000;
/// The longest name and password, in bytes.
const MAX_NAME_BYTES: usize = 1_024;

bolide_remoting::words! {
    /// What a user is.
    pub enum UserType {
        /// May do everything.
        Super = "Super",
        /// May do what policies allow.
        Normal = "Normal",
    }
}

bolide_remoting::words! {
    /// Whether a user is let in.
    pub enum UserStatus {
        /// Yes.
        Enable = "enable",
        /// No.
        Disable = "disable",
    }
}

/// One user; the name is the access key, the password the secret key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The secret key. Signatures are checked with it, so that it is kept as it is.
    pub password: String,
    /// What the user is.
    pub user_type: UserType,
    /// Whether the user is let in.
    pub status: UserStatus,
}

/// A change of a user; what is absent stays, or gets its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The secret key.
    pub password: Option<String>,
    /// What the user is.
    pub user_type: Option<UserType>,
    /// Whether the user is let in.
    pub status: Option<UserStatus>,
}

/// Why somebody is not let in, may not do something, or a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A request without an access key.
    #[error("username cannot be null.")]
    NoUser,
    /// An access key that nobody has.
    #[error("User:{0} is not found.")]
    UnknownUser(String),
    /// A user that is not let in.
    #[error("User:{0} is disabled.")]
    Disabled(String),
    /// A signature that is missing or was not made with the secret key.
    #[error("check signature failed.")]
    Signature,
    /// No entry fits.
    #[error("User:{user} has no permission to access {resource} from {source_ip}, no matched policies.")]
    NoPolicy {
        /// Who asked.
        user: String,
        /// For what.
        resource: String,
        /// From where.
        source_ip: IpAddr,
    },
    /// The entry that counts denies.
    #[error("User:{user} has no permission to access {resource} from {source_ip}, the decision is deny.")]
    Denied {
        /// Who asked.
        user: String,
        /// For what.
        resource: String,
        /// From where.
        source_ip: IpAddr,
    },
    /// A user that is to be created is there.
    #[error("The user is existed")]
    UserExists,
    /// A user that is to be changed is not there.
    #[error("The user is not exist")]
    NoSuchUser,
    /// A user without a password.
    #[error("password can not be blank")]
    NoPassword,
    /// Policies for somebody who is not there.
    #[error("The subject of User:{0} is not exist.")]
    NoSubject(String),
    /// Policies of somebody who is not there.
    #[error("The subject is not exist.")]
    NoSuchSubject,
    /// There are no policies to delete.
    #[error("The acl is not exist.")]
    NoAcl,
    /// A change by somebody who may not make it.
    #[error("The super user can only be {0} by super user")]
    SuperOnly(&'static str),
    /// A refusal of ACL 1.0, in its own words.
    #[error("{0}")]
    Plain(String),
    /// A limit is reached.
    #[error(
        "there is no room: at most {MAX_USERS} users, {MAX_ENTRIES} entries for each, names and passwords of {MAX_NAME_BYTES} bytes"
    )]
    Full,
}

/// Users by name, and their policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    users: BTreeMap<String, User>,
    /// Policies by user; nobody has an empty list.
    policies: BTreeMap<String, Vec<Policy>>,
}

impl Table {
    /// The user with this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// A user's policies; `None` for a user without any.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn policies(&self, name: &str) -> Result<Option<&[Policy]>, AuthError> {
        if !self.users.contains_key(name) {
            return Err(AuthError::NoSuchSubject);
        }
        Ok(self.policies.get(name).map(Vec::as_slice))
    }

    /// All policies, by user.
    pub fn all_policies(&self) -> impl Iterator<Item = (&str, &[Policy])> {
        self.policies.iter().map(|(name, policies)| (name.as_str(), policies.as_slice()))
    }

    /// Finds the user that a request says it is from. The caller checks the signature with the password.
    ///
    /// # Errors
    /// When there is none, or none that is let in.
    pub fn authenticate(&self, name: Option<&str>) -> Result<&User, AuthError> {
        let name = name.filter(|name| !name.is_empty()).ok_or(AuthError::NoUser)?;
        let user = self.users.get(name).ok_or_else(|| AuthError::UnknownUser(name.to_owned()))?;
        if user.status == UserStatus::Disable {
            return Err(AuthError::Disabled(name.to_owned()));
        }
        Ok(user)
    }

    /// May this user do that?
    ///
    /// # Errors
    /// When not.
    pub fn authorize(&self, name: &str, demand: &Demand<'_>, source_ip: IpAddr) -> Result<(), AuthError> {
        if self.authenticate(Some(name))?.user_type == UserType::Super {
            return Ok(());
        }
        let policies = self.policies.get(name).map(Vec::as_slice).unwrap_or_default();
        let (user, resource) = (name.to_owned(), demand.resource.to_string());
        match decide(policies, demand, source_ip) {
            Some(Decision::Allow) => Ok(()),
            Some(Decision::Deny) => Err(AuthError::Denied { user, resource, source_ip }),
            None => Err(AuthError::NoPolicy { user, resource, source_ip }),
        }
    }

    /// Adds a user: a normal one that is let in, unless the change says otherwise.
    ///
    /// # Errors
    /// When there is one with this name, no password, or no room.
    pub fn create_user(&mut self, name: &str, change: UserChange) -> Result<(), AuthError> {
        let password = change.password.filter(|password| !password.trim().is_empty()).ok_or(AuthError::NoPassword)?;
        if self.users.contains_key(name) {
            return Err(AuthError::UserExists);
        }
        if self.users.len() >= MAX_USERS || name.len().max(password.len()) > MAX_NAME_BYTES {
            return Err(AuthError::Full);
        }
        let user_type = change.user_type.unwrap_or(UserType::Normal);
        let status = change.status.unwrap_or(UserStatus::Enable);
        self.users.insert(name.to_owned(), User { password, user_type, status });
        Ok(())
    }

    /// Changes a user.
    ///
    /// # Errors
    /// When there is no such user, or the password is too long.
    pub fn update_user(&mut self, name: &str, change: UserChange) -> Result<(), AuthError> {
        let user = self.users.get_mut(name).ok_or(AuthError::NoSuchUser)?;
        if let Some(password) = change.password.filter(|password| !password.trim().is_empty()) {
            if password.len() > MAX_NAME_BYTES {
                return Err(AuthError::Full);
            }
            user.password = password;
        }
        user.user_type = change.user_type.unwrap_or(user.user_type);
        user.status = change.status.unwrap_or(user.status);
        Ok(())
    }

    /// Removes a user with all policies, if there is one.
    pub fn delete_user(&mut self, name: &str) {
        self.users.remove(name);
        self.policies.remove(name);
    }

    /// Adds entries to a user's policies; an entry takes the place of one with the same rank and pattern.
    ///
    /// # Errors
    /// When there is no such user, or no room.
    pub fn put_policies(&mut self, name: &str, policies: Vec<Policy>) -> Result<(), AuthError> {
        if !self.users.contains_key(name) {
            return Err(AuthError::NoSubject(name.to_owned()));
        }
        let mut own = self.policies.get(name).cloned().unwrap_or_default();
        for policy in policies {
            let rank = policy.policy_type;
            let place = own.iter().position(|own| own.policy_type == rank).unwrap_or_else(|| {
                own.push(Policy { policy_type: rank, entries: Vec::new() });
                own.len() - 1
            });
            policy.entries.into_iter().for_each(|entry| put(&mut own[place].entries, entry));
        }
        own.retain(|policy| !policy.entries.is_empty());
        let pattern_bytes = |entry: &Entry| entry.pattern.to_string().len();
        let longest = own.iter().flat_map(|policy| &policy.entries).map(pattern_bytes).max();
        if own.iter().map(|policy| policy.entries.len()).sum::<usize>() > MAX_ENTRIES
            || longest.is_some_and(|longest| longest > MAX_NAME_BYTES)
        {
            return Err(AuthError::Full);
        }
        if !own.is_empty() {
            self.policies.insert(name.to_owned(), own);
        }
        Ok(())
    }

    /// Removes the entry with this rank and pattern, or all policies of a user.
    ///
    /// # Errors
    /// When there is no such user, or one without policies.
    pub fn delete_policies(&mut self, name: &str, entry: Option<(PolicyType, &Pattern)>) -> Result<(), AuthError> {
        if !self.users.contains_key(name) {
            return Err(AuthError::NoSuchSubject);
        }
        let own = self.policies.get_mut(name).ok_or(AuthError::NoAcl)?;
        match entry {
            Some((rank, pattern)) => {
                let of_rank = own.iter_mut().filter(|policy| policy.policy_type == rank);
                of_rank.for_each(|policy| policy.entries.retain(|entry| entry.pattern != *pattern));
                own.retain(|policy| !policy.entries.is_empty());
            }
            None => own.clear(),
        }
        if own.is_empty() {
            self.policies.remove(name);
        }
        Ok(())
    }
}

fn put(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|own| own.pattern == entry.pattern) {
        Some(own) => *own = entry,
        None => entries.push(entry),
    }
}
