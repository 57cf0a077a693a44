//! ACL 1.0: the accounts of Apache's `conf/plain_acl.yml` and `conf/acl/*.yml`, read into users and policies that decide like all others,
//! and again whenever a file changes. What is different from "auth 2.0" stands here: trusted addresses, what only administrators may do,
//! and the words of refusals.

mod address;
mod rules;
#[cfg(test)]
mod tests;
mod yaml;

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::need::{PUB, PUB_SUB, SUB, UPDATE};
use super::policy::{Action, Demand, Kind, Resource};
use super::table::{AuthError, Table};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use rules::Rules;

/// How often the files are looked at.
const RELOAD_PERIOD: Duration = Duration::from_secs(1);
/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// How many files there may be.
const MAX_FILES: usize = 1_000;

/// Why the accounts of ACL 1.0 cannot be had; one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum PlainAclError {
    /// Nobody says where they are.
    #[error(
        "there is no place for ACL 1.0: conf/plain_acl.yml and conf/acl lie in the folder that rocketmqHome or ROCKETMQ_HOME names; set one"
    )]
    Home,
    /// There are no files.
    #[error("there is neither {} nor a .yml file in {}, but ACL 1.0 is asked for (aclEnable, migrateAuthFromV1Enabled)", file.display(), folder.display())]
    Missing {
        /// The one file.
        file: PathBuf,
        /// The folder with further ones.
        folder: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file says something that makes no sense.
    #[error("{}, {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The place, what is wrong, and what to write.
        fault: String,
    },
}

/// The accounts of ACL 1.0 and the files they come from.
pub(crate) struct PlainAcl {
    files: Files,
    /// What the files held when they were looked at last.
    seen: Mutex<Vec<(PathBuf, String)>>,
    rules: RwLock<Arc<Rules>>,
}

impl PlainAcl {
    /// Reads the accounts.
    pub(super) fn open(config: &BrokerConfig) -> Result<Self, PlainAclError> {
        let files = Files::of(config)?;
        let seen = files.read()?;
        let rules = Rules::read(&seen)?;
        let count = rules.table.users().count();
        tracing::info!(
            "ACL 1.0: {count} accounts in {} files, {} and {}",
            seen.len(),
            files.file.display(),
            files.folder.display()
        );
        Ok(Self { files, seen: Mutex::new(seen), rules: RwLock::new(Arc::new(rules)) })
    }

    /// The accounts as users.
    pub(super) fn table(&self) -> Arc<Table> {
        self.rules.read().table.clone()
    }

    /// Is whoever comes from there, as this account, asked for nothing?
    pub(super) fn trusts(&self, account: Option<&str>, source: IpAddr) -> bool {
        self.rules.read().trust(account, source)
    }

    /// Takes the files into use if they have changed; says whether they have.
    fn reload(&self) -> Result<bool, PlainAclError> {
        let files = self.files.read()?;
        let mut seen = self.seen.lock();
        if *seen == files {
            return Ok(false);
        }
        let rules = Rules::read(&files);
        *seen = files;
        *self.rules.write() = Arc::new(rules?);
        Ok(true)
    }
}

/// Takes changed files into use for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    if broker.auth.plain.is_none() {
        return;
    }
    let mut complaint = String::new();
    loop {
        tokio::time::sleep(RELOAD_PERIOD).await;
        let reloading = broker.clone();
        let reloaded =
            tokio::task::spawn_blocking(move || reloading.auth.plain.as_ref().map_or(Ok(false), PlainAcl::reload));
        match reloaded.await {
            Ok(Err(error)) if complaint != error.to_string() => {
                complaint = error.to_string();
                tracing::error!("changed rules of ACL 1.0 are not taken, the old ones stay in force: {complaint}");
                continue;
            }
            Ok(Err(_)) => continue,
            Ok(Ok(true)) => tracing::info!("changed rules of ACL 1.0 are in force"),
            Ok(Ok(false)) | Err(_) => {}
        }
        complaint.clear();
    }
}

/// Where the files lie.
struct Files {
    file: PathBuf,
    folder: PathBuf,
}

impl Files {
    fn of(config: &BrokerConfig) -> Result<Self, PlainAclError> {
        if config.rocketmq_home.is_empty() {
            return Err(PlainAclError::Home);
        }
        let home = Path::new(&config.rocketmq_home);
        Ok(Self { file: home.join(&config.acl_plain_file), folder: home.join("conf/acl") })
    }

    /// All files with their contents, by path.
    fn read(&self) -> Result<Vec<(PathBuf, String)>, PlainAclError> {
        let mut paths = Vec::new();
        if self.folder.is_dir() {
            collect(&self.folder, &mut paths)?;
        }
        if self.file.exists() {
            paths.push(self.file.clone());
        }
        if paths.is_empty() {
            return Err(PlainAclError::Missing { file: self.file.clone(), folder: self.folder.clone() });
        }
        paths.sort();
        paths.dedup();
        paths.into_iter().map(|path| content(&path).map(|content| (path, content))).collect()
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), PlainAclError> {
    let unreadable = |source| PlainAclError::Unreadable { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if path.is_dir() && !path.is_symlink() {
            collect(&path, paths)?;
        } else if is_yaml {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(unreadable(io::Error::other(format!("there are more than {MAX_FILES} files"))));
        }
    }
    Ok(())
}

fn content(path: &Path) -> Result<String, PlainAclError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    let fits = read.and_then(|read| match read as u64 > MAX_FILE_BYTES {
        true => Err(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes"))),
        false => Ok(()),
    });
    fits.map_err(|source| PlainAclError::Unreadable { path: path.to_owned(), source })?;
    Ok(text)
}

/// What ACL 1.0 makes of a demand: sending and consuming needs the permission, looking at something none, changing anything an administrator.
pub(super) fn demand<'a>(demand: Demand<'a>) -> Option<Demand<'a>> {
    let wants = |action| demand.actions.contains(&action);
    let actions = match (wants(Action::Pub), wants(Action::Sub)) {
        (true, true) => PUB_SUB,
        (true, false) => PUB,
        (false, true) => SUB,
        (false, false) if demand.actions.iter().all(|action| matches!(action, Action::Get | Action::List)) => {
            return None;
        }
        (false, false) => {
            return Some(Demand { resource: Resource { kind: Kind::Cluster, name: "".into() }, actions: UPDATE });
        }
    };
    Some(Demand { actions, ..demand })
}

/// A refusal in the words of ACL 1.0. `rpc` is what was asked for.
pub(super) fn worded(error: AuthError, account: Option<&str>, rpc: &str) -> AuthError {
    let account = account.unwrap_or_default();
    AuthError::Plain(match error {
        AuthError::NoUser => "No accessKey is configured".to_owned(),
        AuthError::UnknownUser(name) => format!("No acl config for {name}"),
        AuthError::Signature => format!("Check signature failed for accessKey={account}"),
        AuthError::NoPolicy { resource, .. } | AuthError::Denied { resource, .. } => match resource.split_once(':') {
            Some(("Topic", name)) => format!("No default permission for topic:{name}"),
            Some(("Group", name)) => format!("No default permission for group:{name}"),
            _ => format!("Need admin permission for request code={rpc}, but accessKey={account} is not"),
        },
        other => return other,
    })
}
