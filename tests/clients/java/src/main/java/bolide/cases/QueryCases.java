package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Finding messages again: by id, by unique key, by key, and queue offsets by time. */
final class QueryCases {
    private QueryCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("query-by-offset-id", QueryCases::byOffsetId),
            new Case("query-by-unique-key", QueryCases::byUniqueKey),
            new Case("query-by-key", QueryCases::byKey),
            new Case("queue-offsets-by-time", QueryCases::offsetsByTime));
    }

    private static void byOffsetId(Scene scene) throws Exception {
        String topic = scene.topic(2);
        for (String body : Scene.bodies("id", 3)) {
            SendResult result = scene.producer().send(Scene.message(topic, body));
            MessageExt found = scene.producer().viewMessage(topic, result.getOffsetMsgId());
            Expect.equal("the body", List.of(body), Scene.bodiesOf(List.of(found)));
            Expect.equal("the queue", result.getMessageQueue().getQueueId(), found.getQueueId());
            Expect.equal("the queue offset", result.getQueueOffset(), found.getQueueOffset());
        }
    }

    private static void byUniqueKey(Scene scene) throws Exception {
        String topic = scene.topic(2);
        scene.send(topic, Scene.bodies("other", 3));
        SendResult result = scene.producer().send(Scene.message(topic, "unique"));
        Expect.eventually("the message with this id", List.of("unique"),
            () -> Scene.bodiesOf(List.of(scene.producer().viewMessage(topic, result.getMsgId()))));
    }

    private static void byKey(Scene scene) throws Exception {
        String topic = scene.topic(2);
        for (int i = 0; i < 6; i++) {
            Message message = Scene.message(topic, "keyed-" + i);
            message.setKeys("order-" + i % 2 + " customer-7");
            scene.producer().send(message);
        }
        Expect.eventually("the messages with the first key", List.of("keyed-0", "keyed-2", "keyed-4"), () -> byKey(scene, topic, "order-0"));
        Expect.eventually("the messages with the key of all", Scene.bodies("keyed", 6), () -> byKey(scene, topic, "customer-7"));
        // A key that nothing has is an exception in the client.
        Expect.refusal("an unknown key", Exception.class, () -> byKey(scene, topic, "order-9"));
    }

    private static List<String> byKey(Scene scene, String topic, String key) throws Exception {
        var result = scene.producer().queryMessage(topic, key, 32, 0, Long.MAX_VALUE);
        return Scene.bodiesOf(result.getMessageList()).stream().sorted().toList();
    }

    private static void offsetsByTime(Scene scene) throws Exception {
        String topic = scene.topic(1);
        MessageQueue queue = scene.queues(topic).get(0);
        var admin = scene.servers.admin;
        Expect.equal("the lowest offset of the empty queue", 0L, admin.minOffset(queue));
        Expect.equal("the highest offset of the empty queue", 0L, admin.maxOffset(queue));
        var times = new ArrayList<Long>();
        for (int i = 0; i < 5; i++) {
            scene.send(topic, List.of("timed-" + i));
            long stored = storeTime(scene, topic, i);
            times.add(stored);
            // The next message gets a later millisecond, so that each time has one message.
            while (System.currentTimeMillis() <= stored) {
                Thread.sleep(1);
            }
        }
        Expect.equal("the lowest offset", 0L, admin.minOffset(queue));
        Expect.equal("the highest offset", 5L, admin.maxOffset(queue));
        Expect.equal("the time of the earliest message", times.get(0), admin.earliestMsgStoreTime(queue));
        for (int i = 0; i < 5; i++) {
            Expect.equal("the offset at the time of message " + i, (long) i, admin.searchOffset(queue, times.get(i)));
        }
        Expect.equal("the offset before all", 0L, admin.searchOffset(queue, times.get(0) - 1000));
        // As Apache since 5.0; its 4.9 answers the last offset.
        Expect.equal("the offset after all", 5L, admin.searchOffset(queue, times.get(4) + 1000));
    }

    private static long storeTime(Scene scene, String topic, int index) throws Exception {
        return scene.readAll(topic, index + 1).get(index).getStoreTimestamp();
    }
}
