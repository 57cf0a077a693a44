package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.exception.ONSClientException;
import java.util.List;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages with a time of delivery. */
final class DelayCases {
    private static final long DAY_MS = 86_400_000;

    private DelayCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("delay-not-early", DelayCases::notEarly),
            new Case("delay-into-the-past", DelayCases::past),
            new Case("delay-of-forty-days", DelayCases::far));
    }

    private static Message at(String topic, String body, long deliverMs) {
        Message message = Tenant.message(topic, "tag", body);
        message.setStartDeliverTime(deliverMs);
        return message;
    }

    private static void notEarly(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        Reception reception = tenant.receive(scene.group(), topic, "*");
        long now = System.currentTimeMillis();
        var due = new TreeMap<String, Long>();
        for (long afterMs : new long[] {1_000, 1_700, 3_300}) {
            String body = "after-" + afterMs;
            due.put(body, now + afterMs);
            tenant.producer().send(at(topic, body, now + afterMs));
        }
        reception.inbox.awaitExactly(due.keySet());
        for (MessageExt stored : scene.readAll(topic, due.size())) {
            String body = Scene.bodiesOf(List.of(stored)).get(0);
            long earlyMs = due.get(body) - stored.getStoreTimestamp();
            Expect.holds(body + " not to come early", earlyMs <= 0, earlyMs + " ms early");
            Message received = reception.messages(body).get(0);
            Expect.equal("the time that was asked for", due.get(body), (Long) received.getStartDeliverTime());
            Expect.equal("tag and key", List.of("tag", "key-" + body), List.of(received.getTag(), received.getKey()));
        }
    }

    private static void past(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        tenant.producer().send(at(topic, "long ago", 1_000));
        tenant.producer().send(at(topic, "just now", System.currentTimeMillis() - 1));
        tenant.receive(scene.group(), topic, "*").inbox.awaitExactly(List.of("long ago", "just now"));
    }

    private static void far(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        long now = System.currentTimeMillis();
        var waiting = tenant.producer().send(at(topic, "waiting", now + 40 * DAY_MS - 3_600_000));
        Expect.eventually("the waiting message found by its id", List.of("waiting"),
            () -> Scene.bodiesOf(List.of(scene.producer().viewMessage(topic, waiting.getMessageId()))));
        Expect.refusal("more than 40 days", ONSClientException.class, () -> tenant.producer().send(at(topic, "never", now + 41 * DAY_MS)));
        tenant.producer().send(Tenant.message(topic, "tag", "now"));
        tenant.receive(scene.group(), topic, "*").inbox.awaitExactly(List.of("now"));
    }
}
