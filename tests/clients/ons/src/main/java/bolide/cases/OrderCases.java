package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import com.aliyun.openservices.ons.api.order.MessageOrderListener;
import com.aliyun.openservices.ons.api.order.OrderAction;
import com.aliyun.openservices.ons.api.order.OrderConsumer;
import com.aliyun.openservices.ons.api.order.OrderProducer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.common.MixAll;

/** Messages with a sharding key: those of one key stay in order, whoever consumes them. */
final class OrderCases {
    private OrderCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("order-while-consumers-come-and-go", OrderCases::comeAndGo),
            new Case("order-ends-in-dead-letters", OrderCases::deadLetters),
            new Case("order-suspended", OrderCases::suspended));
    }

    private static OrderProducer producer(Scene scene, Tenant tenant) {
        return tenant.start(ONSFactory.createOrderProducer(tenant.settings(scene.unique("producer"))));
    }

    private static OrderConsumer consumer(Scene scene, Tenant tenant, String topic, MessageOrderListener listener, String... further) {
        OrderConsumer consumer = ONSFactory.createOrderedConsumer(tenant.settings(scene.group(), further));
        consumer.subscribe(topic, "*", listener);
        return tenant.start(consumer);
    }

    private static OrderAction succeed(Reception reception, Message message) {
        reception.add(message);
        return OrderAction.Success;
    }

    private static void comeAndGo(Scene scene) throws Exception {
        String topic = scene.topic(4);
        var tenant = new Tenant(scene);
        OrderProducer producer = producer(scene, tenant);
        var reception = new Reception();
        consumer(scene, tenant, topic, (message, context) -> succeed(reception, message));
        int step = sendSteps(producer, topic, 0, reception);
        OrderConsumer second = consumer(scene, tenant, topic, (message, context) -> succeed(reception, message));
        step = sendSteps(producer, topic, step, reception);
        second.shutdown();
        step = sendSteps(producer, topic, step, reception);
        Map<String, List<String>> expected = new TreeMap<>();
        for (int i = 0; i < step; i++) {
            expected.computeIfAbsent(key(i), key -> new ArrayList<>()).add("step-" + i);
        }
        Map<String, List<String>> seen = new TreeMap<>();
        // A queue that moves between the consumers may repeat its last messages; the first time of each is what counts.
        for (Message message : reception.messages()) {
            List<String> steps = seen.computeIfAbsent(message.getShardingKey(), key -> new ArrayList<>());
            if (!steps.contains(Reception.body(message))) {
                steps.add(Reception.body(message));
            }
        }
        Expect.equal("the order of each key", expected, seen);
    }

    private static String key(int step) {
        return "order-" + step % 5;
    }

    /** Sends some more steps, and waits until all were received. */
    private static int sendSteps(OrderProducer producer, String topic, int from, Reception reception) throws Exception {
        int to = from + 30;
        for (int i = from; i < to; i++) {
            producer.send(Tenant.message(topic, "tag", "step-" + i), key(i));
        }
        reception.inbox.awaitAll(Scene.bodies("step", to));
        return to;
    }

    /** While a message is not done, the next of its queue waits, and other queues go on. */
    private static void suspended(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        OrderProducer producer = producer(scene, tenant);
        // Keys of which one goes to each queue: the client takes the remainder of the key's hash.
        for (String body : List.of("held", "behind")) {
            producer.send(Tenant.message(topic, "tag", body), "a");
        }
        producer.send(Tenant.message(topic, "tag", "beside"), "b");
        var reception = new Reception();
        consumer(scene, tenant, topic, (message, context) -> {
            reception.add(message);
            boolean firstTimes = Reception.body(message).equals("held") && reception.messages("held").size() < 3;
            return firstTimes ? OrderAction.Suspend : OrderAction.Success;
        }, PropertyKeyConst.SuspendTimeMillis, "300");
        reception.inbox.awaitAll(List.of("held", "behind", "beside"));
        Expect.equal("the order of the queue", List.of("held", "held", "held", "behind"),
            reception.inbox.bodies().stream().filter(body -> !body.equals("beside")).toList());
        Expect.equal("how often it came before", List.of(0, 1, 2), reception.messages("held").stream().map(Message::getReconsumeTimes).toList());
        reception.inbox.awaitExactly(List.of("held", "held", "held", "behind", "beside"));
    }

    private static void deadLetters(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        OrderProducer producer = producer(scene, tenant);
        for (String body : List.of("hopeless", "behind")) {
            producer.send(Tenant.message(topic, "tag", body), "a");
        }
        var reception = new Reception();
        consumer(scene, tenant, topic, (message, context) -> {
            reception.add(message);
            return Reception.body(message).equals("hopeless") ? OrderAction.Suspend : OrderAction.Success;
        }, PropertyKeyConst.SuspendTimeMillis, "200", PropertyKeyConst.MaxReconsumeTimes, "1");
        reception.inbox.awaitAll(List.of("behind"));
        Expect.equal("the dead letters", List.of("hopeless"), Scene.bodiesOf(scene.readAll(MixAll.getDLQTopic(scene.group()), 1)));
    }
}
