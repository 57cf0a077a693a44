package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import java.util.List;
import org.apache.rocketmq.common.message.MessageExt;

/** What the client notes of each message, in a topic of the broker's region, unless that is the default one. */
final class TraceCases {
    private static final String TOPIC = "rmq_sys_TRACE_DATA_test-region";

    private TraceCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("trace-of-a-message", TraceCases::traced),
            new Case("trace-switched-off", TraceCases::switchedOff));
    }

    private static List<String> notesOf(Scene scene, String id) throws Exception {
        return scene.readAll(TOPIC, 1).stream().filter(message -> (message.getKeys() + " ").contains(id + " "))
            .flatMap(message -> Scene.bodiesOf(List.of(message)).stream()).toList();
    }

    private static void traced(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.impatient());
        var tenant = new Tenant(scene);
        Reception reception = tenant.receive(scene.group(), topic, "*");
        // The client begins at the end of the queue: what it sees first depends on when it asks for that.
        Expect.eventuallySucceeds("a message to arrive", () -> {
            tenant.send(topic, List.of("traced"));
            Expect.holds("a message", !reception.messages().isEmpty(), reception.inbox.bodies());
        });
        String id = reception.messages().get(0).getMsgID();
        for (String kind : List.of("Pub", "SubBefore", "SubAfter")) {
            Expect.eventually("a note " + kind + " of " + id, true,
                () -> notesOf(scene, id).stream().anyMatch(note -> note.contains(kind)));
        }
    }

    private static void switchedOff(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.impatient());
        var tenant = new Tenant(scene);
        var silent = tenant.start(ONSFactory.createProducer(
            tenant.settings(scene.unique("silent"), PropertyKeyConst.MsgTraceSwitch, "false")));
        Message untraced = Tenant.message(topic, "tag", "untraced");
        silent.send(untraced);
        String id = tenant.producer().send(Tenant.message(topic, "tag", "traced")).getMessageId();
        Expect.eventually("a note of the later message", true, () -> !notesOf(scene, id).isEmpty());
        Expect.equal("notes of the earlier one", List.of(), notesOf(scene, untraced.getMsgID()));
        List<MessageExt> stored = scene.readAll(topic, 2);
        Expect.equal("the stored messages", List.of("untraced", "traced"), Scene.bodiesOf(stored));
    }
}
