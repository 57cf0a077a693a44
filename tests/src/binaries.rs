//! Which servers are tested, and how to start them: the workspace's own binaries, built once, or Apache's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names Apache's version to test instead of the workspace's binaries: `apache-5.5.0`.
const SERVERS_VARIABLE: &str = "BOLIDE_TEST_SERVERS";
/// Names a folder with finished binaries of ours to test, rather than those that are built for the test.
const BINARIES_VARIABLE: &str = "BOLIDE_TEST_BINARIES";

/// What a process is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `mqnamesrv`.
    NameServer,
    /// `mqbroker`.
    Broker,
    /// A broker that serves gRPC clients too. Ours always does; Apache's does in the process of its proxy.
    GrpcBroker,
    /// Apache's proxy apart from any broker, in what it calls cluster mode. There is none of ours.
    Proxy,
}

/// Whose servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The workspace's own.
    Ours,
    /// Apache's of this version.
    Apache(String),
}

impl Maker {
    /// Whose servers are tested.
    pub fn tested() -> Self {
        apache_version().map_or(Self::Ours, Self::Apache)
    }
}

/// The version of Apache's servers that is tested instead of ours, if any.
pub fn apache_version() -> Option<String> {
    let value = std::env::var(SERVERS_VARIABLE).ok()?;
    let version = value.strip_prefix("apache-");
    Some(version.unwrap_or_else(|| panic!("{SERVERS_VARIABLE} is {value:?}, but must be apache-VERSION")).to_owned())
}

/// A command that becomes this server in the foreground, with this configuration file; `home` is for whatever it wants to write beside
/// its data.
pub fn server_command(maker: &Maker, role: Role, config: &Path, home: &Path) -> Command {
    let mut command = bare_command(maker, role, home);
    match role {
        Role::GrpcBroker if *maker != Maker::Ours => {
            command.args(["-pm", "local", "-bc"]).arg(config).arg("-pc").arg(proxy_config(config))
        }
        Role::Proxy => command.args(["-pm", "cluster", "-pc"]).arg(config),
        _ => command.arg("-c").arg(config),
    };
    command
}

/// The file with the settings of Apache's proxy that belongs to a broker's configuration file.
pub fn proxy_config(broker_config: &Path) -> PathBuf {
    broker_config.with_extension("proxy.json")
}

fn bare_command(maker: &Maker, role: Role, home: &Path) -> Command {
    let Maker::Apache(version) = maker else {
        return Command::new(our_binary(match role {
            Role::NameServer => "mqnamesrv",
            Role::Broker | Role::GrpcBroker => "mqbroker",
            Role::Proxy => panic!("there is no proxy of ours"),
        }));
    };
    let mut command = Command::new(package_dir().join("peer/peer"));
    command.args(["run", version]).arg(match role {
        Role::NameServer => "namesrv",
        Role::Broker => "broker",
        Role::GrpcBroker | Role::Proxy => "proxy",
    });
    command.env("PEER_HOME", home).env("PEER_JARS", target_dir().join("peer")).env("HEAP", "512m");
    command
}

/// The path of one of the workspace's binaries, in the profile of the running test unless a folder is named. Cargo builds it once for
/// each test process; processes that build at the same time wait for one another.
pub fn our_binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        if let Some(folder) = std::env::var_os(BINARIES_VARIABLE) {
            return PathBuf::from(folder);
        }
        let folder = profile_dir();
        let profile = folder.file_name().unwrap().to_str().unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let mut build = cargo();
        // The whole workspace, as its tests are built, so that what they were built with serves here too.
        build.args(["build", "--quiet", "--profile", profile, "--workspace", "--bins", "--target-dir"]);
        build.arg(target_dir()).current_dir(package_dir());
        let status = build.status().expect("cargo can be started");
        assert!(status.success(), "cargo could not build the servers: {status}");
        folder
    });
    folder.join(name)
}

/// The cargo that runs the tests. What it tells a test of its package is no business of another one: some build scripts would run again
/// for it.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_one_package(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether cargo sets this variable for one package, other than those that it reads itself.
fn is_of_one_package(variable: &OsStr) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    variable.to_str().is_some_and(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

/// `tests/` of the repository.
pub fn package_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo puts this profile's binaries: two levels above the running test.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(2).expect("tests lie in PROFILE/deps").to_owned()
}

/// Cargo's target folder.
pub fn target_dir() -> PathBuf {
    profile_dir().parent().expect("profiles lie in the target folder").to_owned()
}
