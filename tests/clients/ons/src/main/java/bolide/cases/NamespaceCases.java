package bolide.cases;

import com.aliyun.openservices.ons.api.Action;
import com.aliyun.openservices.ons.api.Consumer;
import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import java.util.List;
import java.util.Set;
import org.apache.rocketmq.common.MixAll;

/** Instances with a namespace of their own: the client puts it before the names of topics and groups. */
final class NamespaceCases {
    private NamespaceCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("namespace-dead-letters", NamespaceCases::deadLetters),
            new Case("namespace-by-endpoint", NamespaceCases::byEndpoint),
            new Case("namespace-by-setting", NamespaceCases::bySetting));
    }

    private static String within(Scene scene, String instance, String topic) throws Exception {
        return scene.createTopic(instance + "%" + topic, 2, scene.servers.broker());
    }

    /** Two tenants have topics and groups of the same names. */
    private static void byEndpoint(Scene scene) throws Exception {
        String topic = scene.unique("topic");
        String group = scene.group();
        for (String instance : List.of(Endpoint.FIRST_INSTANCE, Endpoint.SECOND_INSTANCE)) {
            String stored = within(scene, instance, topic);
            var tenant = new Tenant(scene, Endpoint.of(instance, scene.options));
            Reception reception = tenant.receive(group, topic, "*");
            List<String> bodies = List.of("one for " + instance, "two for " + instance);
            tenant.send(topic, bodies);
            reception.inbox.awaitExactly(bodies);
            Expect.equal("the topic of a received message", topic, reception.messages().get(0).getTopic());
            Expect.equal("what the broker's topic holds", Set.copyOf(bodies), Set.copyOf(Scene.bodiesOf(scene.readAll(stored, 2))));
        }
    }

    private static void bySetting(Scene scene) throws Exception {
        String topic = scene.unique("topic");
        String stored = within(scene, Endpoint.FIRST_INSTANCE, topic);
        var tenant = new Tenant(scene);
        var reception = new Reception();
        String[] instance = {PropertyKeyConst.INSTANCE_ID, Endpoint.FIRST_INSTANCE};
        Consumer consumer = ONSFactory.createConsumer(tenant.settings(scene.group(), instance));
        consumer.subscribe(topic, "*", reception);
        tenant.start(consumer);
        var producer = tenant.start(ONSFactory.createProducer(tenant.settings(scene.unique("producer"), instance)));
        producer.send(Tenant.message(topic, "tag", "mine"));
        reception.inbox.awaitExactly(List.of("mine"));
        Expect.equal("what the broker's topic holds", List.of("mine"), Scene.bodiesOf(scene.readAll(stored, 1)));
        scene.awaitStored(Endpoint.FIRST_INSTANCE + "%" + scene.group(), stored, 1);
    }

    private static void deadLetters(Scene scene) throws Exception {
        String topic = scene.unique("topic");
        within(scene, Endpoint.FIRST_INSTANCE, topic);
        var tenant = new Tenant(scene, Endpoint.of(Endpoint.FIRST_INSTANCE, scene.options));
        var attempts = new Reception();
        Consumer consumer = ONSFactory.createConsumer(tenant.settings(scene.group(), PropertyKeyConst.MaxReconsumeTimes, "1"));
        consumer.subscribe(topic, "*", (message, context) -> {
            attempts.add(message);
            return Action.ReconsumeLater;
        });
        tenant.start(consumer);
        tenant.send(topic, List.of("hopeless"));
        attempts.inbox.await("two attempts", seen -> seen.size() >= 2);
        Expect.equal("the topic of the second attempt", topic, attempts.messages().get(1).getTopic());
        Expect.equal("the attempts", List.of(0, 1), attempts.messages().stream().map(Message::getReconsumeTimes).toList());
        String dead = MixAll.getDLQTopic(Endpoint.FIRST_INSTANCE + "%" + scene.group());
        Expect.equal("the dead letters", List.of("hopeless"), Scene.bodiesOf(scene.readAll(dead, 1)));
    }
}
