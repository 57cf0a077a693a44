package bolide.cases;

import com.aliyun.openservices.ons.api.Action;
import com.aliyun.openservices.ons.api.Consumer;
import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.MessageSelector;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import com.aliyun.openservices.ons.api.PropertyValueConst;
import com.aliyun.openservices.ons.api.batch.BatchConsumer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Ordinary consumers: tags, conditions, sharing, broadcasting, and several messages at once. */
final class ConsumeCases {
    private ConsumeCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("consume-clustering", ConsumeCases::clustering),
            new Case("consume-broadcasting", ConsumeCases::broadcasting),
            new Case("consume-batch", ConsumeCases::batch),
            new Case("consume-tags", ConsumeCases::tags),
            new Case("consume-all-tags", ConsumeCases::allTags),
            new Case("consume-sql", ConsumeCases::sql));
    }

    private static void tags(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        Reception reception = tenant.receive(scene.group(), topic, "red || green");
        for (String tag : List.of("red", "blue", "green", "redgreen", "red")) {
            tenant.producer().send(Tenant.message(topic, tag, tag));
        }
        reception.inbox.awaitExactly(List.of("red", "green", "red"));
        Message green = reception.messages("green").get(0);
        Expect.equal("topic, tag and key", List.of(topic, "green", "key-green"), List.of(green.getTopic(), green.getTag(), green.getKey()));
        Expect.equal("how often it came before", 0, green.getReconsumeTimes());
    }

    /** No expression is the same as the star. */
    private static void allTags(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        Reception star = tenant.receive(scene.unique("star"), topic, "*");
        Reception none = tenant.receive(scene.unique("none"), topic, null);
        for (String tag : List.of("red", "blue")) {
            tenant.producer().send(Tenant.message(topic, tag, tag));
        }
        star.inbox.awaitExactly(List.of("red", "blue"));
        none.inbox.awaitExactly(List.of("red", "blue"));
    }

    private static void sql(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        var reception = new Reception();
        Consumer consumer = ONSFactory.createConsumer(tenant.settings(scene.group()));
        consumer.subscribe(topic, MessageSelector.bySql("TAGS IS NOT NULL AND size BETWEEN 3 AND 5"), reception);
        tenant.start(consumer);
        for (int size = 0; size < 8; size++) {
            Message message = Tenant.message(topic, "tag", "size-" + size);
            message.putUserProperties("size", String.valueOf(size));
            tenant.producer().send(message);
        }
        reception.inbox.awaitExactly(List.of("size-3", "size-4", "size-5"));
    }

    private static void clustering(Scene scene) throws Exception {
        String topic = scene.topic(4);
        var tenant = new Tenant(scene);
        // Old group names go on working.
        String group = "CID_" + scene.group();
        Reception first = tenant.receive(group, topic, "*");
        Reception second = tenant.receive(group, topic, "*");
        Division.await(scene, topic, List.of(first.inbox, second.inbox), List.of(2, 2));
        List<String> bodies = Scene.bodies("shared", 20);
        tenant.send(topic, bodies);
        Expect.eventually("each message at exactly one member", bodies.stream().sorted().toList(), () -> {
            var seen = new ArrayList<>(first.inbox.bodies());
            seen.addAll(second.inbox.bodies());
            return seen.stream().filter(body -> body.startsWith("shared")).sorted().toList();
        });
    }

    private static void broadcasting(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        var members = new ArrayList<Reception>();
        for (int i = 0; i < 2; i++) {
            members.add(tenant.receive(scene.group(), topic, "*", PropertyKeyConst.MessageModel, PropertyValueConst.BROADCASTING));
        }
        // A member that fails does not get the message again.
        var failing = new Reception();
        Consumer consumer = ONSFactory.createConsumer(
            tenant.settings(scene.group(), PropertyKeyConst.MessageModel, PropertyValueConst.BROADCASTING));
        consumer.subscribe(topic, "*", (message, context) -> {
            failing.add(message);
            return Action.ReconsumeLater;
        });
        tenant.start(consumer);
        members.add(failing);
        List<String> bodies = Scene.bodies("all", 8);
        // A broadcasting consumer begins at the end of the queues: what it sees first depends on when it asks for that.
        for (Reception member : members) {
            Expect.eventuallySucceeds("each member to be there", () -> {
                tenant.send(topic, List.of("there?"));
                Expect.holds("a message", !member.inbox.bodies().isEmpty(), member.inbox.bodies());
            });
        }
        tenant.send(topic, bodies);
        for (Reception member : members) {
            member.inbox.awaitAll(bodies);
            Expect.equal("each once", bodies, member.inbox.bodies().stream().filter(bodies::contains).sorted().toList());
        }
    }

    private static void batch(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        List<String> bodies = Scene.bodies("batch", 40);
        tenant.send(topic, bodies);
        scene.readAll(topic, bodies.size());
        var reception = new Reception();
        var sizes = new CopyOnWriteArrayList<Integer>();
        BatchConsumer consumer = ONSFactory.createBatchConsumer(
            tenant.settings(scene.group(), PropertyKeyConst.ConsumeMessageBatchMaxSize, "8"));
        consumer.subscribe(topic, "*", (messages, context) -> {
            sizes.add(messages.size());
            messages.forEach(reception::add);
            return Action.CommitMessage;
        });
        tenant.start(consumer);
        reception.inbox.awaitExactly(bodies);
        Expect.holds("no more than 8 at once, and more than one", sizes.stream().allMatch(size -> size <= 8)
            && sizes.stream().anyMatch(size -> size > 1), sizes);
    }
}
