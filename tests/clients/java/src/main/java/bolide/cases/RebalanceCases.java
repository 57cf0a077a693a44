package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

/** A group divides the queues anew when members come, leave and die. */
final class RebalanceCases {
    private RebalanceCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("rebalance-when-a-member-joins-and-leaves", RebalanceCases::joinAndLeave),
            new Case("rebalance-when-a-member-is-killed", RebalanceCases::killed));
    }

    private static void joinAndLeave(Scene scene) throws Exception {
        String topic = scene.topic(4);
        Inbox first = scene.start(scene.push(scene.group(), topic, "*"));
        Division.await(scene, topic, List.of(first), List.of(4));
        DefaultMQPushConsumer leaving = scene.push(scene.group(), topic, "*");
        Inbox second = scene.start(leaving);
        Division.await(scene, topic, List.of(first, second), List.of(2, 2));
        leaving.shutdown();
        Division.await(scene, topic, List.of(first, second), List.of(4, 0));
        List<String> bodies = Scene.bodies("after", 8);
        scene.send(topic, bodies);
        first.awaitAll(bodies);
    }

    private static void killed(Scene scene) throws Exception {
        String topic = scene.topic(4);
        Inbox first = scene.start(scene.push(scene.group(), topic, "*"));
        Member second = Member.start(scene, topic, scene.group());
        Division.await(scene, topic, List.of(first, second.inbox), List.of(2, 2));
        second.kill();
        Division.await(scene, topic, List.of(first, second.inbox), List.of(4, 0));
        List<String> bodies = Scene.bodies("after", 8);
        scene.send(topic, bodies);
        first.awaitAll(bodies);
    }
}
