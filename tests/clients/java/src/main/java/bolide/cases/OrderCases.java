package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** Orderly consumers that fail: nothing overtakes a message that is tried again, and only the group's limit ends that. */
final class OrderCases {
    private OrderCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("order-suspended", OrderCases::suspended),
            new Case("order-ends-in-dead-letters", OrderCases::deadLetters),
            Case.needingRestarts("order-kept-over-a-broker-restart", OrderCases::restarted));
    }

    /** Starts an orderly consumer that fails with this message until it has seen so many in all. */
    private static Inbox failing(Scene scene, DefaultMQPushConsumer consumer, String body, int until) throws Exception {
        var inbox = new Inbox();
        consumer.setSuspendCurrentQueueTimeMillis(100);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            messages.forEach(message -> inbox.add(Received.of(message)));
            boolean fails = Scene.bodiesOf(messages).contains(body) && inbox.all().size() < until;
            return fails ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
        return inbox;
    }

    private static void suspended(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.send(topic, List.of("held", "behind"));
        Inbox inbox = failing(scene, scene.push(scene.group(), topic, "*"), "held", 3);
        inbox.awaitInOrder(List.of("held", "held", "held", "behind"));
        scene.awaitStored(scene.group(), topic, 2);
    }

    private static void deadLetters(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        scene.send(topic, List.of("hopeless", "behind"));
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        consumer.setMaxReconsumeTimes(1);
        Inbox inbox = failing(scene, consumer, "hopeless", Integer.MAX_VALUE);
        inbox.awaitInOrder(List.of("hopeless", "hopeless", "behind"));
        MessageExt dead = scene.readAll("%DLQ%" + group, 1).get(0);
        Expect.equal("the dead letter", "hopeless", new String(dead.getBody()));
        Expect.equal("where it came from", topic, dead.getProperty("RETRY_TOPIC"));
        scene.awaitStored(group, topic, 2);
    }

    /** Two members share the queues while the broker goes and comes back; whoever has a queue goes on in its order. */
    private static void restarted(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String topic = scene.createTopic(scene.unique("topic"), 2, scene.servers.restartable());
            var inbox = new Inbox();
            for (int member = 0; member < 2; member++) {
                DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
                consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                    messages.forEach(message -> inbox.add(Received.of(message)));
                    return ConsumeOrderlyStatus.SUCCESS;
                });
                consumer.start();
                scene.closing(consumer::shutdown);
            }
            List<String> sent = Scene.bodies("step", 20);
            for (String body : sent.subList(0, 10)) {
                sendByKey(scene, topic, body);
            }
            inbox.awaitAll(sent.subList(0, 10));
            scene.restartBroker(topic);
            for (String body : sent.subList(10, 20)) {
                Expect.eventuallySucceeds("the send of " + body, () -> sendByKey(scene, topic, body));
            }
            inbox.awaitAll(sent);
            for (int key = 0; key < 2; key++) {
                int queue = key;
                // What was being consumed when the broker went comes again; the first time of each is what counts.
                Expect.equal("the order of queue " + queue, sent.stream().filter(body -> key(body) == queue).toList(),
                    inbox.all().stream().filter(one -> one.queueId() == queue).map(Received::body).distinct().toList());
            }
        });
    }

    /** The sharding key of a body: each key has a queue. */
    private static int key(String body) {
        return Integer.parseInt(body.substring(body.indexOf('-') + 1)) % 2;
    }

    private static void sendByKey(Scene scene, String topic, String body) throws Exception {
        scene.producer().send(Scene.message(topic, body), (queues, message, key) -> queues.get((int) key), key(body));
    }
}
