package bolide.cases;

import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.producer.SendReceipt;

/** Messages that wait, and messages that are taken back before their time. */
final class TimerCases {
    /** Servers round a delivery time to their precision, which is a second at most. */
    private static final long PRECISION_MS = 1_000;

    private TimerCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("delay", TimerCases::delay),
            new Case("recall", TimerCases::recall),
            new Case("recall-refused", TimerCases::recallRefused));
    }

    private static Message at(String topic, String body, long deliverMs) {
        return Scene.message(topic, body).setTag("late").setKeys("key").addProperty("mine", "value").setDeliveryTimestamp(deliverMs).build();
    }

    private static void delay(Scene scene) throws Exception {
        String topic = scene.topic("DELAY");
        Inbox inbox = scene.push(scene.group(), topic);
        long nowMs = System.currentTimeMillis();
        var due = Map.of("one", nowMs + 3_000, "two", nowMs + 4_500, "past", nowMs - 1_000);
        for (var entry : due.entrySet()) {
            scene.producer().send(at(topic, entry.getKey(), entry.getValue()));
        }
        inbox.awaitExactly(due.keySet());
        for (Received one : inbox.all()) {
            long dueMs = due.get(one.body());
            Expect.holds(one.body() + " not before " + dueMs, one.atMs() >= dueMs - PRECISION_MS, one.atMs());
            Expect.equal("the tag", "late", one.message().getTag().orElse(null));
            Expect.equal("the keys", List.of("key"), List.copyOf(one.message().getKeys()));
            Expect.equal("the properties", Map.of("mine", "value"), one.message().getProperties());
            Expect.equal("the topic", topic, one.message().getTopic());
            Expect.equal("the attempt", 1, one.attempt());
        }
    }

    private static void recall(Scene scene) throws Exception {
        String topic = scene.topic("DELAY");
        Inbox inbox = scene.push(scene.group(), topic);
        long deliverMs = System.currentTimeMillis() + 4_000;
        SendReceipt gone = scene.producer().send(at(topic, "gone", deliverMs));
        SendReceipt alsoGone = scene.producer().send(at(topic, "also gone", deliverMs));
        scene.producer().send(at(topic, "kept", deliverMs));
        var recalled = scene.producer().recallMessage(topic, gone.getRecallHandle());
        Expect.equal("the id of what was taken back", gone.getMessageId().toString(), recalled.getMessageId().toString());
        scene.producer().recallMessageAsync(topic, alsoGone.getRecallHandle()).get();
        // Due after all of them: when it is there, whatever was to come has come.
        scene.producer().send(at(topic, "last", deliverMs + 2_000));
        inbox.awaitExactly(List.of("kept", "last"));
    }

    private static void recallRefused(Scene scene) throws Exception {
        String topic = scene.topic("DELAY");
        var garbage = Expect.refusal("a handle that is none", ClientException.class, () -> scene.producer().recallMessage(topic, "bm8gaGFuZGxl"));
        Expect.holds("the refusal to say why", garbage.toString().contains("recall handle is invalid"), garbage);
        RefusalCases.refused("a delivery in two days", "BadRequestException", 40012,
            () -> scene.producer().send(at(topic, "far", System.currentTimeMillis() + 48L * 3_600_000)));
    }
}
