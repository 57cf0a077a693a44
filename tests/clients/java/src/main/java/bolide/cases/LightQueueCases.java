package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageQueue;

/** Light queues: a message is in as many of them as it names, beside its topic, and nobody creates them. */
final class LightQueueCases {
    private LightQueueCases() {
    }

    static List<Case> all() {
        return List.of(new Case("light-queues", LightQueueCases::pulled));
    }

    private static void pulled(Scene scene) throws Exception {
        String broker = scene.servers.impatient();
        String topic = scene.createTopic(scene.unique("topic"), 1, broker);
        var first = new MessageQueue("%LMQ%" + scene.unique("first"), broker, 0);
        var second = new MessageQueue("%LMQ%" + scene.unique("second"), broker, 0);
        send(scene, topic, "for both", first.getTopic() + "," + second.getTopic());
        send(scene, topic, "for the second", second.getTopic());
        scene.readAll(topic, 2);
        DefaultMQPullConsumer consumer = scene.pull(scene.group());
        // Light queues have no route: a client must know the broker by another topic.
        consumer.pull(scene.queues(topic).get(0), "*", 0, 32);
        PullResult one = consumer.pull(first, "*", 0, 32);
        Expect.equal("the messages of the first", List.of("for both"), Scene.bodiesOf(one.getMsgFoundList()));
        PullResult two = consumer.pull(second, "*", 0, 32);
        Expect.equal("the messages of the second", List.of("for both", "for the second"), Scene.bodiesOf(two.getMsgFoundList()));
        Expect.equal("the next offset", 2L, two.getNextBeginOffset());
        Expect.equal("the status at the end", PullStatus.NO_NEW_MSG, consumer.pull(second, "*", 2, 32).getPullStatus());
        Expect.equal("where the second ends", 2L, consumer.maxOffset(second));
        Expect.equal("where it begins", 0L, consumer.minOffset(second));
        consumer.updateConsumeOffset(second, 1);
        consumer.getOffsetStore().persist(second);
        Expect.eventually("the offset at the broker", 1L, () -> consumer.fetchConsumeOffset(second, true));
    }

    private static void send(Scene scene, String topic, String body, String queues) throws Exception {
        Message message = Scene.message(topic, body);
        // The client keeps this name from its users; users of light queues set it all the same.
        MessageAccessor.putProperty(message, "INNER_MULTI_DISPATCH", queues);
        scene.producer().send(message);
    }
}
