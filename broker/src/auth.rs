//! Who may do what: users with secret keys, their policies, the signatures of requests, and the files and requests that users are kept in
//! and changed by. [`table`] decides, purely; [`need`] says what a request demands; [`Auth`] brings both together at the door. Off unless
//! `authenticationEnabled` is true.

pub(crate) mod need;
pub(crate) mod plain;
pub mod policy;
pub(crate) mod requests;
mod shape;
pub(crate) mod signature;
pub mod table;

use std::collections::HashSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use bolide_remoting::body::{UserInfo, decode};
use bolide_remoting::logs::Throttle;
use bolide_remoting::signing::{ACCESS_KEY, Credentials};
use bolide_remoting::{Request, RequestCode, ResponseCode};
use parking_lot::{Mutex, RwLock};

use crate::config::BrokerConfig;
use crate::config_file::{ConfigFile, ConfigFileError};
use crate::refusal::Refusal;
use need::Need;
use plain::{PlainAcl, PlainAclError};
use policy::Demand;
use shape::Saved;
use table::{AuthError, Table, UserChange, UserType};

/// Why users cannot be had; one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AuthOpenError {
    /// Their file cannot be used.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// Their file says something that makes no sense.
    #[error("config/auth.json: {0}")]
    Content(String),
    /// The accounts of ACL 1.0 cannot be used.
    #[error(transparent)]
    Plain(#[from] PlainAclError),
    /// A key's value makes no sense.
    #[error("{key} must be {form}")]
    Key {
        /// The key.
        key: &'static str,
        /// What it must be.
        form: &'static str,
    },
    /// A user that the configuration names cannot be created.
    #[error("{key}: {source}")]
    User {
        /// The key that names the user.
        key: &'static str,
        /// Why not.
        source: AuthError,
    },
}

/// Reads `innerClientAuthenticationCredentials`; `None` where it is empty.
pub(crate) fn inner_credentials(config: &BrokerConfig) -> Result<Option<Credentials>, AuthOpenError> {
    const KEY: &str = "innerClientAuthenticationCredentials";
    const FORM: &str = r#"{"accessKey":"…","secretKey":"…"}"#;
    let text = config.inner_client_authentication_credentials.trim();
    if text.is_empty() {
        return Ok(None);
    }
    decode(text.as_bytes()).map(Some).map_err(|_| AuthOpenError::Key { key: KEY, form: FORM })
}

/// The guard at the broker's doors.
pub(crate) struct Auth {
    /// Requests must be signed.
    authenticates: bool,
    /// Users must have the right to what they ask.
    authorizes: bool,
    cluster: String,
    unsigned: HashSet<String>,
    unlimited: HashSet<String>,
    table: RwLock<Arc<Table>>,
    /// One change at a time, so that none is lost and the file has the last one.
    changing: Mutex<()>,
    file: ConfigFile,
    /// With ACL 1.0 its accounts decide, rather than the users.
    plain: Option<PlainAcl>,
    audit: Mutex<Throttle>,
}

impl Auth {
    /// Reads the users, and adds those that the configuration names.
    pub(crate) fn load(config: &BrokerConfig, file: ConfigFile) -> Result<Self, AuthOpenError> {
        let saved: Option<Saved> = file.load()?;
        let table = saved.unwrap_or_default().read().map_err(AuthOpenError::Content)?;
        let auth = Self {
            authenticates: config.authentication_enabled,
            authorizes: config.authorization_enabled,
            cluster: config.broker_cluster_name.clone(),
            unsigned: listed(&config.authentication_whitelist),
            unlimited: listed(&config.authorization_whitelist),
            table: RwLock::new(Arc::new(table)),
            changing: Mutex::default(),
            file,
            plain: config.acl_enable.then(|| PlainAcl::open(config)).transpose()?,
            audit: Mutex::default(),
        };
        if auth.authenticates {
            if config.migrate_auth_from_v1_enabled {
                auth.take_over(&PlainAcl::open(config)?.table())?;
            }
            auth.create_configured(config)?;
        }
        Ok(auth)
    }

    /// Adds the accounts of ACL 1.0 whose names no user has.
    fn take_over(&self, accounts: &Table) -> Result<(), AuthOpenError> {
        let mut table = Table::clone(&self.table());
        for (name, user) in accounts.users().filter(|(name, _)| self.table().user(name).is_none()) {
            let change =
                UserChange { password: Some(user.password.clone()), user_type: Some(user.user_type), status: None };
            let policies = accounts.policies(name).ok().flatten().unwrap_or_default().to_vec();
            let added = table.create_user(name, change).and_then(|()| table.put_policies(name, policies));
            added.map_err(|source| AuthOpenError::User { key: "migrateAuthFromV1Enabled", source })?;
        }
        Ok(self.save(table)?)
    }

    /// Adds the users that the configuration names, as super users, unless there are users of these names.
    fn create_configured(&self, config: &BrokerConfig) -> Result<(), AuthOpenError> {
        const INITIAL: &str = "initAuthenticationUser";
        const FORM: &str = r#"{"username":"…","password":"…"}"#;
        let mut wanted = Vec::new();
        let initial = config.init_authentication_user.trim();
        if !initial.is_empty() {
            let user: UserInfo =
                decode(initial.as_bytes()).map_err(|_| AuthOpenError::Key { key: INITIAL, form: FORM })?;
            let Some(name) = user.username.filter(|name| !name.is_empty()) else {
                return Err(AuthOpenError::Key { key: INITIAL, form: FORM });
            };
            wanted.push((INITIAL, name, user.password));
        }
        if let Some(Credentials { access_key, secret_key }) = inner_credentials(config)? {
            wanted.push(("innerClientAuthenticationCredentials", access_key, Some(secret_key)));
        }
        for (key, name, password) in wanted {
            if self.table().user(&name).is_some() {
                continue;
            }
            let change = UserChange { password, user_type: Some(UserType::Super), status: None };
            let mut table = Table::clone(&self.table());
            table.create_user(&name, change).map_err(|source| AuthOpenError::User { key, source })?;
            self.save(table)?;
        }
        if self.table().users().next().is_none() {
            tracing::warn!(
                "authenticationEnabled=true, but there is no user: nobody is let in (initAuthenticationUser)"
            );
        }
        Ok(())
    }

    /// The users as they are now.
    pub(crate) fn table(&self) -> Arc<Table> {
        self.table.read().clone()
    }

    /// Changes users: in the file first, then for all requests from now on. Waits for the disk.
    pub(crate) fn change<E: Into<Refusal>>(
        &self,
        change: impl FnOnce(&mut Table) -> Result<(), E>,
    ) -> Result<(), Refusal> {
        let _turn = self.changing.lock();
        let mut table = Table::clone(&self.table());
        change(&mut table).map_err(Into::into)?;
        Ok(self.save(table)?)
    }

    fn save(&self, table: Table) -> Result<(), ConfigFileError> {
        self.file.save(&Saved::of(&table))?;
        *self.table.write() = Arc::new(table);
        Ok(())
    }

    /// Lets a request in, or says why not; returns the user whose signature it bears. Costs one look at a flag where authentication is off.
    pub(crate) fn admit<'a>(&self, request: &Request<'a>, need: Need, now_ms: i64) -> Result<Option<&'a str>, Refusal> {
        if !self.is_on() {
            return Ok(None);
        }
        let source = request.connection.peer().ip();
        let checked = self.check(request, need, source);
        let checked = checked.and_then(|user| self.refuse_users(request.code()).map(|()| user));
        checked.inspect_err(|refusal| {
            if refusal.code == ResponseCode::NO_PERMISSION {
                let user = request.header.fields.get(ACCESS_KEY).unwrap_or_default();
                self.denied(now_ms, source, user, &request.code().to_string(), &refusal.remark);
            }
        })
    }

    /// With ACL 1.0 the users of "auth 2.0" are nobody's business: who may do what stands in files.
    fn refuse_users(&self, code: RequestCode) -> Result<(), Refusal> {
        if self.plain.is_none() || !(RequestCode::AUTH_CREATE_USER..=RequestCode::AUTH_LIST_ACL).contains(&code) {
            return Ok(());
        }
        let remark =
            format!("request type {code} not supported with aclEnable=true: accounts are changed in plain_acl.yml");
        Err(Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark))
    }

    fn check<'a>(&self, request: &Request<'a>, need: Need, source: IpAddr) -> Result<Option<&'a str>, Refusal> {
        let code = request.code().0;
        let user = request.header.fields.get(ACCESS_KEY);
        let signed = self.identify(&code, user, source, |secret| signature::is_signed(request, secret))?;
        self.permit(&code, user, source, || need.demands(request, &self.cluster))?;
        Ok(signed)
    }

    /// Who signed a request that was let in; empty where nobody is asked.
    pub(crate) fn user_of<'a>(&self, request: &Request<'a>) -> &'a str {
        if self.is_on() { request.header.fields.get(ACCESS_KEY).unwrap_or_default() } else { "" }
    }

    /// Must callers be known?
    pub(crate) fn is_on(&self) -> bool {
        self.authenticates || self.plain.is_some()
    }

    /// Those who decide.
    fn deciding(&self) -> Arc<Table> {
        self.plain.as_ref().map_or_else(|| self.table(), PlainAcl::table)
    }

    /// Is a caller from there asked for nothing?
    fn is_trusted(&self, user: Option<&str>, source: IpAddr) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.trusts(user, source.to_canonical()))
    }

    /// An error in the words of the rules that are in force.
    fn worded(&self, error: AuthError, user: Option<&str>, rpc: &impl Display) -> AuthError {
        if self.plain.is_some() { plain::worded(error, user, &rpc.to_string()) } else { error }
    }

    /// Is a caller who they say they are? `rpc` is what is asked for, as whitelists name it. Returns who it is, unless nobody had to say so.
    pub(crate) fn identify<'a>(
        &self,
        rpc: &impl Display,
        user: Option<&'a str>,
        source: IpAddr,
        is_signed_with: impl FnOnce(&str) -> bool,
    ) -> Result<Option<&'a str>, AuthError> {
        if is_listed(&self.unsigned, rpc) || self.is_trusted(user, source) {
            return Ok(None);
        }
        let table = self.deciding();
        let found = table.authenticate(user);
        let known = found.and_then(|found| is_signed_with(&found.password).then_some(user).ok_or(AuthError::Signature));
        known.map_err(|error| self.worded(error, user, rpc))
    }

    /// May a user do what is asked for? What that is must only be found out where it matters.
    pub(crate) fn permit<'a, E: From<AuthError>>(
        &self,
        rpc: &impl Display,
        user: Option<&str>,
        source: IpAddr,
        demands: impl FnOnce() -> Result<Vec<Demand<'a>>, E>,
    ) -> Result<(), E> {
        let authorizes = self.authorizes || self.plain.is_some();
        if !authorizes || is_listed(&self.unlimited, rpc) || self.is_trusted(user, source) {
            return Ok(());
        }
        let table = self.deciding();
        let found = table.authenticate(user).map_err(|error| self.worded(error, user, rpc))?;
        // A super user's request need not even be readable: the handler says what is wrong with it.
        if found.user_type == UserType::Super {
            return Ok(());
        }
        for demand in demands()? {
            let demand = if self.plain.is_some() { plain::demand(demand) } else { Some(demand) };
            let Some(demand) = demand else { continue };
            let allowed = table.authorize(user.unwrap_or_default(), &demand, source.to_canonical());
            allowed.map_err(|error| self.worded(error, user, rpc))?;
        }
        Ok(())
    }

    /// Leaves a trace of a denial in the log.
    pub(crate) fn denied(&self, now_ms: i64, source: IpAddr, user: &str, what: &str, why: &str) {
        let Some(left_out) = self.audit.lock().note(now_ms) else { return };
        if left_out > 0 {
            tracing::warn!(target: "audit", "{left_out} more denials were not logged");
        }
        tracing::warn!(target: "audit", %source, user, what, "denied: {why}");
    }
}

/// The words between the commas of a list.
fn listed(text: &str) -> HashSet<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_listed(list: &HashSet<String>, rpc: &impl Display) -> bool {
    !list.is_empty() && list.contains(&rpc.to_string())
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Refusal::new(ResponseCode::NO_PERMISSION, error.to_string())
    }
}
