//! Who may do what: users with secret keys, their policies, the signatures of requests, and the files and requests that users are kept in
//! and changed by. [`table`] decides, purely; [`need`] says what a request demands; [`Auth`] brings both together at the door. Off unless
//! `authenticationEnabled` is true.

mod audit;
pub(crate) mod need;
pub mod network;
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
use bolide_remoting::signing::{ACCESS_KEY, Credentials};
use bolide_remoting::{Request, ResponseCode};
use parking_lot::{Mutex, RwLock};

use crate::config::BrokerConfig;
use crate::config_file::{ConfigFile, ConfigFileError};
use crate::refusal::Refusal;
use audit::Audit;
use need::Need;
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
    audit: Mutex<Audit>,
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
            audit: Mutex::default(),
        };
        if auth.authenticates {
            auth.create_configured(config)?;
        }
        Ok(auth)
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

    /// Lets a request in, or says why not. Costs one look at a flag where authentication is off.
    pub(crate) fn admit(&self, request: &Request<'_>, need: Need, now_ms: i64) -> Result<(), Refusal> {
        if !self.authenticates {
            return Ok(());
        }
        let source = request.connection.peer().ip();
        self.check(request, need, source).inspect_err(|refusal| {
            if refusal.code == ResponseCode::NO_PERMISSION {
                let user = request.header.fields.get(ACCESS_KEY).unwrap_or_default();
                self.denied(now_ms, source, user, &request.code().to_string(), &refusal.remark);
            }
        })
    }

    fn check(&self, request: &Request<'_>, need: Need, source: IpAddr) -> Result<(), Refusal> {
        let code = request.code().0;
        let user = request.header.fields.get(ACCESS_KEY);
        self.identify(&code, user, |secret| signature::is_signed(request, secret))?;
        self.permit(&code, user, source, || need.demands(request, &self.cluster))
    }

    /// Who signed a request that was let in; empty where nobody is asked.
    pub(crate) fn user_of<'a>(&self, request: &Request<'a>) -> &'a str {
        if self.authenticates { request.header.fields.get(ACCESS_KEY).unwrap_or_default() } else { "" }
    }

    /// Must callers be known?
    pub(crate) fn is_on(&self) -> bool {
        self.authenticates
    }

    /// Is a caller who they say they are? `rpc` is what is asked for, as whitelists name it.
    pub(crate) fn identify(
        &self,
        rpc: &impl Display,
        user: Option<&str>,
        is_signed_with: impl FnOnce(&str) -> bool,
    ) -> Result<(), AuthError> {
        if is_listed(&self.unsigned, rpc) {
            return Ok(());
        }
        let table = self.table();
        if is_signed_with(&table.authenticate(user)?.password) { Ok(()) } else { Err(AuthError::Signature) }
    }

    /// May a user do what is asked for? What that is must only be found out where it matters.
    pub(crate) fn permit<'a, E: From<AuthError>>(
        &self,
        rpc: &impl Display,
        user: Option<&str>,
        source: IpAddr,
        demands: impl FnOnce() -> Result<Vec<Demand<'a>>, E>,
    ) -> Result<(), E> {
        if !self.authorizes || is_listed(&self.unlimited, rpc) {
            return Ok(());
        }
        let table = self.table();
        // A super user's request need not even be readable: the handler says what is wrong with it.
        if table.authenticate(user)?.user_type == UserType::Super {
            return Ok(());
        }
        for demand in demands()? {
            table.authorize(user.unwrap_or_default(), &demand, source.to_canonical())?;
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
