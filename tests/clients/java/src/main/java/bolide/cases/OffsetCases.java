package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.SendResult;

/** Offsets and messages outlive their clients and their broker. */
final class OffsetCases {
    private OffsetCases() {
    }

    static List<Case> all() {
        return List.of(
            Case.needingRestarts("clients-go-on-after-a-broker-restart", OffsetCases::liveRestart),
            Case.needingRestarts("offsets-kept-over-a-broker-restart", OffsetCases::brokerRestart),
            new Case("offsets-kept-over-a-client-restart", OffsetCases::clientRestart));
    }

    private static void clientRestart(Scene scene) throws Exception {
        String topic = scene.topic(2);
        DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
        Inbox before = scene.start(consumer);
        scene.send(topic, Scene.bodies("before", 6));
        before.awaitExactly(Scene.bodies("before", 6));
        scene.awaitDone(consumer, topic, 6);
        consumer.shutdown();
        scene.awaitStored(scene.group(), topic, 6);
        scene.send(topic, Scene.bodies("between", 4));
        Inbox after = scene.start(scene.push(scene.group(), topic, "*"));
        after.awaitExactly(Scene.bodies("between", 4));
    }

    private static void brokerRestart(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String topic = scene.createTopic(scene.unique("topic"), 2, scene.servers.restartable());
            DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
            Inbox before = scene.start(consumer);
            scene.send(topic, Scene.bodies("before", 6));
            before.awaitExactly(Scene.bodies("before", 6));
            scene.awaitDone(consumer, topic, 6);
            consumer.shutdown();
            scene.awaitStored(scene.group(), topic, 6);
            scene.restartBroker(topic);
            Expect.equal("the messages that the restarted broker holds",
                Scene.bodies("before", 6), Scene.bodiesOf(scene.readAll(topic, 6)).stream().sorted().toList());
            Inbox after = scene.start(scene.push(scene.group(), topic, "*"));
            Expect.eventuallySucceeds("a send after the restart", () -> scene.send(topic, List.of("after")));
            after.awaitAll(List.of("after"));
            Expect.equal("only messages from after the restart, each body", List.of("after"), after.bodies().stream().distinct().toList());
        });
    }

    /** A producer and a consumer that know nothing of the restart reconnect by themselves. */
    private static void liveRestart(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.restartable());
            Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
            SendResult last = null;
            for (String body : Scene.bodies("before", 3)) {
                last = scene.producer().send(Scene.message(topic, body));
            }
            inbox.awaitAll(Scene.bodies("before", 3));
            Expect.equal("the last offset before the restart", 2L, last.getQueueOffset());
            scene.restartBroker(topic);
            var offset = new long[1];
            Expect.eventuallySucceeds("a send after the restart",
                () -> offset[0] = scene.producer().send(Scene.message(topic, "after")).getQueueOffset());
            Expect.holds("offsets to go on after 2", offset[0] > 2, offset[0]);
            inbox.awaitAll(List.of("after"));
        });
    }
}
