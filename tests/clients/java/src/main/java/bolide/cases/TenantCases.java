package bolide.cases;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What users of a shared cluster set: namespaces, traces, the queues of an ordered topic, offsets of their own. */
final class TenantCases {
    private static final String TRACES = "RMQ_SYS_TRACE_TOPIC";

    private TenantCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("namespace", TenantCases::namespace),
            new Case("broadcasting-goes-on-where-it-was", TenantCases::broadcasting),
            new Case("trace-topic", TenantCases::traced),
            new Case("trace-topic-of-ones-own", TenantCases::tracedElsewhere),
            new Case("ordered-topic-has-the-configured-queues", TenantCases::orderConfiguration));
    }

    /** The client puts the namespace before the names of topics and groups, and takes it off what it hands over. */
    private static void namespace(Scene scene) throws Exception {
        String space = scene.unique("space");
        String stored = scene.createTopic(space + "%orders", 2, scene.servers.broker());
        DefaultMQPushConsumer consumer = scene.configure(new DefaultMQPushConsumer("readers"));
        consumer.setNamespace(space);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe("orders", "*");
        Inbox inbox = scene.start(consumer);
        DefaultMQProducer producer = scene.newProducer();
        producer.setNamespace(space);
        scene.start(producer);
        producer.send(Scene.message("orders", "mine"));
        inbox.awaitExactly(List.of("mine"));
        Expect.equal("the topic of the received message", "orders", inbox.all().get(0).message().getTopic());
        Expect.equal("what the broker's topic holds", List.of("mine"), Scene.bodiesOf(scene.readAll(stored, 1)));
        scene.awaitDone(consumer, stored, 1);
        consumer.shutdown();
        scene.awaitStored(space + "%readers", stored, 1);
    }

    /** Each member of such a group keeps its offsets itself, under its own name. */
    private static void broadcasting(Scene scene) throws Exception {
        String topic = scene.topic(2);
        DefaultMQPushConsumer first = scene.push(scene.group(), topic, "*");
        String name = first.getInstanceName();
        Dialect.broadcasting(first);
        Inbox before = scene.start(first);
        scene.send(topic, Scene.bodies("before", 4));
        before.awaitExactly(Scene.bodies("before", 4));
        scene.awaitDone(first, topic, 4);
        first.shutdown();
        scene.send(topic, Scene.bodies("between", 4));
        DefaultMQPushConsumer again = scene.push(scene.group(), topic, "*");
        again.setInstanceName(name);
        Dialect.broadcasting(again);
        Inbox after = scene.start(again);
        after.awaitExactly(Scene.bodies("between", 4));
    }

    private static void traced(Scene scene) throws Exception {
        var producer = scene.configure(new DefaultMQProducer(scene.unique("producer"), true, null));
        var consumer = scene.configure(new DefaultMQPushConsumer(scene.group(), true, null));
        expectTraces(scene, producer, consumer, TRACES);
    }

    private static void tracedElsewhere(Scene scene) throws Exception {
        String traces = scene.createTopic(scene.unique("traces"), 1, scene.servers.broker());
        var producer = scene.configure(new DefaultMQProducer(scene.unique("producer"), true, traces));
        var consumer = scene.configure(new DefaultMQPushConsumer(scene.group(), true, traces));
        expectTraces(scene, producer, consumer, traces);
    }

    private static void expectTraces(Scene scene, DefaultMQProducer producer, DefaultMQPushConsumer consumer, String traces) throws Exception {
        String topic = scene.topic(1);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = scene.start(consumer);
        producer.setSendMsgTimeout(Expect.CALL_MS);
        scene.start(producer);
        Message message = Scene.message(topic, "traced");
        message.setKeys("key-of-" + scene.unique("message"));
        SendResult sent = producer.send(message);
        inbox.awaitExactly(List.of("traced"));
        for (String kind : List.of("Pub", "SubBefore", "SubAfter")) {
            Expect.eventually("a note " + kind + " of " + sent.getMsgId(), true, () -> scene.readAll(traces, 1).stream()
                .filter(note -> note.getKeys() != null && note.getKeys().contains(sent.getMsgId()))
                .flatMap(note -> Scene.bodiesOf(List.of(note)).stream()).anyMatch(note -> note.contains(kind)));
        }
        // A note is found by the key of the message too.
        Expect.eventually("a note by key", true, () -> !producer.queryMessage(traces, message.getKeys(), 8, 0, Long.MAX_VALUE).getMessageList().isEmpty());
    }

    /** The name server's order configuration says which queues an ordered topic has, whatever its brokers offer. */
    private static void orderConfiguration(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 4, scene.servers.cluster().toArray(String[]::new));
        String broker = scene.servers.broker();
        scene.servers.admin.createOrUpdateOrderConf(topic, broker + ":2", true);
        Expect.eventually("the configuration in the route", broker + ":2",
            () -> scene.servers.admin.examineTopicRouteInfo(topic).getOrderTopicConf());
        List<MessageQueue> queues = scene.producer().fetchPublishMessageQueues(topic);
        Expect.equal("the queues for a producer", Set.of(new MessageQueue(topic, broker, 0), new MessageQueue(topic, broker, 1)), Set.copyOf(queues));
        scene.send(topic, Scene.bodies("ordered", 8));
        List<MessageExt> stored = scene.readAll(topic, 8);
        Expect.equal("the queues that were used", Set.of(broker + "/0", broker + "/1"),
            stored.stream().map(one -> Received.of(one).queue()).collect(Collectors.toSet()));
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        inbox.awaitExactly(Scene.bodies("ordered", 8));
    }
}
