package bolide.cases;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What the 5.x client names differently or has in addition. */
final class Dialect {
    static final boolean HAS_HEARTBEAT_V2 = true;
    /** How messages can be compressed through the producer's own settings. */
    static final String[] COMPRESSIONS = {"ZLIB", "LZ4", "ZSTD"};

    private Dialect() {
    }

    /** Cases of what only this client does. */
    static List<Case> ownCases() {
        return Stream.of(PopCases.all(), RecallCases.all(), ResetCases.all(), KindCases.all()).flatMap(List::stream).toList();
    }

    static void broadcasting(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static void useHeartbeatV2(ClientConfig client) {
        client.setUseHeartbeatV2(true);
    }

    static void compression(DefaultMQProducer producer, String name) {
        producer.setCompressType(CompressionType.of(name));
    }

    static void putGroup(DefaultMQAdminExt admin, String address, String group, int retries) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryMaxTimes(retries);
        admin.createAndUpdateSubscriptionGroupConfig(address, config);
    }

    static void forgetTopic(DefaultMQAdminExt admin, Set<String> nameServers, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameServers, topic);
    }
}
