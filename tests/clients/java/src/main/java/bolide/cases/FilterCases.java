package bolide.cases;

import java.util.List;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Filters by condition (SQL92), for each kind of consumer, and conditions that make no sense. */
final class FilterCases {
    private static final int SUBSCRIPTION_PARSE_FAILED = 23;
    private static final String CONDITION = "size BETWEEN 3 AND 5 AND colour IN ('red', 'blue')";
    private static final List<String> MATCHES = List.of("red-3", "red-4", "red-5");

    private FilterCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("sql-filter", FilterCases::pushed),
            new Case("sql-filter-pulled", FilterCases::pulled),
            new Case("sql-filter-lite-pull", FilterCases::polled),
            new Case("sql-filter-refused", FilterCases::refused));
    }

    private static void send(Scene scene, String topic) throws Exception {
        for (int size = 0; size < 10; size++) {
            for (String colour : Set.of("red", "green")) {
                Message message = Scene.message(topic, colour + "-" + size);
                message.putUserProperty("size", String.valueOf(size));
                message.putUserProperty("colour", colour);
                scene.producer().send(message);
            }
        }
    }

    private static void pushed(Scene scene) throws Exception {
        String topic = scene.topic(2);
        DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
        consumer.subscribe(topic, MessageSelector.bySql(CONDITION));
        Inbox inbox = scene.start(consumer);
        send(scene, topic);
        inbox.awaitExactly(MATCHES);
    }

    private static void pulled(Scene scene) throws Exception {
        String topic = scene.topic(1);
        send(scene, topic);
        scene.readAll(topic, 20);
        DefaultMQPullConsumer consumer = scene.pull(scene.group());
        MessageQueue queue = scene.queues(topic).get(0);
        // The client itself refuses until a heartbeat has told it how new the broker is.
        Expect.eventually("what matches", MATCHES,
            () -> Scene.bodiesOf(consumer.pull(queue, MessageSelector.bySql(CONDITION), 0, 32).getMsgFoundList()));
        var found = consumer.pull(queue, MessageSelector.bySql("size > 7 AND colour = 'red'"), 0, 32);
        Expect.equal("what else matches", List.of("red-8", "red-9"), Scene.bodiesOf(found.getMsgFoundList()));
        Expect.equal("the next offset", 20L, found.getNextBeginOffset());
        var refusal = Expect.refusal("a pull by a broken condition", MQBrokerException.class,
            () -> consumer.pull(queue, MessageSelector.bySql("size BETWEEN 3"), 0, 32));
        Expect.equal("the code", SUBSCRIPTION_PARSE_FAILED, refusal.getResponseCode());
        Expect.holds("the place of the error", refusal.getErrorMessage().contains("at character 15"), refusal);
    }

    private static void polled(Scene scene) throws Exception {
        String topic = scene.topic(2);
        DefaultLitePullConsumer consumer = scene.litePull(scene.group());
        consumer.subscribe(topic, MessageSelector.bySql(CONDITION));
        scene.start(consumer);
        send(scene, topic);
        Expect.equal("what matches", MATCHES, PullCases.poll(consumer, MATCHES.size()).stream().sorted().toList());
    }

    private static void refused(Scene scene) throws Exception {
        String topic = scene.topic(1);
        DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
        consumer.subscribe(topic, MessageSelector.bySql("size > 3 AND AND colour = 'red'"));
        var refusal = Expect.refusal("a consumer with a broken condition", MQClientException.class, () -> scene.start(consumer));
        Expect.equal("the code", SUBSCRIPTION_PARSE_FAILED, refusal.getResponseCode());
        Expect.holds("the place of the error", refusal.getErrorMessage().matches(".*(character|column) 14[^0-9].*"), refusal);
    }
}
