package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Push consumers: alone and in groups, clustering and broadcasting, orderly, and with tag expressions. */
final class PushCases {
    private PushCases() {
    }

    static List<Case> all() {
        var cases = new ArrayList<>(List.of(
            new Case("push-clustering", PushCases::clustering),
            new Case("push-broadcasting", PushCases::broadcasting),
            new Case("push-orderly", PushCases::orderly),
            new Case("push-creates-group", PushCases::createsGroup),
            new Case("tag-expression", PushCases::tagExpression),
            new Case("tag-hash-collision", PushCases::tagHashCollision)));
        if (Dialect.HAS_HEARTBEAT_V2) {
            cases.add(new Case("push-heartbeat-v2", PushCases::heartbeatV2));
        }
        return cases;
    }

    private static void clustering(Scene scene) throws Exception {
        String topic = scene.topic(4);
        Inbox first = scene.start(scene.push(scene.group(), topic, "*"));
        Inbox second = scene.start(scene.push(scene.group(), topic, "*"));
        Division.await(scene, topic, List.of(first, second), List.of(2, 2));
        List<String> bodies = Scene.bodies("shared", 40);
        scene.send(topic, bodies);
        Expect.eventually("each message at exactly one member", bodies.stream().sorted().toList(), () -> {
            var seen = new ArrayList<>(first.bodies());
            seen.addAll(second.bodies());
            return seen.stream().filter(body -> body.startsWith("shared")).sorted().toList();
        });
        for (Inbox member : List.of(first, second)) {
            long share = member.bodies().stream().filter(body -> body.startsWith("shared")).count();
            Expect.equal("the share of a member with half of the queues", 20L, share);
        }
    }

    private static void broadcasting(Scene scene) throws Exception {
        String topic = scene.topic(4);
        List<String> bodies = Scene.bodies("all", 12);
        scene.send(topic, bodies.subList(0, 6));
        var members = new ArrayList<Inbox>();
        for (int i = 0; i < 2; i++) {
            DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
            Dialect.broadcasting(consumer);
            members.add(scene.start(consumer));
        }
        scene.send(topic, bodies.subList(6, 12));
        for (Inbox member : members) {
            member.awaitExactly(bodies);
        }
    }

    /** Two members; whoever has a queue sees its messages in order, and never two of them at a time. */
    private static void orderly(Scene scene) throws Exception {
        String topic = scene.topic(4);
        var inbox = new Inbox();
        var overlaps = new AtomicInteger();
        for (int i = 0; i < 2; i++) {
            DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
            Map<Integer, AtomicInteger> busy = new TreeMap<>();
            for (int queue = 0; queue < 4; queue++) {
                busy.put(queue, new AtomicInteger());
            }
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                AtomicInteger users = busy.get(context.getMessageQueue().getQueueId());
                if (users.getAndIncrement() != 0) {
                    overlaps.incrementAndGet();
                }
                messages.forEach(message -> inbox.add(Received.of(message)));
                users.decrementAndGet();
                return ConsumeOrderlyStatus.SUCCESS;
            });
            consumer.start();
            scene.closing(consumer::shutdown);
        }
        var expected = new TreeMap<Integer, List<String>>();
        List<MessageQueue> queues = scene.queues(topic);
        for (int i = 0; i < 40; i++) {
            MessageQueue queue = queues.get(i % queues.size());
            scene.producer().send(Scene.message(topic, "step-" + i), queue);
            expected.computeIfAbsent(queue.getQueueId(), id -> new ArrayList<>()).add("step-" + i);
        }
        inbox.awaitAll(Scene.bodies("step", 40));
        var seen = new TreeMap<Integer, List<String>>();
        // A queue that moves between the members may repeat its last messages; the first time of each is what counts.
        for (Received one : inbox.all()) {
            List<String> bodies = seen.computeIfAbsent(one.queueId(), id -> new ArrayList<>());
            if (!bodies.contains(one.body())) {
                bodies.add(one.body());
            }
        }
        Expect.equal("the order in each queue", expected, seen);
        Expect.equal("the number of times that a queue was consumed twice at once", 0, overlaps.get());
    }

    private static void createsGroup(Scene scene) throws Exception {
        String topic = scene.topic(2);
        String group = scene.group();
        Inbox inbox = scene.start(scene.push(group, topic, "*"));
        scene.send(topic, List.of("hello"));
        inbox.awaitExactly(List.of("hello"));
        String address = scene.servers.address(scene.servers.broker());
        Expect.eventually("the broker to list the group", true,
            () -> scene.servers.admin.getAllSubscriptionGroup(address, Expect.CALL_MS).getSubscriptionGroupTable().containsKey(group));
    }

    private static void tagExpression(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Inbox inbox = scene.start(Scene.inOrder(scene.push(scene.group(), topic, "red || green")));
        sendTagged(scene, topic, "red", "1");
        sendTagged(scene, topic, "blue", "2");
        sendTagged(scene, topic, "green", "3");
        scene.send(topic, List.of("4-without-tag"));
        sendTagged(scene, topic, "redgreen", "5");
        sendTagged(scene, topic, "red", "6");
        inbox.awaitInOrder(List.of("1", "3", "6"));
    }

    /** Queues hold only the hash of a tag; "Aa" and "BB" have the same, and the client tells them apart. */
    private static void tagHashCollision(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Expect.equal("the hash of the two tags", "Aa".hashCode(), "BB".hashCode());
        Inbox inbox = scene.start(Scene.inOrder(scene.push(scene.group(), topic, "Aa")));
        sendTagged(scene, topic, "Aa", "1");
        sendTagged(scene, topic, "BB", "2");
        sendTagged(scene, topic, "Aa", "3");
        inbox.awaitInOrder(List.of("1", "3"));
    }

    private static void heartbeatV2(Scene scene) throws Exception {
        String topic = scene.topic(1);
        DefaultMQPushConsumer consumer = Scene.inOrder(scene.push(scene.group(), topic, "early"));
        Dialect.useHeartbeatV2(consumer);
        Inbox inbox = scene.start(consumer);
        sendTagged(scene, topic, "late", "1");
        sendTagged(scene, topic, "early", "2");
        inbox.awaitInOrder(List.of("2"));
        // A subscription that changes while heartbeats carry only its fingerprint must still reach the broker. A pull that
        // the broker holds meanwhile still has the old one; who gets a message of the new one has it no more.
        consumer.subscribe(topic, "late");
        Expect.eventuallySucceeds("a message of the new subscription", () -> {
            sendTagged(scene, topic, "early", "3");
            sendTagged(scene, topic, "late", "4");
            Expect.holds("it", inbox.bodies().contains("4"), inbox.bodies());
        });
        sendTagged(scene, topic, "early", "5");
        sendTagged(scene, topic, "late", "6");
        inbox.awaitAll(List.of("6"));
        Expect.holds("no message of the old subscription", !inbox.bodies().contains("5"), inbox.bodies());
    }

    private static void sendTagged(Scene scene, String topic, String tag, String body) throws Exception {
        Message message = Scene.message(topic, body);
        message.setTags(tag);
        scene.producer().send(message);
    }
}
