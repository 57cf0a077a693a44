package bolide.cases;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What operators ask of groups: how far they are, to begin again elsewhere, to try one message again. */
final class OperatorCases {
    private static final int CONSUMER_NOT_ONLINE = 206;

    private OperatorCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("operator-resets-offsets-of-a-running-group", OperatorCases::resetRunning),
            new Case("operator-resets-offsets-of-a-stopped-group", OperatorCases::resetStopped),
            new Case("operator-has-a-dead-letter-consumed", OperatorCases::consumedDirectly),
            new Case("operator-sees-how-far-a-group-is", OperatorCases::progress),
            new Case("operator-sees-what-a-consumer-does", OperatorCases::consumerSeen));
    }

    /** Sends the second half when a later millisecond has begun, and returns that time. */
    private static long sendTwoHalves(Scene scene, String topic) throws Exception {
        scene.sendReadable(topic, Scene.bodies("early", 3));
        long last = scene.readAll(topic, 3).stream().mapToLong(MessageExt::getStoreTimestamp).max().orElseThrow();
        while (System.currentTimeMillis() <= last) {
            Thread.sleep(1);
        }
        scene.send(topic, Scene.bodies("late", 3));
        return scene.readAll(topic, 6).stream().mapToLong(MessageExt::getStoreTimestamp).filter(time -> time > last).min().orElseThrow();
    }

    private static void resetRunning(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        Inbox inbox = scene.start(consumer);
        long middle = sendTwoHalves(scene, topic);
        inbox.awaitAll(Scene.bodies("late", 3));
        scene.awaitDone(consumer, topic, 6);
        scene.awaitStored(group, topic, 6);
        Map<MessageQueue, Long> offsets = scene.servers.admin.resetOffsetByTimestamp(topic, group, middle, true);
        Expect.equal("the new offsets", List.of(3L), List.copyOf(offsets.values()));
        var expected = new ArrayList<>(Scene.bodies("early", 3));
        expected.addAll(Scene.bodies("late", 3));
        expected.addAll(Scene.bodies("late", 3));
        inbox.awaitExactly(expected);
        scene.awaitStored(group, topic, 6);
    }

    /** A stopped group is reset as the operator's tool does it: when the broker needs a consumer for that, by its offsets. */
    private static void resetStopped(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        DefaultMQPushConsumer first = scene.push(group, topic, "*");
        Inbox before = scene.start(first);
        long middle = sendTwoHalves(scene, topic);
        before.awaitAll(Scene.bodies("late", 3));
        scene.awaitDone(first, topic, 6);
        first.shutdown();
        scene.awaitStored(group, topic, 6);
        try {
            scene.servers.admin.resetOffsetByTimestamp(topic, group, middle, true);
        } catch (MQClientException e) {
            Expect.equal("the code", CONSUMER_NOT_ONLINE, e.getResponseCode());
            scene.servers.admin.resetOffsetByTimestampOld(group, topic, middle, true);
        }
        scene.awaitStored(group, topic, 3);
        Inbox after = scene.start(scene.push(group, topic, "*"));
        after.awaitExactly(Scene.bodies("late", 3));
    }

    /** Stands where the consumer is that fails until it is mended. */
    private static void consumedDirectly(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        consumer.setMaxReconsumeTimes(0);
        var attempts = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> attempts.add(Received.of(message)));
            return attempts.all().size() > 1 ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
        scene.send(topic, List.of("hopeless"));
        String deadLetters = MixAll.getDLQTopic(group);
        MessageExt dead = scene.readAll(deadLetters, 1).get(0);
        var admin = scene.servers.admin;
        var found = new MessageExt[1];
        Expect.eventuallySucceeds("the dead letter found by its id", () -> found[0] = admin.viewMessage(deadLetters, dead.getMsgId()));
        Expect.equal("the dead letter", List.of("hopeless"), Scene.bodiesOf(List.of(found[0])));
        var result = admin.consumeMessageDirectly(group, consumer.buildMQClientId(), deadLetters, dead.getMsgId());
        Expect.equal("what the consumer made of it", "CR_SUCCESS", String.valueOf(result.getConsumeResult()));
        Expect.equal("all attempts", List.of("hopeless", "hopeless"), attempts.bodies());
        Expect.equal("the dead letters, which stay", List.of("hopeless"), Scene.bodiesOf(scene.readAll(deadLetters, 1)));
    }

    private static void progress(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        MessageQueue queue = scene.queues(topic).get(0);
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        Inbox inbox = scene.start(consumer);
        scene.sendReadable(topic, Scene.bodies("done", 4));
        inbox.awaitExactly(Scene.bodies("done", 4));
        scene.awaitDone(consumer, topic, 4);
        var admin = scene.servers.admin;
        Expect.eventually("what the consumer says of its offsets", Map.of(queue, 4L), () -> {
            var seen = new HashMap<MessageQueue, Long>();
            admin.getConsumeStatus(topic, group, "").values().forEach(seen::putAll);
            return seen;
        });
        List<MessageExt> stored = scene.readAll(topic, 4);
        scene.awaitStored(group, topic, 4);
        var span = admin.queryConsumeTimeSpan(topic, group).get(0);
        Expect.equal("the time of the first message", stored.get(0).getStoreTimestamp(), span.getMinTimeStamp());
        Expect.equal("the time of the last message", stored.get(3).getStoreTimestamp(), span.getMaxTimeStamp());
        Expect.equal("the time of the last one that was consumed", stored.get(3).getStoreTimestamp(), span.getConsumeTimeStamp());
        Expect.eventually("the messages that wait", 0L, () -> admin.examineConsumeStats(group, topic).computeTotalDiff());
        consumer.shutdown();
        scene.awaitStored(group, topic, 4);
        scene.sendReadable(topic, Scene.bodies("waiting", 3));
        Expect.equal("the messages that wait for a stopped group", 3L, admin.examineConsumeStats(group, topic).computeTotalDiff());
    }

    private static void consumerSeen(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        DefaultMQPushConsumer consumer = scene.push(group, topic, "red");
        scene.start(consumer);
        var admin = scene.servers.admin;
        String id = consumer.buildMQClientId();
        Expect.eventually("the connections of the group", List.of(id), () -> admin.examineConsumerConnectionInfo(group)
            .getConnectionSet().stream().map(connection -> connection.getClientId()).toList());
        Expect.equal("the subscription", "red", admin.examineConsumerConnectionInfo(group).getSubscriptionTable().get(topic).getSubString());
        Expect.eventually("the queues of the consumer, as it says itself", true, () -> admin.getConsumerRunningInfo(group, id, false)
            .getMqTable().keySet().containsAll(scene.queues(topic)));
        Expect.holds("its stacks", admin.getConsumerRunningInfo(group, id, true).getJstack().contains("java.lang.Thread"), "none");
    }
}
