package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageQueue;

/** Offsets that the broker itself resets, one queue at a time, which only the 5.x admin client asks for. */
final class ResetCases {
    private ResetCases() {
    }

    static List<Case> all() {
        return List.of(new Case("operator-resets-one-queue-at-the-broker", ResetCases::oneQueue));
    }

    private static void oneQueue(Scene scene) throws Exception {
        String topic = scene.topic(2);
        String group = scene.group();
        MessageQueue queue = scene.queues(topic).get(0);
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        Inbox inbox = scene.start(consumer);
        List<String> first = Scene.bodies("first", 4);
        for (int i = 0; i < 4; i++) {
            scene.producer().send(Scene.message(topic, first.get(i)), queue);
            scene.producer().send(Scene.message(topic, "other-" + i), scene.queues(topic).get(1));
        }
        var expected = new ArrayList<>(Scene.bodies("other", 4));
        expected.addAll(first);
        inbox.awaitExactly(expected);
        scene.awaitDone(consumer, topic, 8);
        scene.awaitStored(group, topic, 8);
        scene.servers.admin.resetOffsetByQueueId(scene.servers.address(scene.servers.broker()), group, topic, queue.getQueueId(), 1);
        // A pull that waits at the end of the queue has the answer only with the next message.
        scene.producer().send(Scene.message(topic, "awake"), queue);
        var again = new ArrayList<>(first);
        again.addAll(first.subList(1, 4));
        Expect.eventually("the messages of the queue, those from offset 1 on twice", again.stream().sorted().toList(),
            () -> inbox.bodies().stream().filter(first::contains).sorted().toList());
        Expect.equal("those of the other queue", Scene.bodies("other", 4),
            inbox.bodies().stream().filter(body -> body.startsWith("other")).sorted().toList());
    }
}
