use bolide_remoting::keys::Keys;

use super::*;

/// What Apache's 5.5.0 answers to code 319, names only, and the keys of its network client.
const APACHE_KEYS: &str = "bindAddress channelNotActiveInterval clientAsyncSemaphoreValue clientCallbackExecutorThreads \
    clientChannelMaxIdleTimeSeconds clientCloseSocketIfTimeout clientOnewaySemaphoreValue clientPooledByteBufAllocatorEnable \
    clientRequestThreadPoolNums clientRequestThreadPoolQueueCapacity clientSocketRcvBufSize clientSocketSndBufSize clientWorkerThreads \
    clusterTest configBlackList configStorePath connectTimeoutMillis defaultThreadPoolNums defaultThreadPoolQueueCapacity \
    deleteTopicWithBrokerRegistration disableCallbackExecutor disableNettyWorkerGroup enableAllTopicList enableControllerInNamesrv \
    enableReconnectForGoAway enableShutdownGracefully enableTopicList isScanAvailableNameSrv kvConfigPath listenPort \
    maxReconnectIntervalTimeSeconds needWaitForService notifyMinBrokerIdChanged orderMessageEnable productEnvName \
    returnOrderTopicConfigToBroker rocketmqHome scanNotActiveBrokerInterval serverAsyncSemaphoreValue serverCallbackExecutorThreads \
    serverChannelMaxIdleTimeSeconds serverNettyWorkerGroupEnable serverOnewaySemaphoreValue serverPooledByteBufAllocatorEnable \
    serverSelectorThreads serverSocketBacklog serverSocketRcvBufSize serverSocketSndBufSize serverWorkerThreads \
    shutdownWaitTimeSeconds socksProxyConfig supportActingMaster unRegisterBrokerQueueCapacity useEpollNativeSelector useTLS \
    waitSecondsForService writeBufferHighWaterMark writeBufferLowWaterMark";

#[test]
fn every_key_of_apache_is_known() {
    let known: Vec<&str> = (NameServerConfig::KEYS.iter().map(|key| key.name))
        .chain(NameServerConfig::PROMISES.iter().map(|promise| promise.name))
        .chain(NameServerConfig::INERT.iter().flat_map(|inert| inert.names.iter().copied()))
        .collect();
    for name in APACHE_KEYS.split_whitespace() {
        assert_eq!(known.iter().filter(|known| **known == name).count(), 1, "{name}");
    }
}

#[test]
fn the_home_folder_is_only_a_default() {
    let mut config = NameServerConfig::default();
    config.fill_in(None);
    assert_eq!(config.kv_config_path, "");
    config.fill_in(Some(Path::new("/home/a")));
    assert_eq!(config.kv_config_path, "/home/a/namesrv/kvConfig.json");
    config.fill_in(Some(Path::new("/home/b")));
    assert_eq!(config.kv_config_path, "/home/a/namesrv/kvConfig.json");
}
