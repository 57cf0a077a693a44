//! Apache's keys that the broker knows but does not act on, and those of which it serves one value only.
//!
//! Together with the table of keys these are all keys of Apache's broker, store, network and authentication settings of
//! version 5.5.0, so that a warning about an unknown key always means a typing error.

use bolide_remoting::keys::{Inert, Promise};

const REPLICATION: &str = "there is no replication yet";
const CONTROLLER: &str = "there is no controller yet";
const ROCKSDB: &str = "there is no RocksDB here; queues, indexes and settings are kept in files";
const TLS_FILE: &str = "it belongs into the file that tls.config.file names";

const fn promise(name: &'static str, kept: &'static str, reason: &'static str) -> Promise {
    Promise { name, kept, reason }
}

/// Keys whose other values ask for a promise that is not kept; they stop the start.
pub(super) const PROMISES: &[Promise] = &[
    promise("brokerRole", "ASYNC_MASTER", REPLICATION),
    promise("inSyncReplicas", "1", REPLICATION),
    promise("minInSyncReplicas", "1", REPLICATION),
    promise("allAckInSyncStateSet", "false", REPLICATION),
    promise("duplicationEnable", "false", REPLICATION),
    promise("enableSlaveActingMaster", "false", REPLICATION),
    promise("enableRemoteEscape", "false", REPLICATION),
    promise("asyncLearner", "false", REPLICATION),
    promise("enableControllerMode", "false", CONTROLLER),
    promise("enableDLegerCommitLog", "false", "there is no DLedger commit log"),
    promise("isBrokerContainer", "false", "there are no broker containers"),
    promise("isInBrokerContainer", "false", "there are no broker containers"),
    promise("storeType", "default", ROCKSDB),
    promise("configManagerVersion", "v1", ROCKSDB),
    promise("rocksdbCQDoubleWriteEnable", "false", ROCKSDB),
    promise("indexRocksDBEnable", "false", ROCKSDB),
    promise("transRocksDBEnable", "false", ROCKSDB),
    promise("timerRocksDBEnable", "false", ROCKSDB),
    promise("popConsumerKVServiceEnable", "false", ROCKSDB),
    promise("popConsumerKVServiceInit", "false", ROCKSDB),
    promise("messageStorePlugIn", "", "there is no tiered store and no other plug-in of the store"),
    promise("readOnlyCommitLogStorePaths", "", "a commit log in several folders is not served"),
    promise("forceVerifyPropCRC", "false", "checksums of properties are not verified"),
    promise("tls.enable", "false", "the key useTLS says whether name servers are dialled with TLS"),
    promise("tls.test.mode.enable", "true", TLS_FILE),
    promise("tls.server.need.client.auth", "none", TLS_FILE),
    promise("tls.server.keyPath", "", TLS_FILE),
    promise("tls.server.keyPassword", "", TLS_FILE),
    promise("tls.server.certPath", "", TLS_FILE),
    promise("tls.server.authClient", "false", TLS_FILE),
    promise("tls.server.trustCertPath", "", TLS_FILE),
    promise("tls.client.keyPath", "", TLS_FILE),
    promise("tls.client.keyPassword", "", TLS_FILE),
    promise("tls.client.certPath", "", TLS_FILE),
    promise("tls.client.authServer", "false", TLS_FILE),
    promise("tls.client.trustCertPath", "", TLS_FILE),
    promise("tls.ciphers", "", TLS_FILE),
    promise("tls.protocols", "", TLS_FILE),
    promise("fetchNamesrvAddrByAddressServer", "false", "name servers are not found through an address server yet"),
    promise("fetchNameSrvAddrByDnsLookup", "false", "name servers are not found through DNS records yet"),
];

/// Keys without effect, by the reason. Many names stand on a line.
#[rustfmt::skip]
pub(super) const INERT: &[Inert] = &[
    Inert {
        reason: "requests are handled where they are read, without pools of threads and their queues",
        names: &[
            "sendMessageThreadPoolNums", "putMessageFutureThreadPoolNums", "pullMessageThreadPoolNums",
            "litePullMessageThreadPoolNums", "ackMessageThreadPoolNums", "processReplyMessageThreadPoolNums",
            "queryMessageThreadPoolNums", "adminBrokerThreadPoolNums", "clientManageThreadPoolNums",
            "consumerManageThreadPoolNums", "loadBalanceProcessorThreadPoolNums", "heartbeatThreadPoolNums",
            "endTransactionThreadPoolNums", "putThreadPoolQueueCapacity", "litePullThreadPoolQueueCapacity",
            "ackThreadPoolQueueCapacity", "replyThreadPoolQueueCapacity", "queryThreadPoolQueueCapacity",
            "clientManagerThreadPoolQueueCapacity", "consumerManagerThreadPoolQueueCapacity",
            "heartbeatThreadPoolQueueCapacity", "endTransactionPoolQueueCapacity",
            "adminBrokerThreadPoolQueueCapacity", "loadBalanceThreadPoolQueueCapacity", "brokerFastFailureEnable",
            "waitTimeMillsInSendQueue", "waitTimeMillsInPullQueue", "waitTimeMillsInLitePullQueue",
            "waitTimeMillsInHeartbeatQueue", "waitTimeMillsInTransactionQueue", "waitTimeMillsInAckQueue",
            "waitTimeMillsInAdminBrokerQueue", "asyncSendEnable", "enableFastChannelEventProcess",
        ],
    },
    Inert {
        reason: "it tunes Java's network library",
        names: &[
            "serverWorkerThreads", "serverCallbackExecutorThreads", "serverSelectorThreads",
            "serverOnewaySemaphoreValue", "serverAsyncSemaphoreValue", "serverSocketSndBufSize",
            "serverSocketRcvBufSize", "serverSocketBacklog", "serverNettyWorkerGroupEnable",
            "serverPooledByteBufAllocatorEnable", "writeBufferHighWaterMark", "writeBufferLowWaterMark",
            "useEpollNativeSelector", "clientWorkerThreads", "clientCallbackExecutorThreads",
            "clientOnewaySemaphoreValue", "clientAsyncSemaphoreValue", "connectTimeoutMillis",
            "channelNotActiveInterval", "isScanAvailableNameSrv", "scanAvailableNameSrv",
            "clientChannelMaxIdleTimeSeconds", "clientSocketSndBufSize", "clientSocketRcvBufSize",
            "clientPooledByteBufAllocatorEnable", "clientCloseSocketIfTimeout", "socksProxyConfig",
            "disableCallbackExecutor", "disableNettyWorkerGroup", "maxReconnectIntervalTimeSeconds",
            "enableReconnectForGoAway", "transferMsgByHeap", "enableNetWorkFlowControl",
        ],
    },
    Inert {
        reason: "it tunes Apache's way of writing and reading files, which is not ours",
        names: &[
            "commitIntervalCommitLog", "commitCommitLogLeastPages", "commitCommitLogThoroughInterval",
            "flushCommitLogTimed", "useReentrantLockWhenPutMessage", "useABSLock",
            "spinLockCollisionRetreatOptimalDegree", "topicQueueLockNum", "debugLockEnable",
            "osPageCacheBusyTimeOutMills", "putMessageTimeout", "maxAsyncPutMessageRequests",
            "transientStorePoolEnable", "transientStorePoolSize", "fastFailIfNoBufferInStorePool",
            "sharedByteBufferNum", "writeWithoutMmap", "warmMapedFileEnable", "flushLeastPagesWhenWarmMapedFile",
            "mappedFileSwapEnable", "commitLogForceSwapMapInterval", "commitLogSwapMapInterval",
            "commitLogSwapMapReserveFileNum", "logicQueueForceSwapMapInterval", "logicQueueSwapMapInterval",
            "logicQueueSwapMapReserveFileNum", "cleanSwapedMapInterval", "putConsumeQueueDataByFileChannel",
            "searchBcqByCacheEnable", "travelCqFileNumWhenGetMessage", "maxConsumeQueueScan", "sampleCountThreshold",
            "sampleSteps", "readUnCommitted", "dispatchFromSenderThread", "wakeCommitWhenPutMessage",
            "wakeFlushWhenPutMessage", "enableAsyncReput", "recheckReputOffsetFromCq", "dispatchCqThreads",
            "dispatchCqCacheNum", "enableBuildConsumeQueueConcurrently", "batchDispatchRequestThreadPoolNums",
            "putMsgIndexHightWater", "messageIndexSafe", "indexFileWriteEnable", "indexFileReadEnable",
            "maxTopicLength", "autoMessageVersionOnTopicLen", "enableRunningFlagsInFlush", "diskFallRecorded",
            "recoverConcurrently", "recoverThreadPoolNums", "commitLogRecoverMaxNum", "maxRecoveryCommitlogFiles",
            "checkCommitLogOffsetOnRecover", "enableAcceleratedRecovery",
            "enableLogConsumeQueueRepeatedlyBuildWhenRecover", "disappearTimeAfterStart", "pullBatchMaxMessageCount",
            "mapperFileSizeBatchConsumeQueue", "enableConsumeQueueExt", "mappedFileSizeConsumeQueueExt",
            "bitMapLengthConsumeQueueExt",
        ],
    },
    Inert {
        reason: "files are deleted one at a time, and readers keep what they hold of them",
        names: &[
            "deleteConsumeQueueFilesInterval", "destroyMapedFileIntervalForcibly", "redeleteHangedFileInterval",
            "deleteFileBatchMax", "maxBatchDeleteFilesNum", "correctLogicMinOffsetSleepInterval",
            "correctLogicMinOffsetForceInterval", "enableCleanExpiredOffset",
            "logicalDiskSpaceCleanForciblyThreshold", "replicasPerDiskPartition",
        ],
    },
    Inert {
        reason: REPLICATION,
        names: &[
            "haSendHeartbeatInterval", "haHousekeepingInterval", "haTransferBatchSize", "haMasterAddress",
            "haMaxGapNotInSync", "haFlowControlEnable", "haMaxTimeSlaveNotCatchup", "maxHaTransferByteInSecond",
            "maxSlaveResendLength", "syncFromLastFile", "syncMasterFlushOffsetWhenStartup", "slaveTimeout",
            "slaveReadEnable", "offsetCheckInSlave", "totalReplicas", "enableAutoInSyncReplicas", "maxChecksumRange",
            "storePathEpochFile", "storePathBrokerIdentity", "brokerHeartbeatInterval",
            "brokerNotActiveTimeoutMillis", "sendHeartbeatTimeoutMillis", "syncBrokerMemberGroupPeriod",
            "cleanOfflineBrokerInterval", "skipPreOnline", "forwardTimeout", "lockInStrictMode",
            "disableConsumeIfConsumerReadSlowly", "consumerFallbehindThreshold",
        ],
    },
    Inert {
        reason: CONTROLLER,
        names: &[
            "controllerAddr", "fetchControllerAddrByDnsLookup", "syncBrokerMetadataPeriod", "checkSyncStateSetPeriod",
            "syncControllerMetadataPeriod", "controllerHeartBeatTimeoutMills", "brokerElectionPriority",
        ],
    },
    Inert {
        reason: "there is no DLedger commit log",
        names: &[
            "storePathDLedgerCommitLog", "dLegerGroup", "dLegerPeers", "dLegerSelfId", "preferredLeaderId",
            "enableBatchPush",
        ],
    },
    Inert {
        reason: ROCKSDB,
        names: &[
            "iteratorWhenUseRocksdbConsumeQueue", "cleanRocksDBDirtyCQIntervalMin", "statRocksDBCQIntervalSec",
            "memTableFlushIntervalMs", "realTimePersistRocksDBConfig", "enableRocksDBLog", "combineCQLoadingCQTypes",
            "combineCQPreferCQType", "combineAssignOffsetCQType", "combineCQEnableCheckSelf",
            "combineCQMaxExtraSearchCommitLogFiles", "combineCQUseRocksdbForLmq",
            "bottomMostCompressionTypeForConsumeQueueStore", "rocksdbCompressionType", "rocksdbFlushWalFrequency",
            "rocksdbWalFileRollingThreshold", "useSeparateStorePathForRocksdbCQ", "useSingleRocksDBForAllConfigs",
            "maxRocksDBIndexQueryDays", "transWriteOriginTransHalfEnable", "transactionCheckRocksdbCoreThreads",
            "transactionCheckRocksdbMaxThreads", "transactionCheckRocksdbQueueCapacity", "timerRocksDBStopScan",
            "timerRocksDBPrecisionMs", "timerRocksDBRollMaxTps", "timerRocksDBTimeExpiredMaxTps",
            "timerRocksDBRollIntervalHours", "timerRocksDBRollRangeHours", "timerRecallToTimeWheelEnable",
            "timerRecallToTimelineEnable", "timerReputServiceCorePoolSize", "timerReputServiceMaxPoolSize",
            "timerReputServiceQueueCapacity", "popConsumerFSServiceInit", "popConsumerKVServiceLog",
            "persistConsumerOffsetIncrementally",
        ],
    },
    Inert {
        reason: "topics are registered whole and listed in one answer",
        names: &["enableSplitRegistration", "splitRegistrationSize", "enableSplitMetadata", "splitMetadataSize"],
    },
    Inert {
        reason: "the addresses of the name servers are fixed at start",
        names: &[
            "updateNameServerAddrPeriod", "fetchNamesrvAddrInterval", "rmqAddressServerDomain",
            "rmqAddressServerSubGroup", "compatibleWithOldNameSrv", "loadBalancePollNameServerInterval",
        ],
    },
    Inert {
        reason: "delayed and timed messages are delivered one after the other at their time; there are no pools, warm-ups and checks to tune",
        names: &[
            "flushDelayOffsetInterval", "delayOffsetUpdateVersionStep", "enableScheduleMessageStats",
            "enableScheduleAsyncDeliver", "scheduleAsyncDeliverMaxPendingLimit",
            "scheduleAsyncDeliverMaxResendNum2Blocked", "timerWheelSnapshotFlush", "timerWheelSnapshotIntervalMs",
            "timerGetMessageThreadNum", "timerPutMessageThreadNum", "timerEnableDisruptor", "timerEnableCheckMetrics",
            "timerCheckMetricsWhen", "timerInterceptDelayLevel", "timerStopEnqueue", "timerStopDequeue",
            "timerSkipUnknownError", "timerWarmEnable", "timerEnableRetryUntilSuccess", "timerCongestNumEachSlot",
            "timerMetricSmallThreshold", "timerProgressLogIntervalMs", "timerColdDataCheckIntervalMs",
        ],
    },
    Inert { reason: "there is no count of half messages yet", names: &["transactionMetricFlushInterval"] },
    Inert {
        reason: "POP decides in memory and keeps its journal at once; there are no buffers, intervals and back-offs of Apache's kind",
        names: &[
            "popPollingMapSize", "popPollingMapExpireTimeSeconds", "reviveInterval", "reviveMaxSlow",
            "reviveScanTime", "enableSkipLongAwaitingAck", "reviveAckWaitMs", "enablePopLog", "enablePopBufferMerge",
            "popCkStayBufferTime", "popCkStayBufferTimeOut", "popCkMaxBufferSize", "popCkOffsetMaxQueueSize",
            "enablePopBatchAck", "popLongPollingForceNotifyInterval", "enableNotifyBeforePopCalculateLag",
            "enableNotifyAfterPopOrderLockRelease", "popReviveMaxReturnSizePerRead", "popReviveConcurrency",
            "popReviveMaxAttemptTimes", "popReviveSkipIfGroupAbsent",
            "useMessageFilterForNotification", "maxMessageFilterNumForNotification", "skipWhenCKRePutReachMaxTimes",
            "appendAckAsync", "appendCkAsync",
        ],
    },
    Inert {
        reason: "lite topics are looked at as soon as something is in them, and light queues are counted like all others",
        names: &[
            "enableLiteEventMode", "liteEventCheckInterval", "liteSubscriptionCheckInterval", "enableLitePopLog",
            "maxClientEventCount", "liteEventFullDispatchDelayTime", "liteEventFullDispatchDelayTimeForWildcardGroup",
            "liteLagLatencyCollectEnable", "liteLagLatencyMetricsEnable", "liteLagCountMetricsEnable",
            "liteLagLatencyTopK", "enableLmqStats",
        ],
    },
    Inert {
        reason: "expressions are evaluated on each message; there are no bit maps of them",
        names: &[
            "enableCalcFilterBitMap", "expectConsumerNumUseFilter", "maxErrorRateOfBloomFilter",
            "filterDataCleanTimeSpan", "filterSupportRetry",
        ],
    },
    Inert {
        reason: "metrics are collected when Prometheus asks for them, and statistics are as they are",
        names: &[
            "metricsOtelCardinalityLimit", "metricLoggingExporterIntervalInMills", "metricsExportBatchMaxDataPoints",
            "metricsInDelta", "enableRemotingMetrics", "enableMessageStoreMetrics", "enablePopMetrics",
            "enableConnectionMetrics", "enableTransactionMetrics", "enableStatsMetrics", "enableRequestMetrics",
            "enableLagAndDlqMetrics", "estimateAccumulation", "highSpeedMode", "commercialBaseCount",
            "commercialSizePerMsg", "accountStatsEnable", "accountStatsPrintZeroValues", "maxStatsIdleTimeInMinutes",
            "enableDetailStat", "autoDeleteUnusedStats",
        ],
    },
    Inert {
        reason: "reads of cold data are not limited yet",
        names: &[
            "coldCtrStrategyEnable", "usePIDColdCtrStrategy", "cgColdReadThreshold", "globalColdReadThreshold",
            "coldDataFlowControlEnable", "coldDataScanEnable", "dataReadAheadEnable", "accessMessageInMemoryHotRatio",
        ],
    },
    Inert {
        reason: "compacted topics are not served yet",
        names: &[
            "enableCompaction", "compactionMappedFileSize", "compactionCqMappedFileSize",
            "compactionScheduleInternal", "compactionThreadNum", "maxOffsetMapSize",
        ],
    },
    Inert {
        reason: "users and their policies are kept in config/auth.json and looked up there",
        names: &[
            "configName", "clusterName", "authConfigPath", "authenticationProvider", "authenticationMetadataProvider",
            "authenticationStrategy", "authorizationProvider", "authorizationMetadataProvider",
            "authorizationStrategy", "userCacheMaxNum", "userCacheExpiredSecond", "userCacheRefreshSecond",
            "aclCacheMaxNum", "aclCacheExpiredSecond", "aclCacheRefreshSecond", "statefulAuthenticationCacheMaxNum",
            "statefulAuthenticationCacheExpiredSecond", "statefulAuthorizationCacheMaxNum",
            "statefulAuthorizationCacheExpiredSecond",
        ],
    },
    Inert {
        reason: "offsets of broadcasting consumers are kept by the clients",
        names: &["enableBroadcastOffsetStore", "broadcastOffsetExpireSecond", "broadcastOffsetExpireMaxSecond"],
    },
    Inert {
        reason: "this broker does without it",
        names: &[
            "brokerConfigPath", "configBlackList", "isolateLogEnable", "printChannelGroups",
            "printChannelGroupsMinNum", "flushConsumerOffsetHistoryInterval", "consumerOffsetUpdateVersionStep",
            "useStaticSubscription", "subscriptionExpiredTimeout", "realTimeNotifyConsumerChange",
            "rejectPullConsumerEnable", "enableCreateSysGroup", "storeReplyMessageEnable",
        ],
    },
];
