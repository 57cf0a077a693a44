package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Requests between clients: one asks with a message, whoever consumes it answers, and the broker brings the answer back. */
final class RequestCases {
    private RequestCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("request-and-reply", RequestCases::answered),
            new Case("request-with-a-callback", RequestCases::calledBack),
            new Case("request-without-reply", RequestCases::unanswered));
    }

    /** Starts a consumer that answers every message. */
    private static void answerAll(Scene scene, String topic) throws Exception {
        DefaultMQProducer answering = scene.producer();
        DefaultMQPushConsumer consumer = scene.push(scene.group(), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                try {
                    String answer = "re: " + new String(message.getBody(), StandardCharsets.UTF_8);
                    answering.send(MessageUtil.createReplyMessage(message, answer.getBytes(StandardCharsets.UTF_8)));
                } catch (Exception e) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
    }

    /** A producer that is not the one that answers. */
    private static DefaultMQProducer asking(Scene scene) throws Exception {
        DefaultMQProducer asking = scene.newProducer();
        scene.start(asking);
        return asking;
    }

    private static String body(Message message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    private static void answered(Scene scene) throws Exception {
        String topic = scene.topic(1);
        answerAll(scene, topic);
        DefaultMQProducer asking = asking(scene);
        Message answer = asking.request(Scene.message(topic, "question"), Expect.WAIT_MS);
        Expect.equal("the answer", "re: question", body(answer));
        MessageQueue queue = scene.queues(topic).get(0);
        Message another = asking.request(Scene.message(topic, "another"), queue, Expect.WAIT_MS);
        Expect.equal("the answer to what a queue was asked", "re: another", body(another));
    }

    private static void calledBack(Scene scene) throws Exception {
        String topic = scene.topic(1);
        answerAll(scene, topic);
        var answer = new CompletableFuture<String>();
        asking(scene).request(Scene.message(topic, "question"), new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                // The client also calls when the question has been stored, with nothing.
                if (message != null) {
                    answer.complete(body(message));
                }
            }

            @Override
            public void onException(Throwable e) {
                answer.completeExceptionally(e);
            }
        }, Expect.WAIT_MS);
        Expect.equal("the answer", "re: question", answer.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS));
    }

    private static void unanswered(Scene scene) throws Exception {
        String topic = scene.topic(1);
        DefaultMQProducer asking = asking(scene);
        // By then the question is stored.
        asking.send(Scene.message(topic, "known"));
        Expect.refusal("a request that nobody answers", RequestTimeoutException.class, () -> asking.request(Scene.message(topic, "question"), 3_000));
        Expect.equal("what the topic holds", List.of("known", "question"), Scene.bodiesOf(scene.readAll(topic, 2)));
    }
}
