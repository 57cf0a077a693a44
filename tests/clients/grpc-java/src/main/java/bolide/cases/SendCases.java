package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.SendReceipt;

/** Plain messages: what is sent arrives, as it was sent. */
final class SendCases {
    /** Both limits are the servers'. */
    private static final int MAX_BODY_BYTES = 4 * 1024 * 1024;
    private static final int MANY_PROPERTIES = 120;

    private SendCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("send-sync", SendCases::sync),
            new Case("send-async", SendCases::async),
            new Case("send-with-everything", SendCases::everything),
            new Case("send-many-properties", SendCases::manyProperties),
            new Case("send-largest-body", SendCases::largestBody),
            new Case("send-encrypted", SendCases::encrypted));
    }

    private static void sync(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 4);
        Inbox inbox = scene.push(scene.group(), topic);
        List<String> bodies = Scene.bodies("sync", 50);
        List<SendReceipt> receipts = scene.send(topic, bodies);
        inbox.awaitExactly(bodies);
        Expect.equal("the ids of what was received", ids(receipts), inbox.all().stream().map(one -> one.message().getMessageId().toString()).sorted().toList());
    }

    private static void async(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 4);
        Inbox inbox = scene.push(scene.group(), topic);
        List<String> bodies = Scene.bodies("async", 100);
        var pending = new ArrayList<CompletableFuture<SendReceipt>>();
        for (String body : bodies) {
            pending.add(scene.producer().sendAsync(Scene.message(topic, body).build()));
        }
        var receipts = new ArrayList<SendReceipt>();
        for (var one : pending) {
            receipts.add(one.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS));
        }
        inbox.awaitExactly(bodies);
        Expect.equal("the ids of what was received", ids(receipts), inbox.all().stream().map(one -> one.message().getMessageId().toString()).sorted().toList());
    }

    private static List<String> ids(List<SendReceipt> receipts) {
        return receipts.stream().map(receipt -> receipt.getMessageId().toString()).sorted().toList();
    }

    private static void everything(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        Inbox inbox = scene.push(scene.group(), topic);
        long sentMs = System.currentTimeMillis();
        Message message = Scene.message(topic, "plain and ünicode 消息").setTag("tag").setKeys("key-1", "key-2")
            .addProperty("colour", "blue").addProperty("größe", "riesig 🦀").build();
        SendReceipt receipt = scene.producer().send(message);
        inbox.awaitExactly(List.of("plain and ünicode 消息"));
        MessageView seen = inbox.all().get(0).message();
        Expect.equal("the id", receipt.getMessageId().toString(), seen.getMessageId().toString());
        Expect.equal("the topic", topic, seen.getTopic());
        Expect.equal("the tag", "tag", seen.getTag().orElse(null));
        Expect.equal("the keys", List.of("key-1", "key-2"), List.copyOf(seen.getKeys()));
        Expect.equal("the properties", Map.of("colour", "blue", "größe", "riesig 🦀"), seen.getProperties());
        Expect.equal("the attempt", 1, seen.getDeliveryAttempt());
        Expect.equal("the message group", false, seen.getMessageGroup().isPresent());
        Expect.equal("the delivery time", false, seen.getDeliveryTimestamp().isPresent());
        Expect.holds("the host that it was born on", !seen.getBornHost().isEmpty(), seen.getBornHost());
        Expect.holds("a birth at " + sentMs, Math.abs(seen.getBornTimestamp() - sentMs) < 10_000, seen.getBornTimestamp());
    }

    private static void manyProperties(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        Inbox inbox = scene.push(scene.group(), topic);
        var properties = new TreeMap<String, String>();
        IntStream.range(0, MANY_PROPERTIES).forEach(i -> properties.put("ключ-" + i, "значение " + "ж".repeat(20) + i));
        var message = Scene.message(topic, "many");
        properties.forEach(message::addProperty);
        scene.producer().send(message.build());
        inbox.awaitExactly(List.of("many"));
        Expect.equal("the properties", properties, new TreeMap<>(inbox.all().get(0).message().getProperties()));
    }

    private static void largestBody(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        Inbox inbox = scene.push(scene.group(), topic);
        String body = "x".repeat(MAX_BODY_BYTES);
        scene.producer().send(Scene.message(topic, body).build());
        inbox.await("one message", seen -> seen.size() == 1);
        Expect.holds("the body that was sent", body.equals(inbox.bodies().get(0)), inbox.bodies().get(0).length());
    }

    /** TLS on the port that serves plain text too; the client trusts whatever certificate there is. */
    private static void encrypted(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        var configuration = Scene.configuration(scene.servers.endpoint(scene.broker()), true);
        Inbox inbox = scene.push(configuration, scene.group(), topic, FilterExpression.SUB_ALL, message -> ConsumeResult.SUCCESS);
        var producer = scene.closing(Scene.CLIENTS.newProducerBuilder().setClientConfiguration(configuration).build());
        producer.send(Scene.message(topic, "secret").build());
        inbox.awaitExactly(List.of("secret"));
    }
}
