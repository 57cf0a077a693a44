package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages that do not go straight to their consumer: delayed, tried again, given up on. */
final class DetourCases {
    private DetourCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("retry-then-dead-letter", DetourCases::retryThenDeadLetter),
            new Case("delay-level", DetourCases::delayLevel));
    }

    /** The first level is a second; the message must not have been stored on its topic before. It arrives with its level. */
    private static void delayLevel(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        Message message = Scene.message(topic, "later");
        message.setDelayTimeLevel(1);
        long sentMs = System.currentTimeMillis();
        scene.producer().send(message);
        scene.send(topic, List.of("now"));
        inbox.awaitExactly(List.of("later", "now"));
        MessageExt late = inbox.all().stream().filter(one -> one.body().equals("later")).findFirst().orElseThrow().message();
        long waitedMs = late.getStoreTimestamp() - sentMs;
        Expect.holds("the delay to be at least 1000 ms", waitedMs >= 1_000, waitedMs);
        Expect.equal("the level", 1, late.getDelayTimeLevel());
    }

    /** A consumer that never succeeds gets the message once more, as its limit says; then it is among the dead letters. */
    private static void retryThenDeadLetter(Scene scene) throws Exception {
        String topic = scene.topic(2);
        String group = scene.group();
        DefaultMQPushConsumer consumer = scene.push(group, topic, "*");
        consumer.setMaxReconsumeTimes(1);
        var attempts = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            context.setDelayLevelWhenNextConsume(1);
            messages.forEach(message -> attempts.add(Received.of(message)));
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
        scene.producer().send(Scene.message(topic, "hopeless"));
        attempts.await("two attempts", seen -> seen.size() >= 2);
        List<MessageExt> dead = scene.readAll(MixAll.getDLQTopic(group), 1);
        Expect.equal("the attempts", List.of(0, 1), attempts.all().stream().map(one -> one.message().getReconsumeTimes()).toList());
        Expect.equal("the dead letters", List.of("hopeless"), Scene.bodiesOf(dead));
        Expect.equal("where the message came from", topic, dead.get(0).getProperty("RETRY_TOPIC"));
    }
}
