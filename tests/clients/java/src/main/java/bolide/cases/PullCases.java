package bolide.cases;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Pull consumers and lite pull consumers: by offset, with long polling, assigned and subscribed, with seek. */
final class PullCases {
    private PullCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("pull-by-offset", PullCases::byOffset),
            new Case("pull-with-tags", PullCases::withTags),
            new Case("pull-waits-for-a-message", PullCases::waits),
            new Case("lite-pull-subscribed", PullCases::subscribed),
            new Case("lite-pull-assigned-with-seek", PullCases::assigned),
            new Case("lite-pull-commits-offsets", PullCases::commits));
    }

    private static void byOffset(Scene scene) throws Exception {
        String topic = scene.topic(1);
        List<String> bodies = Scene.bodies("pull", 10);
        scene.sendReadable(topic, bodies);
        DefaultMQPullConsumer consumer = scene.pull(scene.group());
        MessageQueue queue = scene.queues(topic).get(0);
        PullResult middle = consumer.pull(queue, "*", 4, 3);
        Expect.equal("the status", PullStatus.FOUND, middle.getPullStatus());
        Expect.equal("three messages from offset 4", bodies.subList(4, 7), Scene.bodiesOf(middle.getMsgFoundList()));
        Expect.equal("the next offset", 7L, middle.getNextBeginOffset());
        Expect.equal("the lowest offset", 0L, middle.getMinOffset());
        Expect.equal("the highest offset", 10L, middle.getMaxOffset());
        PullResult end = consumer.pull(queue, "*", 10, 3);
        Expect.equal("the status at the end", PullStatus.NO_NEW_MSG, end.getPullStatus());
        PullResult beyond = consumer.pull(queue, "*", 1000, 3);
        Expect.equal("the status beyond the end", PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus());
        Expect.equal("the corrected offset beyond the end", 10L, beyond.getNextBeginOffset());
        consumer.updateConsumeOffset(queue, 7);
        Expect.equal("the offset in memory", 7L, consumer.fetchConsumeOffset(queue, false));
        consumer.getOffsetStore().persist(queue);
        Expect.eventually("the offset at the broker", 7L, () -> consumer.fetchConsumeOffset(queue, true));
    }

    private static void withTags(Scene scene) throws Exception {
        String topic = scene.topic(1);
        for (int i = 0; i < 6; i++) {
            Message message = Scene.message(topic, "tagged-" + i);
            message.setTags(i % 2 == 0 ? "even" : "odd");
            scene.producer().send(message);
        }
        scene.readAll(topic, 6);
        DefaultMQPullConsumer consumer = scene.pull(scene.group());
        MessageQueue queue = scene.queues(topic).get(0);
        PullResult odd = consumer.pull(queue, "odd", 0, 32);
        Expect.equal("the messages with the tag", List.of("tagged-1", "tagged-3", "tagged-5"), Scene.bodiesOf(odd.getMsgFoundList()));
        PullResult none = consumer.pull(queue, "neither", 0, 32);
        Expect.equal("the status when nothing matches", PullStatus.NO_MATCHED_MSG, none.getPullStatus());
        Expect.equal("the next offset when nothing matches", 6L, none.getNextBeginOffset());
    }

    private static void waits(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.sendReadable(topic, List.of("before"));
        DefaultMQPullConsumer consumer = scene.pull(scene.group());
        consumer.setBrokerSuspendMaxTimeMillis(Expect.WAIT_MS);
        consumer.setConsumerTimeoutMillisWhenSuspend(2 * Expect.WAIT_MS);
        MessageQueue queue = scene.queues(topic).get(0);
        var waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return consumer.pullBlockIfNotFound(queue, "*", 1, 32);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        // The broker may answer an empty pull only after its own timeout, so that this one is held until the send.
        Expect.holds("the pull to be held", !waiting.isDone(), waiting);
        scene.send(topic, List.of("awaited"));
        PullResult result = waiting.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS);
        Expect.equal("the status", PullStatus.FOUND, result.getPullStatus());
        Expect.equal("the awaited message", List.of("awaited"), Scene.bodiesOf(result.getMsgFoundList()));
    }

    private static void subscribed(Scene scene) throws Exception {
        String topic = scene.topic(4);
        DefaultLitePullConsumer consumer = scene.litePull(scene.group());
        consumer.subscribe(topic, "wanted");
        scene.start(consumer);
        var expected = new ArrayList<String>();
        for (int i = 0; i < 16; i++) {
            Message message = Scene.message(topic, "lite-" + i);
            message.setTags(i % 2 == 0 ? "wanted" : "other");
            scene.producer().send(message);
            if (i % 2 == 0) {
                expected.add("lite-" + i);
            }
        }
        Expect.equal("the polled bodies", expected.stream().sorted().toList(), poll(consumer, expected.size()).stream().sorted().toList());
        Expect.equal("the assigned queues", new HashSet<>(scene.queues(topic)), new HashSet<>(consumer.assignment()));
    }

    private static void assigned(Scene scene) throws Exception {
        String topic = scene.topic(2);
        List<MessageQueue> queues = scene.queues(topic);
        for (String body : Scene.bodies("seek", 10)) {
            scene.producer().send(Scene.message(topic, body), queues.get(0));
        }
        DefaultLitePullConsumer consumer = scene.litePull(scene.group());
        consumer.setAutoCommit(false);
        scene.start(consumer);
        consumer.assign(queues);
        MessageQueue queue = queues.get(0);
        expectAfter(consumer, "a seek to offset 6", () -> consumer.seek(queue, 6), Scene.bodies("seek", 10).subList(6, 10));
        expectAfter(consumer, "a seek to the beginning", () -> consumer.seekToBegin(queue), Scene.bodies("seek", 10));
        expectAfter(consumer, "a seek to the end", () -> {
            consumer.seekToEnd(queue);
            scene.producer().send(Scene.message(topic, "last"), queue);
        }, List.of("last"));
        Expect.equal("the offset of the distant past", 0L, consumer.offsetForTimestamp(queue, 0L));
    }

    private static void commits(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.send(topic, Scene.bodies("commit", 6));
        DefaultLitePullConsumer first = scene.litePull(scene.group());
        first.setAutoCommit(false);
        first.setPullBatchSize(3);
        first.subscribe(topic, "*");
        scene.start(first);
        var seen = new ArrayList<String>();
        Expect.eventuallySucceeds("three messages", () -> {
            first.poll(1_000).forEach(message -> seen.addAll(Scene.bodiesOf(List.of(message))));
            Expect.holds("three messages", seen.size() >= 3, seen);
        });
        MessageQueue queue = scene.queues(topic).get(0);
        first.commitSync();
        Expect.equal("the committed offset", (long) seen.size(), first.committed(queue));
        first.shutdown();
        scene.awaitStored(scene.group(), topic, seen.size());
        DefaultLitePullConsumer second = scene.litePull(scene.group());
        second.subscribe(topic, "*");
        scene.start(second);
        scene.send(topic, List.of("last"));
        var expected = new ArrayList<>(Scene.bodies("commit", 6).subList(seen.size(), 6));
        expected.add("last");
        Expect.equal("the bodies after the committed offset", expected, poll(second, expected.size()));
    }

    /**
     * Seeks and polls. Once in a while the client hands over what it had asked for before the seek, or goes on from there
     * and sees nothing more; then the seek is repeated.
     */
    private static void expectAfter(DefaultLitePullConsumer consumer, String what, Expect.Action seek, List<String> bodies) throws Exception {
        Expect.eventually("the bodies after " + what, bodies, () -> {
            seek.run();
            var polled = new ArrayList<MessageExt>();
            // The client's own pause after an empty queue is shorter than this.
            long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (polled.size() < bodies.size() && System.nanoTime() < patience) {
                polled.addAll(consumer.poll(1_000));
            }
            return Scene.bodiesOf(polled);
        });
    }

    /** Polls until this many messages came. */
    static List<String> poll(DefaultLitePullConsumer consumer, int count) throws Exception {
        var polled = new ArrayList<MessageExt>();
        Expect.eventually(count + " polled messages", true, () -> {
            polled.addAll(consumer.poll(1_000));
            return polled.size() >= count;
        });
        return Scene.bodiesOf(polled);
    }
}
