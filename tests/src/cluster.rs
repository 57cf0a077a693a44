//! A name server and brokers that register with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::binaries::{Maker, Role, apache_version, proxy_config};
use crate::folder::Folder;
use crate::ports::free_block;
use crate::server::Server;

/// Another process may take a port between the look and the use.
const START_ATTEMPTS: usize = 5;

/// The cluster's ordinary broker.
pub const ORDINARY: &str = "broker-a";
/// The settings of brokers that ask about a transaction for as long as a test takes: Apache's counts even questions that nobody was
/// there to be asked.
pub const PATIENT: &[(&str, &str)] = &[("transactionCheckMax", "100")];
/// The cluster's broker that counts no message as being in memory, so that a new group does not start at offset 0 by itself.
/// It gives transactions up after a few checks, it is in a region, to which some clients send their traces, and it has light queues.
pub const COLD: &str = "broker-b";
/// The settings of that broker; some cases want a second one like it in any cluster.
pub const IMPATIENT: &[(&str, &str)] = &[
    ("accessMessageInMemoryMaxRatio", "0"),
    ("transactionCheckMax", "5"),
    ("regionId", "test-region"),
    ("enableLmq", "true"),
    ("enableMultiDispatch", "true"),
];

/// Running servers. They are killed when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    name_server: Server,
    brokers: Mutex<BTreeMap<String, Server>>,
    // Dropped last: the servers write into it until they end.
    folder: Folder,
}

impl Cluster {
    /// A name server without brokers.
    pub fn new(purpose: &str) -> Self {
        Self::with_settings(purpose, &[])
    }

    /// A name server with these settings beside the necessary ones.
    pub fn with_settings(purpose: &str, settings: &[(&str, &str)]) -> Self {
        Self::of(&Maker::tested(), purpose, settings)
    }

    /// A name server of this maker, with these settings beside the necessary ones.
    pub fn of(maker: &Maker, purpose: &str, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new(purpose);
        let name_server = start_from(maker, Role::NameServer, "namesrv", folder.path(), |port| {
            let kv_config = folder.path().join("kvConfig.json");
            let mut text =
                format!("listenPort={port}\norderMessageEnable=true\nkvConfigPath={}\n", kv_config.display());
            for (key, value) in settings {
                writeln!(text, "{key}={value}").expect("a string takes everything");
            }
            text
        });
        Self { name_server, brokers: Mutex::default(), folder }
    }

    /// The two brokers that the tests of one process share. They run while somebody holds this.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::new("cluster"));
        cluster.start_broker(ORDINARY, "DefaultCluster", PATIENT);
        cluster.start_broker(COLD, "DefaultCluster", IMPATIENT);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// The cold broker, where the servers know the setting that makes one: Apache's since 5.0 ask the page cache instead.
    pub fn cold_broker(&self) -> Option<&'static str> {
        apache_version().is_none_or(|version| version.starts_with("4.")).then_some(COLD)
    }

    /// The folder with all data and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name server's address.
    pub fn name_server(&self) -> String {
        self.name_server.address()
    }

    /// A broker's address.
    pub fn address(&self, broker: &str) -> String {
        self.brokers()[broker].address()
    }

    /// Starts one more broker, with these settings beside the necessary ones.
    pub fn start_broker(&self, name: &str, cluster: &str, settings: &[(&str, &str)]) {
        self.start_broker_of(&Maker::tested(), name, cluster, settings);
    }

    /// Starts one more broker, of this maker.
    pub fn start_broker_of(&self, maker: &Maker, name: &str, cluster: &str, settings: &[(&str, &str)]) {
        self.start_in_role(maker, Role::Broker, name, cluster, settings);
    }

    /// Starts Apache's proxy in front of a cluster; [`Cluster::endpoint`] knows where it serves gRPC clients.
    pub fn start_proxy(&self, maker: &Maker, name: &str, cluster: &str) {
        let started = start_from(maker, Role::Proxy, name, self.folder(), |port| {
            self.proxy_settings(cluster, grpc_port(port), port)
        });
        self.brokers().insert(name.to_owned(), started);
    }

    /// Starts one more broker that gRPC clients can use too.
    pub fn start_grpc_broker(&self, name: &str, cluster: &str, settings: &[(&str, &str)]) {
        self.start_in_role(&Maker::tested(), Role::GrpcBroker, name, cluster, settings);
    }

    fn start_in_role(&self, maker: &Maker, role: Role, name: &str, cluster: &str, settings: &[(&str, &str)]) {
        let store = self.folder().join(name);
        let is_apache = *maker != Maker::Ours;
        let started = start_from(maker, role, name, self.folder(), |port| {
            let mut text = format!(
                "brokerClusterName={cluster}\nbrokerName={name}\nbrokerId=0\nbrokerIP1=127.0.0.1\nnamesrvAddr={}\nlistenPort={port}\n\
                 haListenPort={}\ngrpcServerPort={}\nmetricsPromExporterPort=0\nstorePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=67108864\n\
                 transactionTimeOut=1000\ntransactionCheckInterval=1000\ntransactionOpBatchInterval=200\n",
                self.name_server(),
                port + 1,
                grpc_port(port),
                store = store.display(),
            );
            if is_apache {
                // What ours do by themselves.
                text.push_str("enablePropertyFilter=true\nrecallMessageEnable=true\n");
            }
            for (key, value) in settings {
                writeln!(text, "{key}={value}").expect("a string takes everything");
            }
            if role == Role::GrpcBroker && is_apache {
                // It runs in one process with its broker.
                let text = self.proxy_settings(cluster, grpc_port(port), free_block());
                std::fs::write(proxy_config(&self.folder().join(format!("{name}.conf"))), text).unwrap();
            }
            text
        });
        self.brokers().insert(name.to_owned(), started);
    }

    /// The settings of a proxy of Apache's.
    fn proxy_settings(&self, cluster: &str, grpc_port: u16, remoting_port: u16) -> String {
        format!(
            r#"{{"rocketMQClusterName":"{cluster}","namesrvAddr":"{}","grpcServerPort":{grpc_port},"remotingListenPort":{remoting_port}}}"#,
            self.name_server(),
        )
    }

    /// Where gRPC clients reach a broker.
    pub fn endpoint(&self, broker: &str) -> String {
        format!("127.0.0.1:{}", grpc_port(self.brokers()[broker].port()))
    }

    /// Does something with a broker's process.
    pub fn with_broker<T>(&self, name: &str, act: impl FnOnce(&mut Server) -> T) -> T {
        act(self.brokers().get_mut(name).unwrap_or_else(|| panic!("there is no broker {name}")))
    }

    /// Stops a broker cleanly and starts it again.
    pub fn restart_broker(&self, name: &str) {
        // Not with the lock held: Apache's needs many seconds, and others ask for addresses meanwhile.
        let mut broker = self.brokers().remove(name).unwrap_or_else(|| panic!("there is no broker {name}"));
        broker.stop();
        broker.start_again();
        self.brokers().insert(name.to_owned(), broker);
    }

    /// Kills a broker for good.
    pub fn kill_broker(&self, name: &str) {
        self.with_broker(name, Server::kill);
    }

    /// What all servers wrote last.
    pub fn log_tails(&self) -> String {
        let mut text = format!("--- namesrv\n{}\n", self.name_server.log_tail());
        for (name, broker) in self.brokers().iter() {
            writeln!(text, "--- {name}\n{}", broker.log_tail()).expect("a string takes everything");
        }
        text
    }

    /// Names and addresses of all brokers.
    pub fn addresses(&self) -> BTreeMap<String, String> {
        self.brokers().iter().map(|(name, broker)| (name.clone(), broker.address())).collect()
    }

    fn brokers(&self) -> MutexGuard<'_, BTreeMap<String, Server>> {
        self.brokers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The one port of a broker's block that the remoting protocol leaves free.
fn grpc_port(listen_port: u16) -> u16 {
    listen_port - 1
}

/// Starts a server on a port that is free, with the configuration that belongs to the port, in `folder`/`name`.conf.
///
/// # Panics
/// When it does not start; its log's end is shown.
pub fn start(role: Role, name: &str, folder: &Path, config: impl Fn(u16) -> String) -> Server {
    start_from(&Maker::tested(), role, name, folder, config)
}

/// Like [`start`], with a server of this maker.
///
/// # Panics
/// When it does not start; its log's end is shown.
pub fn start_from(maker: &Maker, role: Role, name: &str, folder: &Path, config: impl Fn(u16) -> String) -> Server {
    let path = folder.join(format!("{name}.conf"));
    let mut last = None;
    for _ in 0..START_ATTEMPTS {
        let port = free_block() + 2;
        std::fs::write(&path, config(port)).unwrap();
        match Server::start(maker.clone(), role, name, folder, &path, port) {
            Ok(server) => return server,
            Err(problem) if problem.log_tail.contains("in use") => last = Some(problem),
            Err(problem) => panic!("{name} did not start; its log ends with\n{}", problem.log_tail),
        }
    }
    panic!(
        "{name} found each of {START_ATTEMPTS} ports in use; its log ends with\n{}",
        last.map_or_else(String::new, |problem| problem.log_tail)
    );
}
