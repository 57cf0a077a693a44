package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.LitePushConsumer;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.consumer.OffsetOption;
import org.apache.rocketmq.client.java.exception.LiteSubscriptionQuotaExceededException;

/** Many small topics under one parent, to which consumers subscribe one by one. */
final class LiteCases {
    private LiteCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("lite-exclusive", LiteCases::exclusive, Case.Need.LITE_TOPICS),
            new Case("lite-retry", LiteCases::retry, Case.Need.LITE_TOPICS),
            new Case("lite-subscriptions", LiteCases::subscriptions, Case.Need.LITE_TOPICS),
            new Case("lite-offsets", LiteCases::offsets, Case.Need.LITE_TOPICS));
    }

    private static String group(Scene scene, String parent, Map<String, String> attributes) throws Exception {
        String group = scene.unique("group");
        scene.servers.createLiteGroup(group, parent, attributes, scene.broker());
        return group;
    }

    private static LitePushConsumer consumer(Scene scene, String group, String parent, Inbox inbox, MessageListener listener) throws Exception {
        return scene.closing(Scene.CLIENTS.newLitePushConsumerBuilder().setClientConfiguration(scene.configuration())
            .setConsumerGroup(group).bindTopic(parent).setConsumptionThreadCount(4).setMessageListener(message -> {
                inbox.add(Received.of(message));
                return listener.consume(message);
            }).build());
    }

    private static void send(Scene scene, String parent, String liteTopic, List<String> bodies) throws Exception {
        for (String body : bodies) {
            scene.producer().send(Scene.message(parent, body).setLiteTopic(liteTopic).build());
        }
    }

    private static List<String> of(Inbox inbox, String prefix) {
        return inbox.bodies().stream().filter(body -> body.startsWith(prefix)).toList();
    }

    /** A consumer gets what it subscribed to, each lite topic in its order, until it gives it up. */
    private static void subscriptions(Scene scene) throws Exception {
        String parent = scene.topic("LITE", 4);
        var inbox = new Inbox();
        LitePushConsumer consumer = consumer(scene, group(scene, parent, Map.of()), parent, inbox, message -> ConsumeResult.SUCCESS);
        for (String room : List.of("red", "green", "blue")) {
            consumer.subscribeLite(room);
        }
        var all = new ArrayList<String>();
        for (String room : List.of("red", "green", "blue")) {
            send(scene, parent, room, Scene.bodies(room, 20));
            all.addAll(Scene.bodies(room, 20));
        }
        send(scene, parent, "grey", List.of("nobody's"));
        inbox.awaitExactly(all);
        for (String room : List.of("red", "green", "blue")) {
            Expect.equal("the order in " + room, Scene.bodies(room, 20), of(inbox, room));
        }
        Received one = inbox.all().get(0);
        Expect.equal("the parent topic", parent, one.message().getTopic());
        Expect.holds("the lite topic", one.body().startsWith(one.message().getLiteTopic().orElse("none")), one.message().getLiteTopic());
        consumer.unsubscribeLite("red");
        Expect.equal("the lite topics", Set.of("green", "blue"), consumer.getLiteTopicSet());
        send(scene, parent, "red", List.of("red-late"));
        send(scene, parent, "blue", List.of("blue-late"));
        all.add("blue-late");
        inbox.awaitExactly(all);
    }

    /** A failing message comes again after a second, and those behind it wait. */
    private static void retry(Scene scene) throws Exception {
        String parent = scene.topic("LITE");
        var inbox = new Inbox();
        var failures = new ConcurrentHashMap<String, Integer>();
        LitePushConsumer consumer = consumer(scene, group(scene, parent, Map.of()), parent, inbox, message -> {
            boolean fails = Received.bodyOf(message).equals("two") && failures.merge("two", 1, Integer::sum) <= 2;
            return fails ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS;
        });
        consumer.subscribeLite("room");
        for (String body : List.of("one", "two", "three")) {
            send(scene, parent, "room", List.of(body));
        }
        inbox.awaitInOrder(List.of("one", "two", "two", "two", "three"));
        List<Integer> attempts = inbox.all().stream().filter(one -> one.body().equals("two")).map(Received::attempt).toList();
        Expect.equal("the attempts", List.of(1, 2, 3), attempts);
    }

    /** Where a lite topic has one consumer at most, the last one that asks has it, and the others learn that. */
    private static void exclusive(Scene scene) throws Exception {
        String parent = scene.topic("LITE");
        String group = group(scene, parent, Map.of("+lite.sub.model", "Exclusive"));
        var first = new Inbox();
        var second = new Inbox();
        LitePushConsumer one = consumer(scene, group, parent, first, message -> ConsumeResult.SUCCESS);
        LitePushConsumer other = consumer(scene, group, parent, second, message -> ConsumeResult.SUCCESS);
        one.subscribeLite("room");
        send(scene, parent, "room", List.of("for-the-first"));
        first.awaitExactly(List.of("for-the-first"));
        other.subscribeLite("room");
        Expect.eventually("the first consumer's lite topics", Set.of(), one::getLiteTopicSet);
        send(scene, parent, "room", List.of("for-the-second"));
        second.awaitExactly(List.of("for-the-second"));
        first.awaitExactly(List.of("for-the-first"));
    }

    /** A subscription begins where the consumer says; a consumer has a limited number of them. */
    private static void offsets(Scene scene) throws Exception {
        String parent = scene.topic("LITE");
        send(scene, parent, "room", List.of("old-1", "old-2"));
        var inbox = new Inbox();
        String group = group(scene, parent, Map.of("+lite.sub.client.quota", "2"));
        LitePushConsumer consumer = consumer(scene, group, parent, inbox, message -> ConsumeResult.SUCCESS);
        consumer.subscribeLite("room", OffsetOption.MAX_OFFSET);
        send(scene, parent, "room", List.of("new"));
        inbox.awaitExactly(List.of("new"));
        consumer.unsubscribeLite("room");
        consumer.subscribeLite("room", OffsetOption.MIN_OFFSET);
        inbox.awaitExactly(List.of("new", "old-1", "old-2", "new"));
        consumer.subscribeLite("second");
        Expect.refusal("a third subscription", LiteSubscriptionQuotaExceededException.class, () -> consumer.subscribeLite("third"));
    }
}
