package bolide.cases;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;

/** Messages with a delivery time of their own, asked for by the properties that users of every client set. */
final class TimerCases {
    private TimerCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("timer-by-property", TimerCases::byProperty),
            new Case("timer-past", TimerCases::past),
            new Case("timer-refused", TimerCases::refused),
            new Case("timer-found-before-delivery", TimerCases::found));
    }

    private static void byProperty(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        var due = new TreeMap<String, Long>();
        for (String name : List.of("TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME")) {
            long now = System.currentTimeMillis();
            long deliver = name.equals("TIMER_DELAY_SEC") ? now + 2_000 : now + 1_700;
            String value = switch (name) {
                case "TIMER_DELAY_SEC" -> "2";
                case "TIMER_DELAY_MS" -> "1700";
                default -> String.valueOf(deliver);
            };
            scene.producer().send(timed(topic, name, name, value));
            due.put(name, deliver);
        }
        awaitNotEarly(inbox, due);
        for (Received one : inbox.all()) {
            Expect.equal("the remains of the detour", null, one.message().getProperty("REAL_TOPIC"));
        }
    }

    /** Waits for these bodies, none of which may have been stored on its topic before its time. */
    static void awaitNotEarly(Inbox inbox, Map<String, Long> due) throws Exception {
        inbox.awaitExactly(due.keySet());
        for (Received one : inbox.all()) {
            long early = due.get(one.body()) - one.message().getStoreTimestamp();
            Expect.holds(one.body() + " not to come early", early <= 0, early + " ms early");
        }
    }

    private static void past(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.producer().send(timed(topic, "past", "TIMER_DELIVER_MS", "1000"));
        scene.producer().send(timed(topic, "zero", "__STARTDELIVERTIME", "0"));
        Message message = timed(topic, "level", "TIMER_DELAY_SEC", "3600");
        message.setDelayTimeLevel(1);
        scene.producer().send(message);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        inbox.awaitExactly(List.of("past", "zero", "level"));
    }

    private static void refused(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tooFar = Map.of("TIMER_DELAY_SEC", "3456010", "TIMER_DELAY_MS", "soon",
            "__STARTDELIVERTIME", String.valueOf(System.currentTimeMillis() + 41L * 86_400_000));
        for (var property : tooFar.entrySet()) {
            var refusal = Expect.refusal(property.toString(), MQBrokerException.class,
                () -> scene.producer().send(timed(topic, "never", property.getKey(), property.getValue())));
            // MESSAGE_ILLEGAL
            Expect.equal("the code for " + property, 13, refusal.getResponseCode());
        }
    }

    private static void found(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Message message = timed(topic, "waiting", "TIMER_DELAY_SEC", "86400");
        message.setKeys("order-1");
        SendResult result = scene.producer().send(message);
        Expect.eventually("the message with this id", List.of("waiting"),
            () -> Scene.bodiesOf(List.of(scene.producer().viewMessage(topic, result.getMsgId()))));
        var byOffset = scene.producer().viewMessage(topic, result.getOffsetMsgId());
        Expect.equal("the message at its offset", List.of("waiting"), Scene.bodiesOf(List.of(byOffset)));
        Message level = Scene.message(topic, "for two hours");
        level.setDelayTimeLevel(18);
        SendResult delayed = scene.producer().send(level);
        Expect.eventually("the message with a level", List.of("for two hours"),
            () -> Scene.bodiesOf(List.of(scene.producer().viewMessage(topic, delayed.getMsgId()))));
    }

    private static Message timed(String topic, String body, String name, String value) {
        Message message = Scene.message(topic, body);
        // The client keeps these names from its users; the raw property is what other clients send.
        MessageAccessor.putProperty(message, name, value);
        return message;
    }
}
