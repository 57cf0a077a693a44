package bolide.cases;

import apache.rocketmq.v2.Code;
import apache.rocketmq.v2.Encoding;
import apache.rocketmq.v2.MessageType;
import apache.rocketmq.v2.MessagingServiceGrpc;
import apache.rocketmq.v2.Resource;
import apache.rocketmq.v2.SendMessageRequest;
import apache.rocketmq.v2.SystemProperties;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.shaded.com.google.protobuf.ByteString;
import org.apache.rocketmq.shaded.io.grpc.ManagedChannelBuilder;
import org.apache.rocketmq.shaded.io.grpc.Metadata;
import org.apache.rocketmq.shaded.io.grpc.stub.MetadataUtils;

/** One protocol sends and the other consumes, and nothing is lost in between. */
final class CrossCases {
    private CrossCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("remoting-to-grpc-transaction", CrossCases::transactionToGrpc),
            new Case("grpc-to-remoting-transaction", CrossCases::transactionToRemoting),
            new Case("remoting-to-grpc-delay", CrossCases::delayToGrpc),
            new Case("grpc-to-remoting-delay", CrossCases::delayToRemoting),
            new Case("remoting-to-grpc", CrossCases::toGrpc),
            new Case("grpc-to-remoting", CrossCases::toRemoting),
            new Case("remoting-to-grpc-compressed", CrossCases::compressedToGrpc),
            new Case("grpc-to-remoting-compressed", CrossCases::compressedToRemoting, Case.Need.GZIP),
            new Case("remoting-to-grpc-fifo", CrossCases::fifoToGrpc),
            new Case("grpc-to-remoting-fifo", CrossCases::fifoToRemoting));
    }

    private static DefaultMQProducer producer(Scene scene) throws Exception {
        var producer = scene.configure(new DefaultMQProducer(scene.unique("producer")));
        producer.setSendMsgTimeout(15_000);
        producer.start();
        scene.closing(producer::shutdown);
        return producer;
    }

    /** What the remoting client has received; all at once is enough, so that there is nothing but the list. */
    private static List<MessageExt> consume(Scene scene, String topic, String expression) throws Exception {
        var received = new CopyOnWriteArrayList<MessageExt>();
        var consumer = scene.configure(new DefaultMQPushConsumer(scene.unique("remoting-group")));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, expression);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            received.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        scene.closing(consumer::shutdown);
        return received;
    }

    private static MessageExt one(List<MessageExt> received, String body) throws Exception {
        Expect.eventually("the bodies that the remoting client received", List.of(body),
            () -> received.stream().map(message -> new String(message.getBody(), StandardCharsets.UTF_8)).toList());
        return received.get(0);
    }

    private static Message message(String topic, String body) {
        var message = new Message(topic, "tag", "key-1 key-2", body.getBytes(StandardCharsets.UTF_8));
        message.putUserProperty("größe", "riesig 🦀");
        return message;
    }

    private static void check(MessageView seen, String topic, String id) {
        Expect.equal("the id", id, seen.getMessageId().toString());
        Expect.equal("the topic", topic, seen.getTopic());
        Expect.equal("the tag", "tag", seen.getTag().orElse(null));
        Expect.equal("the keys", List.of("key-1", "key-2"), List.copyOf(seen.getKeys()));
        var properties = new HashMap<>(seen.getProperties());
        // What the remoting client itself adds to a transaction's messages.
        properties.remove("__transactionId__");
        Expect.equal("the properties", Map.of("größe", "riesig 🦀"), properties);
        Expect.equal("the attempt", 1, seen.getDeliveryAttempt());
    }

    private static void check(MessageExt seen, String topic, SendReceipt receipt) {
        Expect.equal("the id", receipt.getMessageId().toString(), seen.getMsgId());
        Expect.equal("the topic", topic, seen.getTopic());
        Expect.equal("the tag", "tag", seen.getTags());
        Expect.equal("the keys", "key-1 key-2", seen.getKeys());
        Expect.equal("the property", "riesig 🦀", seen.getUserProperty("größe"));
        Expect.equal("the times that it came before", 0, seen.getReconsumeTimes());
    }

    private static MessageBuilder builder(String topic, String body) {
        return Scene.message(topic, body).setTag("tag").setKeys("key-1", "key-2").addProperty("größe", "riesig 🦀");
    }

    private static void compressedToGrpc(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 1);
        Inbox inbox = scene.push(scene.group(), topic);
        var bodies = new ArrayList<String>();
        for (var compression : CompressionType.values()) {
            var producer = scene.configure(new DefaultMQProducer(scene.unique("producer-" + compression)));
            producer.setCompressType(compression);
            producer.start();
            scene.closing(producer::shutdown);
            bodies.add((compression + " ").repeat(10_000));
            producer.send(message(topic, bodies.get(bodies.size() - 1)));
        }
        inbox.awaitExactly(bodies);
    }

    /** Clients that compress do it with GZIP; today's do not, so the protocol's stub sends for them. */
    private static void compressedToRemoting(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 1);
        List<MessageExt> received = consume(scene, topic, "*");
        Inbox inbox = scene.push(scene.group(), topic);
        String body = "GZIP ".repeat(10_000);
        var compressed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(compressed)) {
            gzip.write(body.getBytes(StandardCharsets.UTF_8));
        }
        var channel = ManagedChannelBuilder.forTarget(scene.servers.endpoint(scene.broker())).usePlaintext().build();
        scene.closing(channel::shutdownNow);
        var metadata = new Metadata();
        metadata.put(Metadata.Key.of("x-mq-client-id", Metadata.ASCII_STRING_MARSHALLER), scene.unique("client"));
        var stub = MessagingServiceGrpc.newBlockingStub(channel).withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
        var system = SystemProperties.newBuilder().setMessageId(scene.unique("id")).setBodyEncoding(Encoding.GZIP).setMessageType(MessageType.NORMAL);
        var message = apache.rocketmq.v2.Message.newBuilder().setTopic(Resource.newBuilder().setName(topic)).setSystemProperties(system)
            .setBody(ByteString.copyFrom(compressed.toByteArray()));
        var answer = stub.withDeadlineAfter(30, TimeUnit.SECONDS).sendMessage(SendMessageRequest.newBuilder().addMessages(message).build());
        Expect.equal("the code", Code.OK, answer.getStatus().getCode());
        one(received, body);
        inbox.awaitExactly(List.of(body));
    }

    private static void toGrpc(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 2);
        Inbox inbox = scene.push(scene.group(), topic);
        SendResult sent = producer(scene).send(message(topic, "plain"));
        Message compressed = message(topic, "compressed ".repeat(1_000));
        SendResult sentCompressed = producer(scene).send(compressed);
        var batch = List.of(message(topic, "batch-0"), message(topic, "batch-1"));
        producer(scene).send(batch);
        inbox.awaitExactly(List.of("plain", "compressed ".repeat(1_000), "batch-0", "batch-1"));
        for (Received one : inbox.all()) {
            String id = switch (one.body()) {
                case "plain" -> sent.getMsgId();
                case "batch-0", "batch-1" -> one.message().getMessageId().toString();
                default -> sentCompressed.getMsgId();
            };
            check(one.message(), topic, id);
        }
    }

    private static void toRemoting(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 2);
        List<MessageExt> received = consume(scene, topic, "tag || other");
        scene.send(topic, List.of("untagged"));
        SendReceipt receipt = scene.producer().send(builder(topic, "plain").build());
        check(one(received, "plain"), topic, receipt);
    }

    /** The sharding key is the message group. */
    private static void fifoToGrpc(Scene scene) throws Exception {
        String topic = scene.topic("FIFO", 4);
        Inbox inbox = scene.push(scene.group(true, Scene.RETRIES), topic);
        DefaultMQProducer producer = producer(scene);
        for (String body : Scene.bodies("fifo", 5)) {
            Message message = message(topic, body);
            MessageAccessor.putProperty(message, MessageConst.PROPERTY_SHARDING_KEY, "orders");
            producer.send(message, new SelectMessageQueueByHash(), "orders");
        }
        inbox.awaitInOrder(Scene.bodies("fifo", 5));
        Expect.equal("the message group", "orders", inbox.all().get(0).message().getMessageGroup().orElse(null));
    }

    private static void fifoToRemoting(Scene scene) throws Exception {
        String topic = scene.topic("FIFO", 4);
        for (String body : Scene.bodies("fifo", 5)) {
            scene.producer().send(builder(topic, body).setMessageGroup("orders").build());
        }
        List<MessageExt> stored = scene.stored(topic, 5);
        Expect.equal("the queues of one message group", 1L, stored.stream().map(MessageExt::getQueueId).distinct().count());
        Expect.equal("the order", Scene.bodies("fifo", 5), stored.stream().map(message -> new String(message.getBody(), StandardCharsets.UTF_8)).toList());
        Expect.equal("the sharding key", "orders", stored.get(0).getProperty(MessageConst.PROPERTY_SHARDING_KEY));
    }

    private static void delayToGrpc(Scene scene) throws Exception {
        String topic = scene.topic("DELAY");
        Inbox inbox = scene.push(scene.group(), topic);
        Message message = message(topic, "late");
        long dueMs = System.currentTimeMillis() + 3_000;
        message.setDeliverTimeMs(dueMs);
        SendResult sent = producer(scene).send(message);
        inbox.awaitExactly(List.of("late"));
        check(inbox.all().get(0).message(), topic, sent.getMsgId());
        Expect.holds("nothing before " + dueMs, inbox.all().get(0).atMs() >= dueMs - 1_000, inbox.all().get(0).atMs());
    }

    private static void delayToRemoting(Scene scene) throws Exception {
        String topic = scene.topic("DELAY");
        List<MessageExt> received = consume(scene, topic, "*");
        long dueMs = System.currentTimeMillis() + 3_000;
        SendReceipt receipt = scene.producer().send(builder(topic, "late").setDeliveryTimestamp(dueMs).build());
        MessageExt seen = one(received, "late");
        check(seen, topic, receipt);
        Expect.holds("nothing stored before " + dueMs, seen.getStoreTimestamp() >= dueMs - 1_000, seen.getStoreTimestamp());
    }

    private static void transactionToGrpc(Scene scene) throws Exception {
        String topic = scene.topic("TRANSACTION");
        Inbox inbox = scene.push(scene.group(), topic);
        var producer = scene.configure(new TransactionMQProducer(scene.unique("producer")));
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object state) {
                return (LocalTransactionState) state;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        producer.start();
        scene.closing(producer::shutdown);
        producer.sendMessageInTransaction(message(topic, "rolled back"), LocalTransactionState.ROLLBACK_MESSAGE);
        SendResult sent = producer.sendMessageInTransaction(message(topic, "committed"), LocalTransactionState.COMMIT_MESSAGE);
        producer.sendMessageInTransaction(message(topic, "asked about"), LocalTransactionState.UNKNOW);
        inbox.awaitExactly(List.of("committed", "asked about"));
        check(inbox.all().stream().filter(one -> one.body().equals("committed")).findFirst().orElseThrow().message(), topic, sent.getMsgId());
    }

    private static void transactionToRemoting(Scene scene) throws Exception {
        String topic = scene.topic("TRANSACTION");
        List<MessageExt> received = consume(scene, topic, "*");
        var producer = scene.transactionProducer(message -> TransactionResolution.ROLLBACK, topic);
        producer.send(builder(topic, "asked about").build(), producer.beginTransaction());
        var rolledBack = producer.beginTransaction();
        producer.send(builder(topic, "rolled back").build(), rolledBack);
        rolledBack.rollback();
        var committed = producer.beginTransaction();
        SendReceipt receipt = producer.send(builder(topic, "committed").build(), committed);
        committed.commit();
        check(one(received, "committed"), topic, receipt);
    }
}
