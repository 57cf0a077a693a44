//! The keys that the broker acts on. Names and defaults are Apache's unless a key says that it is ours.

use bolide_remoting::logs::LogLevels;
use bolide_remoting::network::Networks;
use bolide_remoting::tls::{DEFAULT_TLS_FILE, TlsMode};

use super::inert::{INERT, PROMISES};
use super::secret::Secret;
use crate::delay::levels::DelayLevels;
use crate::quota::Quotas;
use crate::retention::hours::DeleteHours;

bolide_remoting::words! {
    /// When a message counts as stored.
    pub enum FlushDiskType {
        /// When the operating system has it: it survives a crash of the process, not of the machine.
        AsyncFlush = "ASYNC_FLUSH",
        /// When the disk has it.
        SyncFlush = "SYNC_FLUSH",
    }
}

bolide_remoting::words! {
    /// Who is told of metrics.
    pub enum MetricsExporter {
        /// Prometheus, when it asks.
        Prometheus = "PROM",
        /// A collector of OpenTelemetry, and Prometheus when it asks.
        OpenTelemetry = "OTLP_GRPC",
        /// Nobody.
        Disabled = "DISABLE",
    }
}

bolide_remoting::words! {
    /// How a group consumes a topic.
    pub enum RequestMode {
        /// By pulling from queues that are its own.
        Pull = "PULL",
        /// By POP.
        Pop = "POP",
    }
}

bolide_remoting::config_keys! {
    /// The broker's configuration. Sizes are in bytes.
    pub struct BrokerConfig;
    inert INERT;
    promises PROMISES;

    section "Identity";
    /// Name of the cluster that this broker belongs to.
    "brokerClusterName" [fixed, important] broker_cluster_name: String = "DefaultCluster".to_owned();
    /// Name of this broker, different from every other master's in the cluster.
    /// Default: the host's name.
    "brokerName" [fixed, important] broker_name: String = String::new();
    /// Number within the brokers of one name. A master's is 0, and every broker is a master here;
    /// another number is set back to 0, as Apache does with a master's.
    "brokerId" [fixed, important] broker_id: i64 = 0, 0..=i64::MAX;
    /// Address that clients are told to connect to.
    /// Default: this host's first address that is not a loopback address; for a start without any configuration 127.0.0.1.
    "brokerIP1" [fixed, important] broker_ip1: String = String::new();
    /// Address that slaves are told to connect to. Named at registration; nothing listens there yet.
    /// Default: as brokerIP1.
    "brokerIP2" [fixed, important] broker_ip2: String = String::new();
    /// Port that slaves are told to connect to; 0 stands for listenPort + 1. Named at registration; nothing listens there yet.
    "haListenPort" [fixed] ha_listen_port: u16 = 0;
    /// Name of the region, sent to producers for their traces.
    "regionId" [fixed] region_id: String = "DefaultRegion".to_owned();
    /// Whether clients are told to write traces.
    "traceOn" [mutable] trace_on: bool = true;

    section "Network";
    /// Name servers to register with, as host:port;host:port. The flag -n comes before this key, the
    /// environment's NAMESRV_ADDR after it. Where none of them says anything, a name server is started in this process.
    "namesrvAddr" [fixed, important] namesrv_addr: String = String::new();
    /// Port of the name server started in this process; 0 starts none. (A key of ours.)
    "namesrvListenPort" [fixed, important] namesrv_listen_port: u16 = 9876;
    /// Address to listen on.
    /// A start without any configuration listens on 127.0.0.1 only.
    "bindAddress" [fixed, important] bind_address: String = "0.0.0.0".to_owned();
    /// Port for clients; 0 lets the system choose one. The port two below it serves the same requests, because old clients go there.
    "listenPort" [fixed, important] listen_port: u16 = 10911;
    /// How long a connection may be silent before it is closed, in seconds.
    "serverChannelMaxIdleTimeSeconds" [fixed] server_channel_max_idle_time_seconds: i32 = 120, 1..=86_400;
    /// How many connections are open at most, over all ports for clients; further ones are closed at once. (A key of ours.)
    "serverMaxConnections" [fixed] server_max_connections: i32 = 100_000, 1..=10_000_000;
    /// How many requests of one connection may wait for their answer; no more are read until some have it. (A key of ours.)
    "serverMaxInFlight" [fixed] server_max_in_flight: i32 = 8_192, 1..=1_000_000;
    /// How long a client may send no heartbeat before its connection is closed, in milliseconds.
    "channelExpiredTimeout" [mutable] channel_expired_timeout_ms: i64 = 120_000, 1_000..=86_400_000;
    /// Whether a broker that is told to stop goes on serving for up to shutdownWaitTimeSeconds, as long as there are connections, so that
    /// clients have time to learn from the name servers that it stops.
    "enableShutdownGracefully" [mutable] enable_shutdown_gracefully: bool = false;
    /// For how long, in seconds.
    "shutdownWaitTimeSeconds" [mutable] shutdown_wait_time_seconds: i32 = 30, 0..=3_600;

    section "Quotas";
    /// How many messages and bytes a second may be sent to a topic, by a client (its address) or by a user, and read by a group, of a
    /// topic (topic-reads), by a client (client-reads) or by a user (user-reads); what is beyond is answered SYSTEM_BUSY. And how many
    /// connections a client or a user may have; further ones are closed, a user's with that answer. As topic:NAME=MESSAGES/BYTES;
    /// client:ADDRESS=MESSAGES/BYTES/CONNECTIONS; 0 is no limit, and * stands for each name that has no rule of its own. (A key of ours.)
    "quotas" [mutable] quotas: Quotas = Quotas::default();

    section "Logs";
    /// Which lines are logged. The environment's RUST_LOG comes before it at the start. (A key of ours.)
    "logLevel" [mutable, important] log_level: LogLevels = LogLevels::default();
    /// Folder for the files broker.log, broker.1.log and so on. Default: none, lines go to standard error. (A key of ours.)
    "logFolder" [fixed, important] log_folder: String = String::new();
    /// When a file is full and the next one begins. (A key of ours.)
    "logFileMaxBytes" [fixed] log_file_max_bytes: i64 = 67_108_864, 1_024..=1_099_511_627_776;
    /// How many files there are at most. (A key of ours.)
    "logFileCount" [fixed] log_file_count: u32 = 10, 1..=1_000;

    /// Networks of the proxies whose PROXY headers are believed, with commas between them, such as 10.0.0.5,10.1.0.0/16; a connection from
    /// elsewhere with such a header is closed. Empty: everybody's are, as with Apache. (A key of ours.)
    "proxyProtocolFrom" [fixed] proxy_protocol_from: Networks = Networks::default();

    section "TLS";
    /// Whether the ports for clients (not gRPC's) take TLS: disabled, permissive (plain text as well) or enforcing (nothing else). An
    /// option of Java's machine with Apache. A name server in this process does the same.
    "tls.server.mode" [fixed, important] tls_server_mode: TlsMode = TlsMode::Permissive;
    /// File with the other settings of TLS, under Apache's names. The default one may be missing. An option of Java's machine with Apache.
    "tls.config.file" [fixed] tls_config_file: String = DEFAULT_TLS_FILE.to_owned();
    /// Whether name servers and other brokers are dialled with TLS.
    "useTLS" [fixed] use_tls: bool = false;

    section "Authentication";
    /// Whether requests must be signed by a user.
    "authenticationEnabled" [fixed, important] authentication_enabled: bool = false;
    /// Whether users may do only what policies allow them; needs authenticationEnabled.
    "authorizationEnabled" [fixed, important] authorization_enabled: bool = false;
    /// Codes of requests that need not be signed, with commas between them.
    "authenticationWhitelist" [fixed] authentication_whitelist: String = String::new();
    /// Codes of requests that every user may make, with commas between them.
    "authorizationWhitelist" [fixed] authorization_whitelist: String = String::new();
    /// A super user to create at the start where there is none of this name, as {"username":"…","password":"…"}. Not shown by code 26.
    "initAuthenticationUser" [fixed] init_authentication_user: Secret = Secret::default();
    /// What this broker signs its own requests to other brokers with, as {"accessKey":"…","secretKey":"…"}; also created as a super user
    /// here. Not shown by code 26.
    "innerClientAuthenticationCredentials" [fixed] inner_client_authentication_credentials: Secret = Secret::default();
    /// Whether requests must come from an account of ACL 1.0 (or a trusted address), and may do what its permissions allow. The accounts
    /// are those of conf/plain_acl.yml and conf/acl/*.yml under rocketmqHome. Instead of authenticationEnabled, not beside it.
    "aclEnable" [fixed, important] acl_enable: bool = false;
    /// Where that first file is under rocketmqHome. An option of Java's machine with Apache.
    "rocketmq.acl.plain.file" [fixed] acl_plain_file: String = "conf/plain_acl.yml".to_owned();
    /// Whether the accounts of ACL 1.0 become users at the start, unless there are users of their names; needs authenticationEnabled.
    "migrateAuthFromV1Enabled" [fixed] migrate_auth_from_v1_enabled: bool = false;
    /// Folder in which the files of ACL 1.0 are looked for; nothing else is.
    /// Default: the environment's ROCKETMQ_HOME.
    "rocketmqHome" [fixed] rocketmq_home: String = String::new();

    section "gRPC";
    /// Port for clients of 5.x, on the same address as listenPort; 0 is off. TLS and plain text are told apart by the first byte.
    "grpcServerPort" [fixed, important] grpc_server_port: u16 = 8081;
    /// What name servers and clients are told to dial for gRPC, as host:port, where that is not brokerIP1 with grpcServerPort:
    /// behind a NAT, say. (A key of ours.)
    "grpcAdvertisedAddress" [fixed] grpc_advertised_address: String = String::new();
    /// Further ports for gRPC, each with a name and what the clients that come in there are told to dial:
    /// NAME=PORT@HOST:PORT;NAME=IP:PORT@HOST:PORT, with IP where that is not bindAddress. A route names the other brokers by their listener of the same name. (A key of ours.)
    "grpcListeners" [fixed] grpc_listeners: String = String::new();
    /// File with the certificate for TLS, and those above it, as PEM. Without one, a certificate is made at each start.
    "tlsCertPath" [fixed] tls_cert_path: String = String::new();
    /// File with the certificate's private key, as PEM.
    "tlsKeyPath" [fixed] tls_key_path: String = String::new();
    /// How many calls of one connection are served at once; further ones wait at the client. Apache sets no limit.
    "grpcMaxConcurrentCallsPerConnection" [fixed] grpc_max_concurrent_calls_per_connection: i32 = 8_192, 1..=2_147_483_647;
    /// The largest request.
    "grpcMaxInboundMessageSize" [fixed] grpc_max_inbound_message_size: i32 = 136_314_880, 1_024..=2_147_483_647;
    /// How often a producer tries a message that was not accepted.
    "grpcClientProducerMaxAttempts" [mutable] grpc_client_producer_max_attempts: i32 = 3, 1..=1_000;
    /// How long a producer waits before its second try, in milliseconds; twice as long before each further one.
    "grpcClientProducerBackoffInitialMillis" [mutable] grpc_client_producer_backoff_initial_ms: i64 = 10, 0..=3_600_000;
    /// The longest that it waits, in milliseconds.
    "grpcClientProducerBackoffMaxMillis" [mutable] grpc_client_producer_backoff_max_ms: i64 = 1_000, 0..=3_600_000;
    /// The shortest time that a consumer's call waits for a message, in milliseconds.
    "grpcClientConsumerMinLongPollingTimeoutMillis" [mutable] grpc_client_consumer_min_long_polling_timeout_ms: i64 = 5_000, 0..=3_600_000;
    /// The longest time that it waits, in milliseconds; consumers are told.
    "grpcClientConsumerMaxLongPollingTimeoutMillis" [mutable] grpc_client_consumer_max_long_polling_timeout_ms: i64 = 20_000, 0..=3_600_000;
    /// How many messages a consumer asks for at once.
    "grpcClientConsumerLongPollingBatchSize" [mutable] grpc_client_consumer_long_polling_batch_size: i32 = 32, 1..=32;
    /// The shortest time for which a consumer may ask that a message be hidden, in milliseconds.
    "minInvisibleTimeMillsForRecv" [mutable] min_invisible_time_for_recv_ms: i64 = 10_000, 0..=86_400_000;
    /// The longest such time, in milliseconds.
    "maxInvisibleTimeMills" [mutable] max_invisible_time_ms: i64 = 43_200_000, 1_000..=2_592_000_000;
    /// For how long a message is hidden whose consumer leaves that to the broker, in milliseconds.
    "defaultInvisibleTimeMills" [mutable] default_invisible_time_ms: i64 = 60_000, 1_000..=43_200_000;
    /// The farthest that a message's delivery may lie ahead, in milliseconds, up to 40 days; 0 leaves it to timerMaxDelaySec.
    "maxDelayTimeMills" [mutable] max_delay_time_ms: i64 = 86_400_000, 0..=3_456_000_000;
    /// The largest tag, keys and user properties of a message together.
    "maxUserPropertySize" [mutable] max_user_property_size_bytes: i32 = 16_384, 1..=32_767;
    /// How many user properties a message may have.
    "userPropertyMaxNum" [mutable] user_property_max_num: i32 = 128, 0..=10_000;
    /// A message group's name must be shorter than this.
    "maxMessageGroupSize" [mutable] max_message_group_size_bytes: i32 = 64, 1..=10_000;
    /// The longest time that a producer may ask for before it is asked about a transaction, in seconds.
    "maxTransactionRecoverySecond" [mutable] max_transaction_recovery_seconds: i64 = 3_600, 0..=2_592_000;
    /// Whether a message must be of its topic's type (attribute message.type).
    "enableTopicMessageTypeCheck" [mutable] enable_topic_message_type_check: bool = true;

    section "Monitoring";
    /// Whether metrics are served over HTTP as Prometheus reads them (PROM), are sent to a collector of OpenTelemetry as well (OTLP_GRPC),
    /// or not at all (DISABLE). Apache's default is DISABLE.
    "metricsExporterType" [fixed] metrics_exporter_type: MetricsExporter = MetricsExporter::Prometheus;
    /// Port of /metrics, /health/live and /health/ready; 0 is off. While nobody asks for another port than 5557 and that one is
    /// taken, the broker starts without these pages and says so.
    "metricsPromExporterPort" [fixed] metrics_prom_exporter_port: u16 = 5557;
    /// Address to listen on for them.
    /// Default: as bindAddress.
    "metricsPromExporterHost" [fixed] metrics_prom_exporter_host: String = String::new();
    /// The collector, as http://host:port.
    "metricsGrpcExporterTarget" [fixed] metrics_grpc_exporter_target: String = String::new();
    /// Headers to send to it, as name:value,name:value. Not shown by code 26.
    "metricsGrpcExporterHeader" [fixed] metrics_grpc_exporter_header: Secret = Secret::default();
    /// How long it may take to answer, in milliseconds.
    "metricGrpcExporterTimeOutInMills" [mutable] metric_grpc_exporter_timeout_ms: i32 = 3_000, 1..=600_000;
    /// Time between two calls, in milliseconds.
    "metricGrpcExporterIntervalInMills" [mutable] metric_grpc_exporter_interval_ms: i32 = 60_000, 10..=86_400_000;
    /// Labels that all metrics get, as name:value,name:value.
    "metricsLabel" [mutable] metrics_label: String = String::new();

    section "Registration with name servers";
    /// Time between two registrations, in milliseconds. Name servers forget a broker after two minutes.
    "registerNameServerPeriod" [mutable] register_name_server_period_ms: i32 = 30_000, 1_000..=60_000;
    /// How long one registration may take, in milliseconds.
    "registerBrokerTimeoutMills" [mutable] register_broker_timeout_ms: i32 = 24_000, 1..=600_000;
    /// Whether to register again when nothing has changed; otherwise only the version of the topics is compared.
    "forceRegister" [mutable] force_register: bool = true;
    /// Whether registrations are sent compressed.
    "compressedRegister" [mutable] compressed_register: bool = false;
    /// Whether a change of one topic is registered as that topic alone.
    "enableSingleTopicRegister" [mutable] enable_single_topic_register: bool = false;

    section "Topics and groups";
    /// What clients may do here: 4 read, 2 write, 6 both.
    "brokerPermission" [mutable, important] broker_permission: i32 = 6, 0..=7;
    /// Whether a topic is created by the first message that is sent to it.
    "autoCreateTopicEnable" [mutable, important] auto_create_topic_enable: bool = true;
    /// How many queues an automatically created topic has at most; the producer may ask for fewer.
    "defaultTopicQueueNums" [mutable, important] default_topic_queue_nums: i32 = 8, 1..=65_535;
    /// Whether a consumer group is created by the first consumer of that name.
    "autoCreateSubscriptionGroup" [mutable, important] auto_create_subscription_group: bool = true;
    /// Whether there is a topic with the cluster's name.
    "clusterTopicEnable" [fixed] cluster_topic_enable: bool = true;
    /// Whether there is a topic with the broker's name.
    "brokerTopicEnable" [fixed, important] broker_topic_enable: bool = true;
    /// Whether this broker has the topic that clients write their traces to.
    "traceTopicEnable" [fixed] trace_topic_enable: bool = false;
    /// Name of the topic for traces.
    "msgTraceTopicName" [fixed, important] msg_trace_topic_name: String = "RMQ_SYS_TRACE_TOPIC".to_owned();
    /// Whether an operator is kept from changing a system topic.
    "validateSystemTopicWhenUpdateTopic" [mutable] validate_system_topic_when_update_topic: bool = true;
    /// Whether topics may be created for messages of all kinds (+message.type=MIXED).
    "enableMixedMessageType" [mutable] enable_mixed_message_type: bool = false;
    /// Whether deleting a topic also deletes the retry topics of its consumer groups.
    "clearRetryTopicWhenDeleteTopic" [mutable] clear_retry_topic_when_delete_topic: bool = true;
    /// Whether producers are registered, so that they can be listed.
    "enableRegisterProducer" [mutable] enable_register_producer: bool = true;
    /// Whether the members of a group are told at once when one joins or leaves.
    "notifyConsumerIdsChangedEnable" [mutable] notify_consumer_ids_changed_enable: bool = true;
    /// Whether the broker itself sets a group's offsets when an operator asks for it, whether or not its consumers are online.
    /// Otherwise those that are online are told to.
    "useServerSideResetOffset" [mutable] use_server_side_reset_offset: bool = true;
    /// Time between two savings of the consumers' offsets, in milliseconds.
    "flushConsumerOffsetInterval" [fixed] flush_consumer_offset_interval_ms: i32 = 5_000, 10..=3_600_000;

    section "Sending";
    /// The largest message body.
    "maxMessageSize" [mutable, important] max_message_size_bytes: i32 = 4_194_304, 1..=16_777_216;
    /// How many producers may wait for the disk at once with SYNC_FLUSH; further messages are refused with code 2.
    "sendThreadPoolQueueCapacity" [mutable] send_thread_pool_queue_capacity: i32 = 10_000, 0..=10_000_000;
    /// Whether transactional messages are refused.
    "rejectTransactionMessage" [mutable] reject_transaction_message: bool = false;
    /// Messages are refused before this moment, in milliseconds since 1970.
    "startAcceptSendRequestTimeStamp" [mutable] start_accept_send_request_timestamp_ms: i64 = 0, 0..=i64::MAX;

    section "Light queues";
    /// Whether there are light queues: topics and groups whose names begin with %LMQ% exist without being created, and the
    /// groups' offsets are kept in lmqConsumerOffset.json.
    "enableLmq" [fixed] enable_lmq: bool = false;
    /// Whether, with enableLmq, messages are put into the light queues that they name (INNER_MULTI_DISPATCH).
    "enableMultiDispatch" [fixed] enable_multi_dispatch: bool = false;
    /// How many subscriptions to lite topics there may be, over all clients.
    "maxLiteSubscriptionCount" [mutable] max_lite_subscription_count: i64 = 100_000, 1..=i64::MAX;
    /// How long a client may say nothing about its lite topics before they are forgotten, in milliseconds.
    "liteSubscriptionCheckTimeoutMills" [mutable] lite_subscription_check_timeout_ms: i64 = 180_000, 1_000..=i64::MAX;
    /// Time between two looks for lite topics that have expired (attribute lite.topic.expiration of their topic), in milliseconds.
    "liteTtlCheckInterval" [mutable] lite_ttl_check_interval_ms: i64 = 120_000, 100..=i64::MAX;
    /// For how long a lite topic is kept at least after its last message, and after a start, in milliseconds.
    "minLiteTTl" [mutable] min_lite_ttl_ms: i64 = 900_000, 0..=i64::MAX;
    /// Whether the number of light queues is limited.
    "enableLmqQuota" [mutable] enable_lmq_quota: bool = false;
    /// How many light queues there may be then; a message that needs a further one is refused.
    "maxLmqConsumeQueueNum" [mutable] max_lmq_consume_queue_num: i32 = 20_000, 0..=2_147_483_647;

    section "Delayed messages";
    /// The delays that producers choose from by level, the first level first; at most 18.
    "messageDelayLevel" [fixed, important] message_delay_level: DelayLevels = DelayLevels::default();
    /// Whether messages may ask for a time of their own (TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS, __STARTDELIVERTIME).
    "timerWheelEnable" [fixed] timer_wheel_enable: bool = true;
    /// The farthest such a time may lie ahead, in seconds. Default: 40 days (Apache: 3 days).
    "timerMaxDelaySec" [mutable] timer_max_delay_sec: i32 = 3_456_000, 1..=2_147_483_647;
    /// Length of a slot of the timer wheel, in milliseconds. Deliveries are exact to the millisecond whatever the slots are.
    "timerPrecisionMs" [fixed] timer_precision_ms: i32 = 1_000, 1..=3_500;
    /// How many slots ahead a message waits in the wheel; one due later is stored again when that time has passed.
    /// Values outside 2 to 604740 stand for 604740. At most two thirds of fileReservedTime are used, so that no message
    /// expires before it is due.
    "timerRollWindowSlot" [fixed] timer_roll_window_slot: i32 = 172_800;
    /// Time between two checkpoints of the timers, in milliseconds. What was delivered since the last is delivered again after a crash.
    "timerFlushIntervalMs" [fixed] timer_flush_interval_ms: i32 = 1_000, 1..=600_000;
    /// Size of each file of the timer log.
    "mappedFileSizeTimerLog" [fixed] mapped_file_size_timer_log_bytes: i32 = 104_857_600, 68..=2_147_483_647;
    /// Whether producers may take back messages that wait for such a time.
    "recallMessageEnable" [mutable] recall_message_enable: bool = true;
    /// Whether they may while brokerPermission does not allow writing.
    "allowRecallWhenBrokerNotWriteable" [mutable] allow_recall_when_broker_not_writeable: bool = true;
    /// Whether a recall takes back a message of the topic that it names only, not one of another topic with the same id and time.
    "appendTopicForTimerDeleteKey" [mutable] append_topic_for_timer_delete_key: bool = false;

    section "Transactions";
    /// How long the producer of a half message is left alone before it is asked, in milliseconds.
    /// A message's property CHECK_IMMUNITY_TIME_IN_SECONDS comes before this key.
    "transactionTimeOut" [mutable, important] transaction_timeout_ms: i64 = 6_000, 0..=86_400_000;
    /// How often producers are asked before a transaction is given up. Only questions that somebody could answer count.
    "transactionCheckMax" [mutable, important] transaction_check_max: i32 = 15, 1..=10_000;
    /// Time between two questions about one transaction, in milliseconds.
    "transactionCheckInterval" [mutable, important] transaction_check_interval_ms: i64 = 30_000, 10..=86_400_000;
    /// Size from which an op message, which names transactions that ended, is written at once.
    "transactionOpMsgMaxSize" [mutable] transaction_op_msg_max_size_bytes: i32 = 4_096, 32..=1_048_576;
    /// How long ended transactions wait for others to share their op message with, in milliseconds.
    "transactionOpBatchInterval" [mutable] transaction_op_batch_interval_ms: i64 = 3_000, 1..=60_000;

    section "POP";
    /// How many queues of the revive topic the journal of POP is distributed over.
    "reviveQueueNum" [fixed] revive_queue_num: i32 = 8, 1..=998;
    /// How many POPs may wait for messages at once, on the whole broker.
    "maxPopPollingSize" [fixed] max_pop_polling_size: i32 = 100_000, 0..=10_000_000;
    /// How many POPs may wait for messages of one topic for one group.
    "popPollingSize" [fixed] pop_polling_size: i32 = 1_024, 0..=10_000_000;
    /// How many POPs of a hundred look for messages to deliver again first; the others do so when nothing else is there.
    "popFromRetryProbability" [mutable] pop_from_retry_probability: i32 = 20, 0..=100;
    /// The same for topics whose messages come by priority (+message.type=PRIORITY).
    "popFromRetryProbabilityForPriority" [mutable] pop_from_retry_probability_for_priority: i32 = 0, 0..=100;
    /// Whether the queues of a topic are looked through from the last to the first, so that the largest priority comes first.
    "priorityOrderAsc" [mutable] priority_order_asc: bool = true;
    /// Whether messages to deliver again wait on a topic named %RETRY%group+topic instead of %RETRY%group_topic.
    "enableRetryTopicV2" [mutable] enable_retry_topic_v2: bool = false;
    /// Whether that topic has as many queues as the one that the messages were sent to, and each message keeps its queue; else it has one.
    "useSeparateRetryQueue" [mutable] use_separate_retry_queue: bool = false;
    /// Whether, with the new names, messages under the old ones are still delivered.
    "retrieveMessageFromPopRetryTopicV1" [mutable] retrieve_message_from_pop_retry_topic_v1: bool = true;
    /// Whether clients see the retry topic's own name on messages that are delivered again.
    "popResponseReturnActualRetryTopic" [mutable] pop_response_return_actual_retry_topic: bool = false;
    /// Whether a group that begins at the newest message begins at the oldest where all of the queue is in memory.
    "initPopOffsetByCheckMsgInMem" [mutable] init_pop_offset_by_check_msg_in_mem: bool = true;
    /// Whether a group that has too many messages of a queue in flight gets no more of it.
    "enablePopMessageThreshold" [mutable] enable_pop_message_threshold: bool = false;
    /// How many that are.
    "popInflightMessageThreshold" [mutable] pop_inflight_message_threshold: i64 = 10_000, 0..=i64::MAX;
    /// Whether queues are distributed among the clients that ask for theirs; otherwise each is told all.
    "serverLoadBalancerEnable" [mutable] server_load_balancer_enable: bool = true;
    /// How groups consume for which setConsumeMode was not used: PULL or POP.
    "defaultMessageRequestMode" [mutable] default_message_request_mode: RequestMode = RequestMode::Pull;
    /// With how many others each client of such a group shares its queues; none stands for all.
    "defaultPopShareQueueNum" [mutable] default_pop_share_queue_num: i32 = -1, -1..=1_000_000;

    section "Reading";
    /// How many bytes one pull takes at most of messages that are in memory.
    "maxTransferBytesOnMessageInMemory" [mutable, important] max_transfer_bytes_on_message_in_memory: i32 = 262_144, 1..=16_777_216;
    /// How many messages one pull takes at most of those in memory.
    "maxTransferCountOnMessageInMemory" [mutable, important] max_transfer_count_on_message_in_memory: i32 = 32, 1..=65_535;
    /// How many bytes one pull takes at most of messages that are on disk only.
    "maxTransferBytesOnMessageInDisk" [mutable, important] max_transfer_bytes_on_message_in_disk: i32 = 65_536, 1..=16_777_216;
    /// How many messages one pull takes at most of those on disk only.
    "maxTransferCountOnMessageInDisk" [mutable, important] max_transfer_count_on_message_in_disk: i32 = 8, 1..=65_535;
    /// How many bytes of messages that are not near the log's end may be in memory for clients that have not read them yet, over all
    /// clients; beyond it only those are served that read what they get. (A key of ours.)
    "maxPendingBytesOnMessageInDisk" [mutable] max_pending_bytes_on_message_in_disk: i64 = 268_435_456, 0..=i64::MAX;
    /// Messages count as in memory while they are within this percentage of the machine's memory from the log's end.
    "accessMessageInMemoryMaxRatio" [mutable, important] access_message_in_memory_max_ratio: i32 = 40, 0..=100;
    /// How many bytes of one queue one pull looks through for messages that match, at 20 bytes each.
    "maxFilterMessageSize" [mutable] max_filter_message_size_bytes: i32 = 16_000, 20..=16_777_216;
    /// How many requests of all kinds may wait for a thread that reads the disk; further ones are refused with code 2.
    "pullThreadPoolQueueCapacity" [mutable] pull_thread_pool_queue_capacity: i32 = 100_000, 0..=10_000_000;
    /// How many messages a query by key returns at most.
    "maxMsgsNumBatch" [mutable, important] max_msgs_num_batch: i32 = 64, 1..=65_535;
    /// How many messages a query by unique key returns at most.
    "defaultQueryMaxNum" [mutable] default_query_max_num: i32 = 32, 1..=65_535;
    /// Whether a pull that finds nothing may wait for messages, for as long as the client says.
    "longPollingEnable" [mutable] long_polling_enable: bool = true;
    /// How long such a pull waits where longPollingEnable is false, in milliseconds.
    "shortPollingTimeMills" [mutable] short_polling_time_ms: i64 = 1_000, 0..=60_000;
    /// How many pulls may wait at the same time; a further one is answered at once. (A key of ours.)
    "longPollingMaxRequests" [fixed] long_polling_max_requests: i32 = 100_000, 0..=10_000_000;
    /// Whether consumers may filter by expressions over properties (SQL92). Apache's default is false.
    "enablePropertyFilter" [mutable] enable_property_filter: bool = true;
    /// Whether lite pull consumers are served.
    "litePullMessageEnable" [mutable] lite_pull_message_enable: bool = true;

    section "Store";
    /// Folder of all data.
    /// Default: store in the user's home folder; for a start without any configuration ./data. The flag -d comes before this key.
    "storePathRootDir" [fixed, important] store_path_root_dir: String = String::new();
    /// Folder of the commit log.
    /// Default: commitlog in storePathRootDir.
    "storePathCommitLog" [fixed, important] store_path_commit_log: String = String::new();
    /// Size of each file of the commit log.
    "mappedFileSizeCommitLog" [fixed] mapped_file_size_commit_log_bytes: i32 = 1_073_741_824, 4_096..=2_147_483_647;
    /// Size of each file of a consume queue; rounded up to whole entries of 20 bytes.
    "mappedFileSizeConsumeQueue" [fixed] mapped_file_size_consume_queue_bytes: i32 = 6_000_000, 20..=2_147_483_600;
    /// Whether messages are indexed, so that they can be found by key.
    "messageIndexEnable" [fixed, important] message_index_enable: bool = true;
    /// How many hash slots an index file has.
    "maxHashSlotNum" [fixed, important] max_hash_slot_num: i32 = 5_000_000, 1..=100_000_000;
    /// How many entries an index file has.
    "maxIndexNum" [fixed] max_index_num: i32 = 20_000_000, 2..=100_000_000;
    /// Whether each record ends with a checksum of the whole record, not of its body alone.
    "enabledAppendPropCRC" [fixed] enabled_append_prop_crc: bool = false;
    /// When a message counts as stored: ASYNC_FLUSH, when the operating system has it; SYNC_FLUSH, when the disk has it.
    "flushDiskType" [fixed, important] flush_disk_type: FlushDiskType = FlushDiskType::AsyncFlush;
    /// How long a producer waits for the disk with SYNC_FLUSH, in milliseconds.
    "syncFlushTimeout" [mutable] sync_flush_timeout_ms: i32 = 5_000, 1..=600_000;
    /// Time between two flushes of the commit log with ASYNC_FLUSH, in milliseconds.
    "flushIntervalCommitLog" [fixed, important] flush_interval_commit_log_ms: i32 = 500, 1..=600_000;
    /// How many pages of 4 KiB must be written before such a flush happens.
    "flushCommitLogLeastPages" [fixed] flush_commit_log_least_pages: i32 = 4, 0..=262_144;
    /// After this time a flush of the commit log happens with fewer pages too, in milliseconds.
    "flushCommitLogThoroughInterval" [fixed] flush_commit_log_thorough_interval_ms: i32 = 10_000, 1..=3_600_000;
    /// Time between two flushes of consume queues, in milliseconds.
    "flushIntervalConsumeQueue" [fixed] flush_interval_consume_queue_ms: i32 = 1_000, 1..=600_000;
    /// How many pages of 4 KiB of a consume queue must be written before such a flush happens.
    "flushConsumeQueueLeastPages" [fixed] flush_consume_queue_least_pages: i32 = 2, 0..=262_144;
    /// After this time a flush of consume queues happens with fewer pages too, in milliseconds.
    "flushConsumeQueueThoroughInterval" [fixed, important] flush_consume_queue_thorough_interval_ms: i32 = 60_000, 1..=3_600_000;
    /// Whether the messages' checksums are verified when the log is recovered.
    "checkCRCOnRecover" [fixed] check_crc_on_recover: bool = true;

    section "Retention";
    /// How long messages are kept, in hours; whole files of the commit log go when all their messages are older. Topics may have
    /// another time (attribute reserve.time, in hours).
    "fileReservedTime" [mutable, important] file_reserved_time_hours: i32 = 72, 1..=876_000;
    /// Hours of the day, by local time, at which expired files are deleted, as 04 or 04;16; nothing stands for every hour, so that files
    /// go one by one as they expire. Default: nothing (Apache: 04).
    "deleteWhen" [mutable, important] delete_when: DeleteHours = DeleteHours::default();
    /// Percentage of the disk beyond which expired files are deleted at any hour.
    "diskMaxUsedSpaceRatio" [mutable, important] disk_max_used_space_ratio: i32 = 75, 1..=100;
    /// Percentage of the disk beyond which files are deleted before they expire.
    "diskSpaceCleanForciblyRatio" [mutable] disk_space_clean_forcibly_ratio: i32 = 85, 1..=100;
    /// Percentage of the disk beyond which messages are refused (code 14).
    "diskSpaceWarningLevelRatio" [mutable] disk_space_warning_level_ratio: i32 = 90, 1..=100;
    /// Whether files may be deleted before they expire when the disk is nearly full.
    "cleanFileForciblyEnable" [mutable, important] clean_file_forcibly_enable: bool = true;
    /// Time between two looks for files to delete, in milliseconds.
    "cleanResourceInterval" [mutable] clean_resource_interval_ms: i32 = 10_000, 10..=3_600_000;
    /// Time between two files of the commit log that are deleted, in milliseconds; expired ones take at least a second each.
    "deleteCommitLogFilesInterval" [mutable] delete_commit_log_files_interval_ms: i32 = 100, 0..=3_600_000;

    section "Scrub";
    /// How many bytes per second of full commit log segments are read at most to find rotten bits; 0 reads none. (A key of ours.)
    "scrubBytesPerSecond" [mutable] scrub_bytes_per_second: i64 = 10_485_760, 0..=1_099_511_627_776;
    /// Time between two such looks at the same segment, in milliseconds. (A key of ours.)
    "scrubInterval" [mutable] scrub_interval_ms: i64 = 86_400_000, 1_000..=31_536_000_000;
}
