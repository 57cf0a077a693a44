package bolide.cases;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.constant.PermName;
import org.apache.rocketmq.remoting.protocol.subscription.CustomizedRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicyType;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * The servers under test, and two remoting clients that all cases share: an admin client, and a reader of whole topics. Both keep
 * no state that a case could see.
 */
final class Servers implements AutoCloseable {
    final String nameServer;
    final DefaultMQPullConsumer reader;
    private final DefaultMQAdminExt admin;
    private final Options options;

    Servers(Options options) throws Exception {
        this.options = options;
        nameServer = options.nameServer();
        admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(nameServer);
        admin.setInstanceName("admin");
        admin.start();
        reader = new DefaultMQPullConsumer("reader-" + options.run());
        reader.setNamesrvAddr(nameServer);
        reader.setInstanceName("reader");
        reader.start();
    }

    /** Where gRPC clients reach a broker. */
    String endpoint(String broker) {
        return options.brokers().get(broker).grpc();
    }

    /** Creates a topic for messages of this type with this many queues on each broker, and waits until the name server knows of all. */
    void createTopic(String topic, String type, int queues, String... brokers) throws Exception {
        var config = new TopicConfig(topic, queues, queues, PermName.PERM_READ | PermName.PERM_WRITE);
        config.setAttributes(Map.of("+message.type", type));
        for (String broker : brokers) {
            admin.createAndUpdateTopicConfig(options.brokers().get(broker).remoting(), config);
        }
        var expected = new HashSet<>(Arrays.asList(brokers));
        Expect.eventually("the route of " + topic, expected, () -> routedBrokers(topic));
    }

    private Set<String> routedBrokers(String topic) throws Exception {
        var names = new HashSet<String>();
        for (var queue : admin.examineTopicRouteInfo(topic).getQueueDatas()) {
            names.add(queue.getBrokerName());
        }
        return names;
    }

    /** Creates a group whose failed messages come again, at most `retries` times, `backoffMs` after each failure. */
    void createGroup(String group, boolean orderly, int retries, long backoffMs, String... brokers) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setConsumeMessageOrderly(orderly);
        config.setRetryMaxTimes(retries);
        var policy = new GroupRetryPolicy();
        policy.setType(GroupRetryPolicyType.CUSTOMIZED);
        policy.setCustomizedRetryPolicy(new CustomizedRetryPolicy(new long[] {backoffMs}));
        config.setGroupRetryPolicy(policy);
        for (String broker : brokers) {
            admin.createAndUpdateSubscriptionGroupConfig(options.brokers().get(broker).remoting(), config);
        }
    }

    /** Creates a group that consumes lite topics of this parent, with these attributes too. */
    void createLiteGroup(String group, String parent, Map<String, String> attributes, String broker) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        // The broker hands out each lite topic in order, but this client keeps to that only if the group says so.
        config.setConsumeMessageOrderly(true);
        var all = new HashMap<>(attributes);
        all.put("+lite.bind.topic", parent);
        config.setAttributes(all);
        var policy = new GroupRetryPolicy();
        policy.setType(GroupRetryPolicyType.CUSTOMIZED);
        policy.setCustomizedRetryPolicy(new CustomizedRetryPolicy(new long[] {1_000}));
        config.setGroupRetryPolicy(policy);
        admin.createAndUpdateSubscriptionGroupConfig(options.brokers().get(broker).remoting(), config);
    }

    @Override
    public void close() {
        reader.shutdown();
        admin.shutdown();
    }
}
