package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import com.aliyun.openservices.ons.api.PullConsumer;
import com.aliyun.openservices.ons.api.TopicPartition;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/** The pull consumer: assigned partitions, seek, commit, pause. */
final class PullCases {
    private PullCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("pull-and-seek", PullCases::seek),
            new Case("pull-and-commit", PullCases::commit));
    }

    private static PullConsumer consumer(Scene scene, Tenant tenant) {
        return tenant.start(ONSFactory.createPullConsumer(tenant.settings(scene.group(), PropertyKeyConst.AUTO_COMMIT, "false")));
    }

    /** Polls until this many messages came. */
    private static List<String> poll(PullConsumer consumer, int count) throws Exception {
        var polled = new ArrayList<Message>();
        Expect.eventually(count + " polled messages", true, () -> {
            polled.addAll(consumer.poll(1_000));
            return polled.size() >= count;
        });
        return polled.stream().map(Reception::body).toList();
    }

    private static void seek(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        List<String> bodies = Scene.bodies("seek", 10);
        tenant.send(topic, bodies);
        scene.readAll(topic, bodies.size());
        PullConsumer consumer = consumer(scene, tenant);
        Set<TopicPartition> partitions = consumer.topicPartitions(topic);
        Expect.equal("the partitions", Set.of(new TopicPartition(topic, scene.servers.broker() + "#0")), partitions);
        consumer.assign(partitions);
        TopicPartition partition = partitions.iterator().next();
        Expect.equal("all bodies", bodies, poll(consumer, bodies.size()));
        expectAfter(scene, consumer, () -> consumer.seek(partition, 6), bodies.subList(6, 10), tenant);
        expectAfter(scene, consumer, () -> consumer.seekToBeginning(partition), bodies, tenant);
        Expect.equal("the offset of the distant past", 0L, consumer.offsetForTimestamp(partition, 0L));
    }

    /** Seeks and polls until these bodies came, one after the other. A message ends the pull that waits at the end of the queue meanwhile. */
    private static void expectAfter(Scene scene, PullConsumer consumer, Expect.Action seek, List<String> bodies, Tenant tenant) throws Exception {
        seek.run();
        tenant.send(scene.unique("topic"), List.of("awake"));
        var polled = new ArrayList<String>();
        Expect.eventually("the bodies " + bodies + " among those polled after a seek", true, () -> {
            consumer.poll(1_000).forEach(message -> polled.add(Reception.body(message)));
            return Collections.indexOfSubList(polled, bodies) >= 0;
        });
        Expect.equal("the first of the bodies that were sent before", bodies.get(0),
            polled.stream().filter(body -> body.startsWith("seek")).findFirst().orElseThrow());
    }

    private static void commit(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        tenant.send(topic, Scene.bodies("commit", 4));
        scene.readAll(topic, 4);
        PullConsumer first = consumer(scene, tenant);
        Set<TopicPartition> partitions = first.topicPartitions(topic);
        TopicPartition partition = partitions.iterator().next();
        first.assign(partitions);
        Expect.equal("the polled bodies", Scene.bodies("commit", 4), poll(first, 4));
        first.commitSync();
        Expect.equal("the committed offset", 4L, first.committed(partition));
        first.shutdown();
        scene.awaitStored(scene.group(), topic, 4);
        tenant.send(topic, List.of("last"));
        PullConsumer second = consumer(scene, tenant);
        second.assign(second.topicPartitions(topic));
        Expect.equal("the bodies after the committed offset", List.of("last"), poll(second, 1));
    }
}
