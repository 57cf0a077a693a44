package bolide.cases;

import com.aliyun.openservices.ons.api.Action;
import com.aliyun.openservices.ons.api.Consumer;
import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages that a consumer does not get done. */
final class RetryCases {
    /** The first delay of the schedule: the third level. */
    private static final long FIRST_DELAY_MS = 10_000;

    private RetryCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("retry-then-dead-letter", RetryCases::deadLetter),
            new Case("retry-however-it-failed", RetryCases::however));
    }

    private static void however(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        var reception = new Reception();
        Consumer consumer = ONSFactory.createConsumer(tenant.settings(scene.group()));
        consumer.subscribe(topic, "*", (message, context) -> {
            reception.add(message);
            if (message.getReconsumeTimes() > 0) {
                return Action.CommitMessage;
            }
            return switch (Reception.body(message)) {
                case "later" -> Action.ReconsumeLater;
                case "null" -> null;
                default -> throw new IllegalStateException("meant to fail");
            };
        });
        tenant.start(consumer);
        Set<String> bodies = new TreeSet<>(List.of("later", "null", "exception"));
        tenant.send(topic, List.copyOf(bodies));
        reception.inbox.await("each message twice", seen -> seen.size() >= 2 * bodies.size());
        List<MessageExt> stored = scene.readAll(MixAll.getRetryTopic(scene.group()), bodies.size());
        for (String body : bodies) {
            List<Message> attempts = reception.messages(body);
            Expect.equal("the attempts with " + body, List.of(0, 1), attempts.stream().map(Message::getReconsumeTimes).toList());
            Expect.equal("the id of the second", attempts.get(0).getMsgID(), attempts.get(1).getMsgID());
            Expect.equal("topic, tag and key of the second", List.of(topic, "tag", "key-" + body),
                List.of(attempts.get(1).getTopic(), attempts.get(1).getTag(), attempts.get(1).getKey()));
            long dueMs = attempts.get(0).getBornTimestamp() + FIRST_DELAY_MS;
            long storedMs = stored.stream().filter(message -> Scene.bodiesOf(List.of(message)).contains(body)).findFirst().orElseThrow().getStoreTimestamp();
            Expect.holds(body + " not to come early", storedMs >= dueMs, dueMs - storedMs + " ms early");
        }
    }

    private static void deadLetter(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        var attempts = new Reception();
        Consumer consumer = ONSFactory.createConsumer(tenant.settings(scene.group(), PropertyKeyConst.MaxReconsumeTimes, "1"));
        consumer.subscribe(topic, "*", (message, context) -> {
            attempts.add(message);
            return Action.ReconsumeLater;
        });
        tenant.start(consumer);
        // Who has no trouble with the message is not affected.
        Reception other = tenant.receive(scene.unique("other"), topic, "*");
        String id = tenant.producer().send(Tenant.message(topic, "tag", "hopeless")).getMessageId();
        attempts.inbox.await("two attempts", seen -> seen.size() >= 2);
        MessageExt dead = scene.readAll(MixAll.getDLQTopic(scene.group()), 1).get(0);
        Expect.equal("the dead letter", List.of("hopeless"), Scene.bodiesOf(List.of(dead)));
        Expect.equal("its id", id, dead.getMsgId());
        Expect.equal("where it came from", topic, dead.getProperty("RETRY_TOPIC"));
        Expect.equal("the attempts", List.of(0, 1), attempts.messages().stream().map(Message::getReconsumeTimes).toList());
        other.inbox.awaitExactly(List.of("hopeless"));
    }
}
