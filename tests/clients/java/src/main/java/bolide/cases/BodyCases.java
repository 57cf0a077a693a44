package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** What messages carry: bodies up to the limit and beyond, compressed bodies, keys and properties in any script. */
final class BodyCases {
    private static final int LIMIT_BYTES = 4 * 1024 * 1024;
    private static final int MESSAGE_ILLEGAL = 13;

    private BodyCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("body-at-the-limit", BodyCases::atLimit),
            new Case("body-above-the-limit", BodyCases::aboveLimit),
            new Case("body-compressed", BodyCases::compressed),
            new Case("properties-in-utf8", BodyCases::utf8));
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static DefaultMQProducer largeProducer(Scene scene) throws Exception {
        DefaultMQProducer producer = scene.newProducer();
        producer.setMaxMessageSize(2 * LIMIT_BYTES);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        scene.start(producer);
        return producer;
    }

    private static void atLimit(Scene scene) throws Exception {
        String topic = scene.topic(1);
        byte[] body = random(LIMIT_BYTES);
        largeProducer(scene).send(new Message(topic, body));
        List<MessageExt> stored = scene.readAll(topic, 1);
        Expect.equal("the number of stored messages", 1, stored.size());
        Expect.holds("the body to come back unchanged", Arrays.equals(body, stored.get(0).getBody()), stored.get(0).getBody().length + " bytes");
    }

    private static void aboveLimit(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Message large = new Message(topic, random(LIMIT_BYTES + 1));
        MQClientException client = Expect.refusal("a body above the client's limit", MQClientException.class, () -> scene.producer().send(large));
        Expect.equal("the client's code", MESSAGE_ILLEGAL, client.getResponseCode());
        MQBrokerException broker = Expect.refusal("a body above the broker's limit", MQBrokerException.class, () -> largeProducer(scene).send(large));
        Expect.equal("the broker's code", MESSAGE_ILLEGAL, broker.getResponseCode());
        scene.send(topic, List.of("the connection goes on"));
        Expect.equal("the stored bodies", List.of("the connection goes on"), Scene.bodiesOf(scene.readAll(topic, 1)));
    }

    private static void compressed(Scene scene) throws Exception {
        String topic = scene.topic(1);
        byte[] body = "compressible ".repeat(20_000).getBytes(StandardCharsets.UTF_8);
        for (String compression : Dialect.COMPRESSIONS) {
            DefaultMQProducer producer = scene.newProducer();
            Dialect.compression(producer, compression);
            scene.start(producer);
            Message message = new Message(topic, body);
            message.setTags(compression);
            producer.send(message);
        }
        List<MessageExt> stored = scene.readAll(topic, Dialect.COMPRESSIONS.length);
        Expect.equal("the compressions", List.of(Dialect.COMPRESSIONS), stored.stream().map(MessageExt::getTags).toList());
        for (MessageExt message : stored) {
            Expect.holds("the " + message.getTags() + " body to come back unchanged", Arrays.equals(body, message.getBody()), message.getBody().length + " bytes");
            Expect.holds("less than a tenth of the size in the store", message.getStoreSize() < body.length / 10, message.getStoreSize());
        }
    }

    private static void utf8(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Message message = new Message(topic, "Grüße, 世界 🚀".getBytes(StandardCharsets.UTF_8));
        message.setTags("标签");
        message.setKeys("ключ-ß-鍵-🔑");
        message.putUserProperty("имя", "значение \"quoted\" \\ and 🎉");
        message.setFlag(7);
        scene.producer().send(message);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "标签"));
        inbox.awaitExactly(List.of("Grüße, 世界 🚀"));
        MessageExt received = inbox.all().get(0).message();
        Expect.equal("the tag", "标签", received.getTags());
        Expect.equal("the key", "ключ-ß-鍵-🔑", received.getKeys());
        Expect.equal("the property", "значение \"quoted\" \\ and 🎉", received.getUserProperty("имя"));
        Expect.equal("the flag", 7, received.getFlag());
        Expect.eventually("the message found by its key", 1, () -> scene.producer()
            .queryMessage(topic, "ключ-ß-鍵-🔑", 32, 0, Long.MAX_VALUE).getMessageList().size());
    }
}
