package bolide.cases;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

/** Where a group begins that has no offsets yet: at the first message, at the last, or at a time. */
final class StartCases {
    private StartCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("from-first", StartCases::first),
            Case.needingColdBroker("from-last", StartCases::last),
            new Case("from-last-while-all-is-in-memory", StartCases::lastInMemory),
            new Case("from-last-on-an-empty-queue", StartCases::lastOnEmpty),
            Case.needingColdBroker("from-timestamp", StartCases::timestamp));
    }

    private static void first(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.send(topic, Scene.bodies("old", 3));
        Inbox inbox = scene.start(from(scene, topic, ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET));
        scene.send(topic, Scene.bodies("new", 2));
        inbox.awaitInOrder(List.of("old-0", "old-1", "old-2", "new-0", "new-1"));
    }

    /** The client asks for the end of the queue only when the broker's answer is that it knows no offset. */
    private static void last(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.cold());
        scene.sendReadable(topic, Scene.bodies("old", 3));
        Inbox inbox = scene.start(from(scene, topic, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET));
        // Which message is the first to be seen depends on when the client asks; none from before its start may be.
        Expect.eventuallySucceeds("the first message after the start", () -> {
            scene.send(topic, List.of("new"));
            Expect.holds("a message after the start", inbox.bodies().contains("new"), inbox.bodies());
        });
        Expect.holds("no message from before the start", inbox.bodies().stream().noneMatch(body -> body.startsWith("old")), inbox.bodies());
    }

    /** The rule of Apache's broker: while a queue's first message is still in memory, a new group starts with it. */
    private static void lastInMemory(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.send(topic, Scene.bodies("old", 3));
        Inbox inbox = scene.start(from(scene, topic, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET));
        inbox.awaitInOrder(Scene.bodies("old", 3));
    }

    private static void lastOnEmpty(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Inbox inbox = scene.start(from(scene, topic, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET));
        String address = scene.servers.address(scene.servers.broker());
        Expect.eventually("the group to be known", true, () -> scene.servers.admin.getAllSubscriptionGroup(address, Expect.CALL_MS)
            .getSubscriptionGroupTable().containsKey(scene.group()));
        Expect.eventuallySucceeds("a message to arrive", () -> {
            scene.send(topic, List.of("new"));
            Expect.holds("a message", !inbox.bodies().isEmpty(), inbox.bodies());
        });
    }

    private static void timestamp(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.cold());
        scene.send(topic, Scene.bodies("old", 3));
        // The client's setting has seconds; everything so far must belong to an earlier one.
        LocalDateTime start = LocalDateTime.now().truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
        while (LocalDateTime.now().isBefore(start)) {
            Thread.sleep(10);
        }
        scene.send(topic, Scene.bodies("new", 3));
        scene.readAll(topic, 6);
        DefaultMQPushConsumer consumer = from(scene, topic, ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setConsumeTimestamp(start.format(DateTimeFormatter.ofPattern("yyyyMMddHHmmss")));
        Inbox inbox = scene.start(consumer);
        inbox.awaitInOrder(Scene.bodies("new", 3));
    }

    private static DefaultMQPushConsumer from(Scene scene, String topic, ConsumeFromWhere where) throws Exception {
        DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
        consumer.setConsumeFromWhere(where);
        return Scene.inOrder(consumer);
    }
}
