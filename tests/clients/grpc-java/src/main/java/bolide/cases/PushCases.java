package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.common.MixAll;

/** Consumers that messages come to: in any order or by message group, again when they fail, and never again when all is in vain. */
final class PushCases {
    private PushCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("push-dead-letter", PushCases::deadLetter),
            new Case("push-fifo-dead-letter", PushCases::fifoDeadLetter),
            new Case("push-retry", PushCases::retry),
            new Case("push-fifo-retry", PushCases::fifoRetry),
            new Case("push-fifo", PushCases::fifo),
            new Case("push-shared", PushCases::shared),
            new Case("push-two-groups", PushCases::twoGroups));
    }

    /** Fails each message with this body, the first `times` times. */
    private static MessageListener failing(String body, int times) {
        var failures = new ConcurrentHashMap<String, Integer>();
        return message -> {
            boolean fails = Received.bodyOf(message).equals(body) && failures.merge(body, 1, Integer::sum) <= times;
            return fails ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS;
        };
    }

    private static List<Integer> attempts(Inbox inbox, String body) {
        return inbox.all().stream().filter(one -> one.body().equals(body)).map(Received::attempt).toList();
    }

    private static void retry(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        Inbox inbox = scene.push(scene.group(), topic, failing("again", 2));
        scene.producer().send(Scene.message(topic, "again").setTag("tag").setKeys("key").addProperty("mine", "value").build());
        scene.send(topic, List.of("once"));
        inbox.awaitExactly(List.of("again", "again", "again", "once"));
        Expect.equal("the attempts", List.of(1, 2, 3), attempts(inbox, "again"));
        List<Received> tries = inbox.all().stream().filter(one -> one.body().equals("again")).toList();
        Expect.equal("the ids", 1L, tries.stream().map(one -> one.message().getMessageId().toString()).distinct().count());
        MessageView last = tries.get(2).message();
        Expect.equal("the topic", topic, last.getTopic());
        Expect.equal("the tag", "tag", last.getTag().orElse(null));
        Expect.equal("the keys", List.of("key"), List.copyOf(last.getKeys()));
        Expect.equal("the properties", Map.of("mine", "value"), last.getProperties());
        Expect.holds("a second in between", tries.get(1).atMs() - tries.get(0).atMs() >= 900, tries.get(1).atMs() - tries.get(0).atMs());
    }

    private static void deadLetter(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        String group = scene.group(false, 1);
        Inbox inbox = scene.push(group, topic, message -> {
            throw new IllegalStateException("a listener that throws has failed");
        });
        scene.producer().send(Scene.message(topic, "hopeless").setTag("tag").setKeys("key").addProperty("mine", "value").build());
        var dead = scene.stored(MixAll.getDLQTopic(group), 1).get(0);
        Expect.equal("the attempts", List.of(1, 2), attempts(inbox, "hopeless"));
        Expect.equal("the dead letter", "hopeless", new String(dead.getBody()));
        Expect.equal("its tag", "tag", dead.getTags());
        Expect.equal("its key", "key", dead.getKeys());
        Expect.equal("its property", "value", dead.getUserProperty("mine"));
    }

    private static void fifo(Scene scene) throws Exception {
        String topic = scene.topic("FIFO", 4);
        Inbox inbox = scene.push(scene.group(true, Scene.RETRIES), topic);
        var all = new ArrayList<String>();
        for (int i = 0; i < 10; i++) {
            for (String group : List.of("red", "green", "blue")) {
                String body = group + "-" + i;
                all.add(body);
                scene.producer().send(Scene.message(topic, body).setMessageGroup(group).build());
            }
        }
        inbox.awaitExactly(all);
        for (String group : List.of("red", "green", "blue")) {
            List<Received> ofGroup = inbox.all().stream().filter(one -> one.body().startsWith(group)).toList();
            Expect.equal("the order in " + group, Scene.bodies(group, 10), ofGroup.stream().map(Received::body).toList());
            Expect.holds("the message group", ofGroup.stream().allMatch(one -> group.equals(one.message().getMessageGroup().orElse(null))), ofGroup);
        }
    }

    /** Those behind a failing message wait until it has succeeded. */
    private static void fifoRetry(Scene scene) throws Exception {
        String topic = scene.topic("FIFO");
        Inbox inbox = scene.push(scene.group(true, Scene.RETRIES), topic, failing("two", 2));
        for (String body : List.of("one", "two", "three")) {
            scene.producer().send(Scene.message(topic, body).setMessageGroup("orders").build());
        }
        inbox.awaitInOrder(List.of("one", "two", "two", "two", "three"));
        Expect.equal("the attempts", List.of(1, 2, 3), attempts(inbox, "two"));
    }

    /** Those behind a message that never succeeds go on once it is among the dead letters. */
    private static void fifoDeadLetter(Scene scene) throws Exception {
        String topic = scene.topic("FIFO");
        String group = scene.group(true, 1);
        Inbox inbox = scene.push(group, topic, failing("hopeless", Integer.MAX_VALUE));
        for (String body : List.of("one", "hopeless", "three")) {
            scene.producer().send(Scene.message(topic, body).setMessageGroup("orders").build());
        }
        inbox.awaitInOrder(List.of("one", "hopeless", "hopeless", "three"));
        var dead = scene.stored(MixAll.getDLQTopic(group), 1).get(0);
        Expect.equal("the dead letter", "hopeless", new String(dead.getBody()));
    }

    private static void shared(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 4);
        String group = scene.group();
        Inbox one = scene.push(group, topic);
        Inbox other = scene.push(group, topic);
        List<String> bodies = Scene.bodies("shared", 200);
        scene.send(topic, bodies);
        Expect.eventually("the number of received messages", bodies.size(), () -> one.all().size() + other.all().size());
        var both = new ArrayList<>(one.bodies());
        both.addAll(other.bodies());
        Expect.equal("the received bodies, sorted", bodies.stream().sorted().toList(), both.stream().sorted().toList());
    }

    private static void twoGroups(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 2);
        String other = scene.unique("other");
        scene.servers.createGroup(other, false, Scene.RETRIES, 1_000, scene.broker());
        Inbox first = scene.push(scene.group(), topic);
        Inbox second = scene.push(other, topic);
        List<String> bodies = Scene.bodies("both", 10);
        scene.send(topic, bodies);
        first.awaitExactly(bodies);
        second.awaitExactly(bodies);
    }
}
