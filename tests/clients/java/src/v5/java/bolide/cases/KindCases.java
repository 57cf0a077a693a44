package bolide.cases;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.subscription.CustomizedRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicyType;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;

/** Topics and groups with what only the 5.x client can ask for: types of topics, messages by priority, retry policies. */
final class KindCases {
    private KindCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("message-type-of-a-topic", KindCases::typed),
            new Case("message-priority", KindCases::urgent),
            new Case("batch-queues-refused", KindCases::batchQueues),
            new Case("retry-policy-of-a-group", KindCases::retryPolicy));
    }

    private static String address(Scene scene) {
        return scene.servers.address(scene.servers.broker());
    }

    private static void attribute(Scene scene, String topic, String name, String value) throws Exception {
        var config = new TopicConfig(topic, 4, 4, 6);
        config.setAttributes(Map.of("+" + name, value));
        scene.servers.admin.createAndUpdateTopicConfig(address(scene), config);
    }

    /** Over this protocol the type is kept and shown, and binds nobody. */
    private static void typed(Scene scene) throws Exception {
        String topic = scene.topic(4);
        attribute(scene, topic, "message.type", "FIFO");
        TopicConfig kept = scene.servers.admin.examineTopicConfig(address(scene), topic);
        Expect.equal("the topic's attributes", Map.of("message.type", "FIFO"), kept.getAttributes());
        Message message = Scene.message(topic, "later");
        message.setDelayTimeLevel(1);
        scene.producer().send(message);
        scene.send(topic, List.of("normal"));
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        inbox.awaitExactly(List.of("later", "normal"));
        var mixed = Expect.refusal("a mixed topic", MQClientException.class, () -> attribute(scene, topic, "message.type", "MIXED"));
        Expect.equal("why", "MIXED message type is not supported.", mixed.getErrorMessage());
        var unknown = Expect.refusal("an unknown type", MQClientException.class, () -> attribute(scene, topic, "message.type", "fifo"));
        Expect.holds("why", unknown.getErrorMessage().startsWith("value is not in set: ["), unknown);
    }

    /** The priority is the number of the queue; who pops gets the most urgent message first. */
    private static void urgent(Scene scene) throws Exception {
        String topic = scene.topic(4);
        attribute(scene, topic, "message.type", "PRIORITY");
        for (int priority : List.of(0, 2, 3, 1)) {
            Message message = Scene.message(topic, "priority-" + priority);
            message.setPriority(priority);
            Expect.equal("the queue", priority, scene.producer().send(message).getMessageQueue().getQueueId());
        }
        List<MessageExt> stored = scene.readAll(topic, 4);
        Expect.equal("the priorities by queue", List.of(0, 1, 2, 3), stored.stream().map(Message::getPriority).toList());
        var popper = new Popper(scene, scene.servers.broker(), topic, scene.group());
        for (int priority : List.of(3, 2, 1, 0)) {
            PopResult popped = popper.pop(1, 120_000, 0);
            Expect.equal("the most urgent that is left", List.of("priority-" + priority), Scene.bodiesOf(popped.getMsgFoundList()));
            popper.ackAll(popped.getMsgFoundList());
        }
    }

    /** Queues of batches are not kept here; a topic that has them elsewhere is not made into something else. */
    private static void batchQueues(Scene scene) throws Exception {
        String topic = scene.unique("topic");
        var refusal = Expect.refusal("a topic of batches", MQClientException.class, () -> attribute(scene, topic, "queue.type", "BatchCQ"));
        Expect.holds("the refusal to say why", refusal.getErrorMessage().contains("queue.type=BatchCQ is not supported"), refusal);
        Expect.holds("no such topic", !scene.servers.admin.fetchAllTopicList().getTopicList().contains(topic), topic);
    }

    /** The group's wait is longer than the delay level would be. */
    private static void retryPolicy(Scene scene) throws Exception {
        long waitMs = 12_000;
        String topic = scene.topic(1);
        var policy = new GroupRetryPolicy();
        policy.setType(GroupRetryPolicyType.CUSTOMIZED);
        policy.setCustomizedRetryPolicy(new CustomizedRetryPolicy(new long[] {waitMs}));
        var config = new SubscriptionGroupConfig();
        config.setGroupName(scene.group());
        config.setGroupRetryPolicy(policy);
        scene.servers.admin.createAndUpdateSubscriptionGroupConfig(address(scene), config);
        var attempts = new Inbox();
        var consumer = scene.push(scene.group(), topic, "*");
        var failedMs = new AtomicLong();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            failedMs.compareAndSet(0, System.currentTimeMillis());
            messages.forEach(message -> attempts.add(Received.of(message)));
            return attempts.all().size() > 1 ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
        scene.send(topic, List.of("again"));
        attempts.awaitExactly(List.of("again", "again"));
        long waited = attempts.all().get(1).message().getStoreTimestamp() - failedMs.get();
        Expect.holds("the second attempt after " + waitMs + " ms", waited >= waitMs, waited);
    }
}
