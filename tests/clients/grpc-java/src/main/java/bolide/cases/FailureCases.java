package bolide.cases;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;

/** Brokers that go away, for a moment or for good. */
final class FailureCases {
    private static final Duration WAIT = Duration.ofSeconds(5);
    /** Long enough for a server that forgot what it had handed out to hand it out again. */
    private static final long WATCHED_MS = 15_000;

    private FailureCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("restart-with-messages-in-process", FailureCases::inProcess, Case.Need.DURABLE_HANDLES),
            new Case("restart", FailureCases::restart, Case.Need.RESTARTS),
            new Case("one-of-two-brokers-dies", FailureCases::oneOfTwo, Case.Need.PAIR));
    }

    /** All clients of before go on after. */
    private static void restart(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String topic = scene.topic("NORMAL", 2);
            Inbox inbox = scene.push(scene.group(), topic);
            scene.send(topic, List.of("before"));
            inbox.awaitAll(List.of("before"));
            scene.runner.restart(scene.broker());
            Expect.eventuallySucceeds("sending after the restart", () -> scene.send(topic, List.of("after")));
            inbox.awaitAll(List.of("after"));
        });
    }

    /** What was handed out before a restart is still handed out after it: nobody else gets it, and its old handle acknowledges. */
    private static void inProcess(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String pushed = scene.topic("NORMAL");
            var done = new CountDownLatch(1);
            Inbox inbox = scene.push(scene.group(), pushed, message -> {
                try {
                    done.await(Expect.WAIT_MS, TimeUnit.MILLISECONDS);
                } catch (InterruptedException e) {
                    return ConsumeResult.FAILURE;
                }
                return ConsumeResult.SUCCESS;
            });
            String received = scene.unique("received");
            String group = scene.unique("receivers");
            scene.servers.createTopic(received, "NORMAL", 1, scene.broker());
            scene.servers.createGroup(group, false, Scene.RETRIES, 1_000, scene.broker());
            SimpleConsumer consumer = scene.simple(group, received, WAIT);
            scene.send(pushed, List.of("pushed"));
            scene.send(received, List.of("received"));
            inbox.awaitExactly(List.of("pushed"));
            MessageView handle = Scene.receive(consumer, 1, Duration.ofSeconds(20)).get(0);
            long receivedMs = System.currentTimeMillis();
            scene.runner.restart(scene.broker());
            long restartedMs = System.currentTimeMillis();
            Expect.eventuallySucceeds("the ack with the old handle", () -> consumer.ack(handle));
            var again = new ArrayList<String>();
            Expect.eventually("the time to pass", true, () -> {
                consumer.receive(1, Duration.ofSeconds(20)).forEach(message -> again.add(Received.bodyOf(message)));
                return System.currentTimeMillis() > Math.max(receivedMs + 21_000, restartedMs + WATCHED_MS);
            });
            Expect.equal("what came again although it was acknowledged", List.of(), again);
            Expect.equal("what was pushed", List.of("pushed"), inbox.bodies());
            done.countDown();
            scene.send(pushed, List.of("next"));
            inbox.awaitExactly(List.of("pushed", "next"));
        });
    }

    private static void oneOfTwo(Scene scene) throws Exception {
        List<String> pair = scene.options.pair();
        String topic = scene.unique("topic");
        String group = scene.unique("group");
        scene.servers.createTopic(topic, "NORMAL", 2, pair.toArray(String[]::new));
        scene.servers.createGroup(group, false, Scene.RETRIES, 1_000, pair.toArray(String[]::new));
        var configuration = Scene.configuration(scene.servers.endpoint(pair.get(0)) + ";" + scene.servers.endpoint(pair.get(1)), false);
        Inbox inbox = scene.push(configuration, group, topic, FilterExpression.SUB_ALL, message -> ConsumeResult.SUCCESS);
        var producer = scene.closing(Scene.CLIENTS.newProducerBuilder().setClientConfiguration(configuration).setTopics(topic).build());
        List<String> before = Scene.bodies("before", 8);
        for (String body : before) {
            producer.send(Scene.message(topic, body).build());
        }
        inbox.awaitExactly(before);
        for (String broker : pair) {
            Expect.holds("messages on " + broker, !scene.storedOn(topic, broker).isEmpty(), "none");
        }
        scene.runner.kill(pair.get(0));
        List<String> after = Scene.bodies("after", 20);
        for (String body : after) {
            Expect.eventuallySucceeds("sending " + body, () -> producer.send(Scene.message(topic, body).build()));
        }
        inbox.awaitAll(after);
    }
}
