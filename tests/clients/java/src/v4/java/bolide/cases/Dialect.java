package bolide.cases;

import java.util.List;
import java.util.Set;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What the 4.x client names differently or does not have. */
final class Dialect {
    static final boolean HAS_HEARTBEAT_V2 = false;
    /** How messages can be compressed through the producer's own settings. */
    static final String[] COMPRESSIONS = {"ZLIB"};

    private Dialect() {
    }

    /** Cases of what only this client does. */
    static List<Case> ownCases() {
        return List.of();
    }

    static void broadcasting(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static void useHeartbeatV2(ClientConfig client) {
        throw new UnsupportedOperationException("the 4.x client has no heartbeat V2");
    }

    static void compression(DefaultMQProducer producer, String name) {
        Expect.equal("the only compression of the 4.x client", "ZLIB", name);
    }

    static void putGroup(DefaultMQAdminExt admin, String address, String group, int retries) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryMaxTimes(retries);
        admin.createAndUpdateSubscriptionGroupConfig(address, config);
    }

    static void forgetTopic(DefaultMQAdminExt admin, Set<String> nameServers, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameServers, topic, "DefaultCluster");
    }
}
