//! What a start comes to: the command line, the environment and the configuration file, decided together.

use std::path::{Path, PathBuf};

use bolide_remoting::keys::{self, KeyError, Loaded};
use bolide_remoting::tls::TlsMode;

use super::{Arguments, BrokerConfig, Environment};

/// How the reference page begins.
const REFERENCE_TITLE: &str = "Keys of the broker";

/// What `mqbroker` shall do.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Print this text and exit.
    Print(String),
    /// Run a broker.
    Run(Box<Plan>),
}

/// A broker to be run. Every value of its configuration is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The configuration.
    pub config: BrokerConfig,
    /// What the operator wrote for keys without effect, to be printed again by code 26.
    pub inert: std::collections::BTreeMap<String, String>,
    /// The file that a change at run time is written to, if there is one.
    pub config_file: Option<PathBuf>,
    /// Where the name servers are.
    pub name_servers: NameServerPlan,
    /// Whether this is the start without any configuration, for this machine only.
    pub bare: bool,
    /// What the operator should hear about, one line each.
    pub warnings: Vec<String>,
}

/// Where a broker finds its name servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameServerPlan {
    /// At these addresses, host:port.
    At(Vec<String>),
    /// In this process; it must be started first.
    Embedded {
        /// Address to listen on.
        bind_address: String,
        /// Port to listen on.
        port: u16,
        /// File for its key-value configuration.
        kv_config_path: PathBuf,
        /// Whether it takes TLS.
        tls_server_mode: TlsMode,
        /// File with the other settings of TLS.
        tls_config_file: String,
    },
    /// Nowhere: none is wanted, and the broker registers with nobody.
    None,
}

/// Why a configuration cannot be started; one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key or its value.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Name server addresses that are not host:port.
    #[error(
        "{origin}: {address:?} is not the address of a name server; write host:port, several as host:port;host:port"
    )]
    NameServer {
        /// Where it was written.
        origin: &'static str,
        /// What was written.
        address: String,
    },
    /// An address to listen on that is not an address of an interface.
    #[error("bindAddress is {0:?}, but must be an IP address, such as 0.0.0.0")]
    BindAddress(String),
    /// An address for gRPC clients that is not host:port.
    #[error("grpcAdvertisedAddress is {0:?}, but must be host:port")]
    AdvertisedAddress(String),
    /// Neither a data folder nor a home folder.
    #[error("there is no place for the data: HOME is not set; give -d DIR or the key storePathRootDir")]
    DataFolder,
    /// A name server in this process that this broker could not register with.
    #[error("tls.server.mode=enforcing holds for the name server in this process too, so that useTLS=true is needed")]
    PlainRegistration,
    /// Rights for users that nobody checks.
    #[error(
        "authorizationEnabled=true needs authenticationEnabled=true: whose rights count is known of signed requests only"
    )]
    Unauthenticated,
    /// Accounts that would become users of nothing.
    #[error("migrateAuthFromV1Enabled=true needs authenticationEnabled=true: the accounts become its users")]
    Unmigrated,
    /// Two sets of rules.
    #[error(
        "aclEnable=true and authenticationEnabled=true exclude each other: set one, or take the accounts over with migrateAuthFromV1Enabled=true"
    )]
    TwoRules,
    /// A commit log in several folders.
    #[error("storePathCommitLog is {0:?}, but a commit log in several folders is not served")]
    ManyCommitLogs(String),
}

impl Start {
    /// Decides a start. `file` is the content of the file that `-c` names.
    ///
    /// # Errors
    /// The first thing that is wrong with the configuration.
    pub fn decide(arguments: &Arguments, environment: &Environment, file: &[u8]) -> Result<Self, ConfigError> {
        if arguments.print_reference {
            return Ok(Self::Print(keys::reference_page::<BrokerConfig>(REFERENCE_TITLE)));
        }
        let flag = filled(arguments.namesrv_addr.as_deref());
        let variable = filled(environment.namesrv_addr.as_deref());
        let bare = arguments.config_file.is_none() && flag.is_none() && variable.is_none();

        let mut loaded = Loaded::new(BrokerConfig::default());
        if bare {
            loaded.values.bind_address = "127.0.0.1".to_owned();
            loaded.values.broker_ip1 = "127.0.0.1".to_owned();
        }
        if let Some(path) = &arguments.config_file {
            loaded.read(file, &path.display().to_string())?;
        }
        let key = filled(Some(&loaded.values.namesrv_addr)).map(str::to_owned);
        let chosen = [("-n", flag), ("namesrvAddr", key.as_deref()), ("NAMESRV_ADDR", variable)];
        let chosen = chosen.into_iter().find_map(|(origin, text)| text.map(|text| (origin, text)));
        loaded.values.namesrv_addr = chosen.map_or_else(String::new, |(_, text)| text.to_owned());

        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        fill_in(&mut loaded.values, arguments, environment, bare, &mut warnings)?;
        if arguments.print_config {
            return Ok(Self::Print(loaded.properties().to_string()));
        }
        if arguments.print_important_config {
            return Ok(Self::Print(keys::important(&loaded.values).to_string()));
        }
        let name_servers = match chosen {
            Some((origin, text)) => NameServerPlan::At(split_addresses(origin, text)?),
            None => embedded(&loaded.values)?,
        };
        let Loaded { values: config, inert, .. } = loaded;
        let config_file = arguments.config_file.clone();
        Ok(Self::Run(Box::new(Plan { config, inert, config_file, name_servers, bare, warnings })))
    }
}

/// Fills in what follows from the machine and from other keys, and checks what a single key cannot say.
fn fill_in(
    config: &mut BrokerConfig,
    arguments: &Arguments,
    environment: &Environment,
    bare: bool,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    or_default(&mut config.broker_name, || {
        if environment.host_name.is_empty() { "DEFAULT_BROKER".to_owned() } else { environment.host_name.clone() }
    });
    or_default(&mut config.broker_ip1, || environment.address.to_string());
    let ip1 = config.broker_ip1.clone();
    or_default(&mut config.broker_ip2, || ip1);
    if config.ha_listen_port == 0 && config.listen_port != 0 {
        config.ha_listen_port = config.listen_port.saturating_add(1);
    }
    if config.broker_id != 0 {
        warnings.push(format!("brokerId={} is set back to 0: every broker is a master here", config.broker_id));
        config.broker_id = 0;
    }
    if config.bind_address.parse::<std::net::IpAddr>().is_err() {
        return Err(ConfigError::BindAddress(config.bind_address.clone()));
    }
    if config.authorization_enabled && !config.authentication_enabled {
        return Err(ConfigError::Unauthenticated);
    }
    if config.acl_enable && config.authentication_enabled {
        return Err(ConfigError::TwoRules);
    }
    if config.migrate_auth_from_v1_enabled && !config.authentication_enabled {
        return Err(ConfigError::Unmigrated);
    }
    or_default(&mut config.rocketmq_home, || environment.rocketmq_home.clone().unwrap_or_default());
    let advertised = &config.grpc_advertised_address;
    if !advertised.is_empty() && !is_host_and_port(advertised) {
        return Err(ConfigError::AdvertisedAddress(advertised.clone()));
    }
    if let Some(folder) = &arguments.data_dir {
        config.store_path_root_dir = folder.display().to_string();
    } else if bare {
        or_default(&mut config.store_path_root_dir, || "data".to_owned());
    } else if config.store_path_root_dir.is_empty() {
        let home = environment.home.as_deref().ok_or(ConfigError::DataFolder)?;
        config.store_path_root_dir = Path::new(home).join("store").display().to_string();
    }
    let root = PathBuf::from(&config.store_path_root_dir);
    or_default(&mut config.store_path_commit_log, || root.join("commitlog").display().to_string());
    if config.store_path_commit_log.contains(',') {
        return Err(ConfigError::ManyCommitLogs(config.store_path_commit_log.clone()));
    }
    Ok(())
}

fn embedded(config: &BrokerConfig) -> Result<NameServerPlan, ConfigError> {
    if config.namesrv_listen_port == 0 {
        return Ok(NameServerPlan::None);
    }
    if config.tls_server_mode == TlsMode::Enforcing && !config.use_tls {
        return Err(ConfigError::PlainRegistration);
    }
    Ok(NameServerPlan::Embedded {
        bind_address: config.bind_address.clone(),
        port: config.namesrv_listen_port,
        kv_config_path: Path::new(&config.store_path_root_dir).join("namesrv").join("kvConfig.json"),
        tls_server_mode: config.tls_server_mode,
        tls_config_file: config.tls_config_file.clone(),
    })
}

impl BrokerConfig {
    /// The port for old clients, which subtract 2 from the one they are told; `None` where there is no such port.
    pub fn fast_listen_port(&self) -> Option<u16> {
        self.listen_port.checked_sub(2).filter(|port| *port != 0)
    }
}

/// The text without blanks around it, unless nothing is left.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn or_default(value: &mut String, default: impl FnOnce() -> String) {
    if value.is_empty() {
        *value = default();
    }
}

fn split_addresses(origin: &'static str, text: &str) -> Result<Vec<String>, ConfigError> {
    let parts: Vec<&str> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
    let wrong = parts.iter().find(|part| !is_host_and_port(part));
    match wrong {
        Some(address) => Err(ConfigError::NameServer { origin, address: (*address).to_owned() }),
        None if parts.is_empty() => Err(ConfigError::NameServer { origin, address: text.to_owned() }),
        None => Ok(parts.into_iter().map(str::to_owned).collect()),
    }
}

fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let host_is_plausible = !host.is_empty() && !host.contains(['/', ' ', ',']);
        host_is_plausible && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}
