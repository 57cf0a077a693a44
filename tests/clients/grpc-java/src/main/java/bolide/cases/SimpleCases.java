package bolide.cases;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.common.MixAll;

/** Consumers that ask for each message, and say themselves when they are done with it. */
final class SimpleCases {
    /** The shortest time that servers let a message be invisible from the start. */
    private static final Duration SHORTEST = Duration.ofSeconds(10);
    private static final Duration LONG = Duration.ofSeconds(60);
    /** The shortest time that servers wait for messages. */
    private static final Duration WAIT = Duration.ofSeconds(5);

    private SimpleCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("simple-redelivery", SimpleCases::redelivery),
            new Case("simple-change-invisible-duration", SimpleCases::changeInvisibleDuration),
            new Case("simple-dead-letter", SimpleCases::deadLetter),
            new Case("simple-fifo", SimpleCases::fifo),
            new Case("simple-receive-and-ack", SimpleCases::receiveAndAck),
            new Case("simple-async", SimpleCases::async));
    }

    private static List<String> bodies(List<MessageView> messages) {
        return messages.stream().map(Received::bodyOf).sorted().toList();
    }

    private static void receiveAndAck(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        SimpleConsumer consumer = scene.simple(scene.group(), topic, WAIT);
        List<String> bodies = Scene.bodies("simple", 10);
        scene.send(topic, bodies);
        List<MessageView> received = Scene.receive(consumer, 10, LONG);
        Expect.equal("the received bodies", bodies, bodies(received));
        for (MessageView message : received) {
            Expect.equal("the attempt", 1, message.getDeliveryAttempt());
            consumer.ack(message);
        }
        Expect.equal("what is left", List.of(), bodies(consumer.receive(10, LONG)));
    }

    private static void async(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        SimpleConsumer consumer = scene.simple(scene.group(), topic, Duration.ofSeconds(20));
        var pending = consumer.receiveAsync(1, LONG);
        // It waits at the server for this.
        scene.send(topic, List.of("async"));
        List<MessageView> received = new ArrayList<>(pending.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS));
        if (received.isEmpty()) {
            received.addAll(Scene.receive(consumer, 1, LONG));
        }
        Expect.equal("the received bodies", List.of("async"), bodies(received));
        consumer.changeInvisibleDurationAsync(received.get(0), LONG).get(Expect.WAIT_MS, TimeUnit.MILLISECONDS);
        consumer.ackAsync(received.get(0)).get(Expect.WAIT_MS, TimeUnit.MILLISECONDS);
    }

    private static void redelivery(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        SimpleConsumer consumer = scene.simple(scene.group(), topic, WAIT);
        scene.send(topic, List.of("done", "forgotten"));
        List<MessageView> first = Scene.receive(consumer, 2, SHORTEST);
        long receivedMs = System.currentTimeMillis();
        Expect.equal("the received bodies", List.of("done", "forgotten"), bodies(first));
        for (MessageView message : first) {
            if (Received.bodyOf(message).equals("done")) {
                consumer.ack(message);
            }
        }
        List<MessageView> again = Scene.receive(consumer, 1, LONG);
        long waitedMs = System.currentTimeMillis() - receivedMs;
        Expect.equal("what came again", List.of("forgotten"), bodies(again));
        Expect.equal("the attempt", 2, again.get(0).getDeliveryAttempt());
        Expect.holds("10 s in between", waitedMs > 9_000, waitedMs);
        MessageView expired = first.stream().filter(message -> Received.bodyOf(message).equals("forgotten")).findFirst().orElseThrow();
        Expect.equal("the id", expired.getMessageId().toString(), again.get(0).getMessageId().toString());
        RefusalCases.refused("the ack of an expired handle", "BadRequestException", 40013, () -> consumer.ack(expired));
        consumer.ack(again.get(0));
        Expect.equal("what is left", List.of(), bodies(consumer.receive(2, LONG)));
    }

    private static void changeInvisibleDuration(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        SimpleConsumer consumer = scene.simple(scene.group(), topic, WAIT);
        scene.send(topic, List.of("longer", "shorter"));
        List<MessageView> first = Scene.receive(consumer, 2, SHORTEST);
        long receivedMs = System.currentTimeMillis();
        MessageView longer = first.stream().filter(message -> Received.bodyOf(message).equals("longer")).findFirst().orElseThrow();
        MessageView shorter = first.stream().filter(message -> Received.bodyOf(message).equals("shorter")).findFirst().orElseThrow();
        consumer.changeInvisibleDuration(longer, LONG);
        consumer.changeInvisibleDuration(shorter, Duration.ofSeconds(2));
        List<MessageView> again = Scene.receive(consumer, 1, LONG);
        Expect.equal("what came again", List.of("shorter"), bodies(again));
        Expect.equal("the attempt", 2, again.get(0).getDeliveryAttempt());
        consumer.ack(again.get(0));
        // The other one would have come again after 10 s.
        while (System.currentTimeMillis() < receivedMs + 13_000) {
            Expect.equal("what came before its time", List.of(), bodies(consumer.receive(1, LONG)));
        }
        consumer.ack(longer);
    }

    private static void deadLetter(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        String group = scene.group(false, 1);
        SimpleConsumer consumer = scene.simple(group, topic, WAIT);
        scene.send(topic, List.of("hopeless"));
        for (int attempt = 1; attempt <= 2; attempt++) {
            MessageView message = Scene.receive(consumer, 1, LONG).get(0);
            Expect.equal("the attempt", attempt, message.getDeliveryAttempt());
            consumer.changeInvisibleDuration(message, Duration.ofSeconds(1));
        }
        Expect.equal("what is received beyond the last attempt", List.of(), bodies(consumer.receive(1, LONG)));
        var dead = scene.stored(MixAll.getDLQTopic(group), 1);
        Expect.equal("the dead letter", "hopeless", new String(dead.get(0).getBody()));
    }

    /** A message of a group is not handed out while the one before it is being worked on. */
    private static void fifo(Scene scene) throws Exception {
        String topic = scene.topic("FIFO");
        SimpleConsumer consumer = scene.simple(scene.group(true, Scene.RETRIES), topic, WAIT);
        for (String body : List.of("first", "second")) {
            scene.producer().send(Scene.message(topic, body).setMessageGroup("orders").build());
        }
        MessageView first = Scene.receive(consumer, 1, LONG).get(0);
        Expect.equal("the first body", "first", Received.bodyOf(first));
        Expect.equal("the message group", "orders", first.getMessageGroup().orElse(null));
        Expect.equal("what comes before the first is done", List.of(), bodies(consumer.receive(1, LONG)));
        consumer.ack(first);
        MessageView second = Scene.receive(consumer, 1, LONG).get(0);
        Expect.equal("the second body", "second", Received.bodyOf(second));
        consumer.ack(second);
    }
}
