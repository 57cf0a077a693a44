package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.OnExceptionContext;
import com.aliyun.openservices.ons.api.SendCallback;
import com.aliyun.openservices.ons.api.SendResult;
import com.aliyun.openservices.ons.api.exception.ONSClientException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.rocketmq.common.message.MessageExt;

/** The three ways to send an ordinary message, and what the topic then holds. */
final class SendCases {
    private SendCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("send-sync", SendCases::sync),
            new Case("send-async", SendCases::async),
            new Case("send-oneway", SendCases::oneway),
            new Case("send-too-much", SendCases::tooMuch));
    }

    private static void sync(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Message message = Tenant.message(topic, "标签", "Grüße, 世界");
        message.putUserProperties("имя", "значение \"quoted\" \\ and 🎉");
        SendResult result = new Tenant(scene).producer().send(message);
        Expect.equal("the topic of the answer", topic, result.getTopic());
        Expect.holds("an id", result.getMessageId() != null && !result.getMessageId().isEmpty(), result);
        var seen = new MessageExt[1];
        Expect.eventuallySucceeds("the message found by its id", () -> seen[0] = scene.producer().viewMessage(topic, result.getMessageId()));
        Expect.equal("the body", List.of("Grüße, 世界"), Scene.bodiesOf(List.of(seen[0])));
        Expect.equal("the tag", "标签", seen[0].getTags());
        Expect.equal("the key", "key-Grüße, 世界", seen[0].getKeys());
        Expect.equal("the property", "значение \"quoted\" \\ and 🎉", seen[0].getUserProperty("имя"));
        Expect.equal("the stored bodies", List.of("Grüße, 世界"), Scene.bodiesOf(scene.readAll(topic, 1)));
    }

    private static void async(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Map<String, String> ids = new ConcurrentHashMap<>();
        var failures = new ConcurrentLinkedQueue<Throwable>();
        List<String> bodies = Scene.bodies("async", 20);
        var tenant = new Tenant(scene);
        for (String body : bodies) {
            tenant.producer().sendAsync(Tenant.message(topic, "tag", body), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    if (ids.put(result.getMessageId(), body) != null) {
                        failures.add(new IllegalStateException("a second answer for " + body));
                    }
                }

                @Override
                public void onException(OnExceptionContext context) {
                    failures.add(context.getException());
                }
            });
        }
        Expect.eventually("the number of answers", bodies.size(), () -> ids.size() + failures.size());
        Expect.equal("the failures", List.of(), List.copyOf(failures));
        for (MessageExt stored : scene.readAll(topic, bodies.size())) {
            Expect.equal("the body with id " + stored.getMsgId(), List.of(ids.get(stored.getMsgId())), Scene.bodiesOf(List.of(stored)));
        }
    }

    private static void oneway(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        List<String> bodies = Scene.bodies("oneway", 12);
        bodies.forEach(body -> tenant.producer().sendOneway(Tenant.message(topic, "tag", body)));
        Expect.eventually("the stored bodies", bodies.stream().sorted().toList(),
            () -> Scene.bodiesOf(scene.readAll(topic, bodies.size())).stream().sorted().toList());
    }

    /** The client looks at the size of bodies; that of properties is left to the broker. */
    private static void tooMuch(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        var large = new Message(topic, "tag", new byte[4 * 1024 * 1024 + 1]);
        Expect.refusal("a body of more than 4 MiB", ONSClientException.class, () -> tenant.producer().send(large));
        Message wordy = Tenant.message(topic, "tag", "wordy");
        wordy.putUserProperties("words", "x".repeat(32_768));
        Expect.refusal("properties of more than 32,767 bytes", ONSClientException.class, () -> tenant.producer().send(wordy));
        tenant.send(topic, List.of("the connection goes on"));
        Expect.equal("the stored bodies", List.of("the connection goes on"), Scene.bodiesOf(scene.readAll(topic, 1)));
    }
}
