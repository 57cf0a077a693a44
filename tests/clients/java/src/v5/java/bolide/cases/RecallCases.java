package bolide.cases;

import java.util.List;
import java.util.TreeMap;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** Delivery times as the 5.x client sets them, and messages that are taken back before theirs. */
final class RecallCases {
    private RecallCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("timer-by-method", RecallCases::byMethod),
            new Case("timer-recall", RecallCases::recall),
            new Case("timer-recall-refused", RecallCases::refused));
    }

    private static void byMethod(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        long now = System.currentTimeMillis();
        Message seconds = Scene.message(topic, "seconds");
        seconds.setDelayTimeSec(2);
        Message milliseconds = Scene.message(topic, "milliseconds");
        milliseconds.setDelayTimeMs(1_300);
        Message moment = Scene.message(topic, "moment");
        moment.setDeliverTimeMs(now + 1_900);
        scene.producer().send(seconds);
        scene.producer().send(milliseconds);
        scene.producer().send(moment);
        var due = new TreeMap<>(java.util.Map.of("seconds", now + 2_000, "milliseconds", now + 1_300, "moment", now + 1_900));
        TimerCases.awaitNotEarly(inbox, due);
    }

    private static void recall(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        long deliver = System.currentTimeMillis() + 8_000;
        SendResult gone = scene.producer().send(at(topic, "gone", deliver));
        scene.producer().send(at(topic, "kept", deliver));
        String id = scene.producer().recallMessage(topic, gone.getRecallHandle());
        Expect.equal("the id of what was taken back", gone.getMsgId(), id);
        // Due after both: when it is there, whatever was to come has come.
        scene.producer().send(at(topic, "last", deliver + 1_500));
        inbox.awaitExactly(List.of("kept", "last"));
    }

    private static void refused(Scene scene) throws Exception {
        String topic = scene.topic(1);
        SendResult sent = scene.producer().send(at(topic, "waits", System.currentTimeMillis() + 3_600_000));
        var garbage = Expect.refusal("no handle", Exception.class, () -> scene.producer().recallMessage(topic, "bm8gaGFuZGxl"));
        Expect.holds("the refusal to say why", garbage.toString().contains("recall handle is invalid"), garbage);
        String other = scene.createTopic(scene.unique("other"), 1, scene.servers.broker());
        var wrong = Expect.refusal("another topic's handle", MQBrokerException.class,
            () -> scene.producer().recallMessage(other, sent.getRecallHandle()));
        // ILLEGAL_OPERATION
        Expect.equal("the code", 604, wrong.getResponseCode());
        SendResult plain = scene.producer().send(Scene.message(topic, "plain"));
        Expect.equal("the handle of a message that does not wait", null, plain.getRecallHandle());
    }

    private static Message at(String topic, String body, long deliver) {
        Message message = Scene.message(topic, body);
        message.setDeliverTimeMs(deliver);
        return message;
    }
}
