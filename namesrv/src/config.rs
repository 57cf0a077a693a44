//! The name server's configuration: its keys, and what the process is started with.

use std::path::Path;

use bolide_remoting::keys::{Inert, Promise};
use bolide_remoting::logs::LogLevels;
use bolide_remoting::network::Networks;
use bolide_remoting::tls::{DEFAULT_TLS_FILE, TlsMode};

/// The configuration in use: read at every request, changed by code 318.
pub type LiveConfig = bolide_remoting::keys::Live<NameServerConfig>;

bolide_remoting::config_keys! {
    /// The name server's configuration. Names and defaults are Apache's unless a key says that it is ours.
    pub struct NameServerConfig;
    inert INERT;
    promises PROMISES;

    section "Network";
    /// Address to listen on.
    "bindAddress" [fixed, important] bind_address: String = "0.0.0.0".to_owned();
    /// Port for brokers and clients; 0 lets the system choose one.
    "listenPort" [fixed, important] listen_port: u16 = 9876;
    /// How long a connection may be silent before it is closed, in seconds.
    "serverChannelMaxIdleTimeSeconds" [fixed] server_channel_max_idle_time_seconds: i32 = 120, 1..=86_400;
    /// How many connections are open at most; further ones are closed at once. (A key of ours.)
    "serverMaxConnections" [fixed] server_max_connections: i32 = 100_000, 1..=10_000_000;
    /// How many connections one address may have; further ones are closed at once. 0: as many as it likes, as proxyProtocolFrom's have. (A
    /// key of ours.)
    "serverMaxConnectionsPerAddress" [mutable] server_max_connections_per_address: i32 = 0, 0..=10_000_000;
    /// Networks of the proxies whose PROXY headers are believed, with commas between them, such as 10.0.0.5,10.1.0.0/16; a connection from
    /// elsewhere with such a header is closed. Empty: everybody's are, as with Apache. (A key of ours.)
    "proxyProtocolFrom" [fixed] proxy_protocol_from: Networks = Networks::default();

    section "TLS";
    /// Whether the port takes TLS: disabled, permissive (plain text as well) or enforcing (nothing else). An option of Java's machine
    /// with Apache.
    "tls.server.mode" [fixed, important] tls_server_mode: TlsMode = TlsMode::Permissive;
    /// File with the other settings of TLS, under Apache's names. The default one may be missing. An option of Java's machine with Apache.
    "tls.config.file" [fixed] tls_config_file: String = DEFAULT_TLS_FILE.to_owned();
    /// Whether brokers are dialled with TLS, to be told of their new neighbours.
    "useTLS" [fixed] use_tls: bool = false;

    section "Logs";
    /// Which lines are logged. The environment's RUST_LOG comes before it at the start. (A key of ours.)
    "logLevel" [mutable] log_level: LogLevels = LogLevels::default();
    /// Folder for the files namesrv.log, namesrv.1.log and so on. Default: none, lines go to standard error. (A key of ours.)
    "logFolder" [fixed] log_folder: String = String::new();
    /// When a file is full and the next one begins. (A key of ours.)
    "logFileMaxBytes" [fixed] log_file_max_bytes: i64 = 67_108_864, 1_024..=1_099_511_627_776;
    /// How many files there are at most. (A key of ours.)
    "logFileCount" [fixed] log_file_count: u32 = 10, 1..=1_000;

    section "Files";
    /// File of the key-value configuration; without a name it is kept in memory only.
    /// Default: namesrv/kvConfig.json in the user's home folder.
    "kvConfigPath" [fixed, important] kv_config_path: String = String::new();
    /// File that a change of this configuration at run time is written to: the one that -c names.
    "configStorePath" [fixed, important] config_store_path: String = String::new();

    section "Routes";
    /// Whether routes carry the order configuration of their topic, from the namespace ORDER_TOPIC_CONFIG.
    "orderMessageEnable" [mutable] order_message_enable: bool = false;
    /// Whether brokers are told the order configuration of all topics when they register.
    "returnOrderTopicConfigToBroker" [mutable] return_order_topic_config_to_broker: bool = true;
    /// Whether the surviving slave with the smallest number stands in for a master that is gone.
    "supportActingMaster" [mutable] support_acting_master: bool = false;
    /// Whether the brokers of one name are told when the smallest number among them changes.
    "notifyMinBrokerIdChanged" [mutable] notify_min_broker_id_changed: bool = false;
    /// Whether a registration removes the topics that it does not name.
    "deleteTopicWithBrokerRegistration" [mutable] delete_topic_with_broker_registration: bool = false;
    /// Whether the list of all topics is given out.
    "enableAllTopicList" [mutable] enable_all_topic_list: bool = true;
    /// Whether the lists of a cluster's topics and of unit topics are given out.
    "enableTopicList" [mutable] enable_topic_list: bool = true;
    /// Time between two searches for brokers that have not been heard of, in milliseconds.
    "scanNotActiveBrokerInterval" [mutable] scan_not_active_broker_interval_ms: i64 = 5_000, 10..=3_600_000;
    /// Whether routes are refused for waitSecondsForService after the start, until brokers have had time to register.
    "needWaitForService" [mutable] need_wait_for_service: bool = false;
    /// How long routes are refused where needWaitForService is true, in seconds.
    "waitSecondsForService" [mutable] wait_seconds_for_service: i32 = 45, 0..=86_400;
}

impl NameServerConfig {
    /// Fills in what follows from the user's home folder, as Apache does.
    pub fn fill_in(&mut self, home: Option<&Path>) {
        if let (true, Some(home)) = (self.kv_config_path.is_empty(), home) {
            self.kv_config_path = home.join("namesrv").join("kvConfig.json").display().to_string();
        }
    }
}

const TLS_FILE: &str = "it belongs into the file that tls.config.file names";

const PROMISES: &[Promise] = &[
    Promise { name: "enableControllerInNamesrv", kept: "false", reason: "there is no controller yet" },
    Promise { name: "clusterTest", kept: "false", reason: "routes are not fetched from another environment" },
    Promise { name: "tls.enable", kept: "false", reason: "the key useTLS says whether brokers are dialled with TLS" },
    Promise { name: "tls.test.mode.enable", kept: "true", reason: TLS_FILE },
    Promise { name: "tls.server.need.client.auth", kept: "none", reason: TLS_FILE },
    Promise { name: "tls.server.keyPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.server.keyPassword", kept: "", reason: TLS_FILE },
    Promise { name: "tls.server.certPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.server.authClient", kept: "false", reason: TLS_FILE },
    Promise { name: "tls.server.trustCertPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.client.keyPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.client.keyPassword", kept: "", reason: TLS_FILE },
    Promise { name: "tls.client.certPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.client.authServer", kept: "false", reason: TLS_FILE },
    Promise { name: "tls.client.trustCertPath", kept: "", reason: TLS_FILE },
    Promise { name: "tls.ciphers", kept: "", reason: TLS_FILE },
    Promise { name: "tls.protocols", kept: "", reason: TLS_FILE },
];

const INERT: &[Inert] = &[
    Inert {
        reason: "requests are handled where they are read, without pools of threads and their queues",
        names: &[
            "clientRequestThreadPoolNums",
            "defaultThreadPoolNums",
            "clientRequestThreadPoolQueueCapacity",
            "defaultThreadPoolQueueCapacity",
            "unRegisterBrokerQueueCapacity",
        ],
    },
    Inert {
        reason: "it tunes Java's network library",
        names: &[
            "serverWorkerThreads",
            "serverCallbackExecutorThreads",
            "serverSelectorThreads",
            "serverOnewaySemaphoreValue",
            "serverAsyncSemaphoreValue",
            "serverSocketSndBufSize",
            "serverSocketRcvBufSize",
            "serverSocketBacklog",
            "serverNettyWorkerGroupEnable",
            "serverPooledByteBufAllocatorEnable",
            "writeBufferHighWaterMark",
            "writeBufferLowWaterMark",
            "useEpollNativeSelector",
            "enableShutdownGracefully",
            "shutdownWaitTimeSeconds",
            "clientWorkerThreads",
            "clientCallbackExecutorThreads",
            "clientOnewaySemaphoreValue",
            "clientAsyncSemaphoreValue",
            "connectTimeoutMillis",
            "channelNotActiveInterval",
            "isScanAvailableNameSrv",
            "scanAvailableNameSrv",
            "clientChannelMaxIdleTimeSeconds",
            "clientSocketSndBufSize",
            "clientSocketRcvBufSize",
            "clientPooledByteBufAllocatorEnable",
            "clientCloseSocketIfTimeout",
            "socksProxyConfig",
            "disableCallbackExecutor",
            "disableNettyWorkerGroup",
            "maxReconnectIntervalTimeSeconds",
            "enableReconnectForGoAway",
        ],
    },
    Inert { reason: "this name server does without it", names: &["rocketmqHome", "productEnvName", "configBlackList"] },
];

#[cfg(test)]
mod tests;
