package bolide.cases;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Sending, in each of the ways that the producer has, and finding the messages exactly where they were acknowledged. */
final class SendCases {
    private SendCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("send-sync", SendCases::sync),
            new Case("send-async", SendCases::async),
            new Case("send-oneway", SendCases::oneway),
            new Case("send-batch", SendCases::batch),
            new Case("send-to-chosen-queue", SendCases::chosenQueue),
            new Case("send-to-two-brokers", SendCases::twoBrokers),
            new Case("send-creates-topic", SendCases::createsTopic),
            new Case("names-with-percent-and-bar", SendCases::unusualNames));
    }

    private static void sync(Scene scene) throws Exception {
        String topic = scene.topic(4);
        var acknowledged = new HashMap<String, SendResult>();
        for (String body : Scene.bodies("sync", 12)) {
            acknowledged.put(body, scene.producer().send(Scene.message(topic, body)));
        }
        expectStored(scene, topic, acknowledged);
        long queues = acknowledged.values().stream().map(SendResult::getMessageQueue).distinct().count();
        Expect.equal("the number of queues that 12 messages spread over", 4L, queues);
    }

    private static void async(Scene scene) throws Exception {
        String topic = scene.topic(4);
        List<String> bodies = Scene.bodies("async", 20);
        var acknowledged = new ConcurrentHashMap<String, SendResult>();
        var failure = new AtomicReference<Throwable>();
        var answered = new CountDownLatch(bodies.size());
        for (String body : bodies) {
            scene.producer().send(Scene.message(topic, body), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    acknowledged.put(body, result);
                    answered.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    failure.set(e);
                    answered.countDown();
                }
            });
        }
        Expect.holds("20 callbacks", answered.await(Expect.WAIT_MS, TimeUnit.MILLISECONDS), acknowledged.keySet());
        Expect.equal("the failure of an asynchronous send", null, failure.get());
        expectStored(scene, topic, acknowledged);
    }

    private static void oneway(Scene scene) throws Exception {
        String topic = scene.topic(4);
        List<String> bodies = Scene.bodies("oneway", 12);
        for (String body : bodies) {
            scene.producer().sendOneway(Scene.message(topic, body));
        }
        Expect.eventually("the stored bodies", bodies.stream().sorted().toList(),
            () -> Scene.bodiesOf(scene.readAll(topic, 12)).stream().sorted().toList());
    }

    private static void batch(Scene scene) throws Exception {
        String topic = scene.topic(4);
        List<String> bodies = Scene.bodies("batch", 20);
        var messages = new ArrayList<Message>();
        for (String body : bodies) {
            Message message = Scene.message(topic, body);
            message.setKeys("key-" + body);
            message.putUserProperty("number", body.substring(6));
            messages.add(message);
        }
        SendResult result = scene.producer().send(messages);
        Expect.equal("the status of the batch", SendStatus.SEND_OK, result.getSendStatus());
        Expect.equal("the number of acknowledged message ids", 20, result.getMsgId().split(",").length);
        Expect.equal("the number of offset message ids", 20, result.getOffsetMsgId().split(",").length);
        List<MessageExt> stored = scene.readAll(topic, 20);
        Expect.equal("the stored bodies", bodies, Scene.bodiesOf(stored));
        for (int i = 0; i < stored.size(); i++) {
            MessageExt message = stored.get(i);
            Expect.equal("the queue of message " + i, result.getMessageQueue().getQueueId(), message.getQueueId());
            Expect.equal("the offset of message " + i, result.getQueueOffset() + i, message.getQueueOffset());
            Expect.equal("the id of message " + i, result.getMsgId().split(",")[i], message.getMsgId());
            Expect.equal("the key of message " + i, "key-batch-" + i, message.getKeys());
            Expect.equal("the property of message " + i, Integer.toString(i), message.getUserProperty("number"));
        }
    }

    private static void chosenQueue(Scene scene) throws Exception {
        String topic = scene.topic(4);
        for (int i = 0; i < 8; i++) {
            int queue = i % 4;
            SendResult result = scene.producer().send(Scene.message(topic, "chosen-" + i), (queues, message, chosen) ->
                queues.stream().filter(one -> one.getQueueId() == (Integer) chosen).findFirst().orElseThrow(), queue);
            Expect.equal("the acknowledged queue", queue, result.getMessageQueue().getQueueId());
            Expect.equal("the acknowledged offset", (long) (i / 4), result.getQueueOffset());
        }
    }

    private static void twoBrokers(Scene scene) throws Exception {
        var brokers = scene.servers.cluster().toArray(String[]::new);
        String topic = scene.createTopic(scene.unique("topic"), 2, brokers);
        var acknowledged = new HashMap<String, SendResult>();
        for (String body : Scene.bodies("two", 16)) {
            acknowledged.put(body, scene.producer().send(Scene.message(topic, body)));
        }
        var used = new HashSet<String>();
        acknowledged.values().forEach(result -> used.add(result.getMessageQueue().getBrokerName()));
        Expect.equal("the brokers that took messages", new HashSet<>(scene.servers.cluster()), used);
        expectStored(scene, topic, acknowledged);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        inbox.awaitExactly(acknowledged.keySet());
    }

    private static void createsTopic(Scene scene) throws Exception {
        String topic = scene.unique("unknown");
        SendResult result = scene.producer().send(Scene.message(topic, "first"));
        Expect.equal("the status", SendStatus.SEND_OK, result.getSendStatus());
        String broker = result.getMessageQueue().getBrokerName();
        Expect.eventually("the brokers in the new topic's route", true, () -> scene.routedBrokers(topic).contains(broker));
        for (var queue : scene.servers.admin.examineTopicRouteInfo(topic).getQueueDatas()) {
            Expect.equal("the queues that the producer asked for", 4, queue.getWriteQueueNums());
            Expect.equal("the readable queues", 4, queue.getReadQueueNums());
        }
        Expect.equal("the stored bodies", List.of("first"), Scene.bodiesOf(scene.readAll(topic, 1)));
    }

    private static void unusualNames(Scene scene) throws Exception {
        String topic = scene.createTopic("100%|" + scene.unique("topic|%"), 2, scene.servers.broker());
        String group = "%|" + scene.unique("group");
        scene.send(topic, Scene.bodies("named", 6));
        Inbox inbox = scene.start(scene.push(group, topic, "*"));
        inbox.awaitExactly(Scene.bodies("named", 6));
        Expect.equal("the topic of a received message", topic, inbox.all().get(0).message().getTopic());
        MQClientException refused = Expect.refusal("a name with a blank", MQClientException.class,
            () -> scene.producer().send(Scene.message("with blank", "never")));
        Expect.holds("the client to name the characters it allows", refused.getMessage().contains("illegal characters"), refused);
    }

    /** Each message lies where its acknowledgement says, and nothing else does. */
    private static void expectStored(Scene scene, String topic, Map<String, SendResult> acknowledged) throws Exception {
        List<MessageExt> stored = scene.readAll(topic, acknowledged.size());
        Expect.equal("the number of stored messages", acknowledged.size(), stored.size());
        for (MessageExt message : stored) {
            String body = Scene.bodiesOf(List.of(message)).get(0);
            SendResult result = acknowledged.get(body);
            Expect.holds("only acknowledged bodies", result != null, body);
            Expect.equal("the status of " + body, SendStatus.SEND_OK, result.getSendStatus());
            Expect.equal("the queue of " + body, result.getMessageQueue().getQueueId(), message.getQueueId());
            Expect.equal("the offset of " + body, result.getQueueOffset(), message.getQueueOffset());
            Expect.equal("the id of " + body, result.getMsgId(), message.getMsgId());
        }
    }
}
