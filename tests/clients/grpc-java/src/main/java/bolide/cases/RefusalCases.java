package bolide.cases;

import apache.rocketmq.v2.Encoding;
import apache.rocketmq.v2.MessageType;
import apache.rocketmq.v2.MessagingServiceGrpc;
import apache.rocketmq.v2.Resource;
import apache.rocketmq.v2.SendMessageRequest;
import apache.rocketmq.v2.SystemProperties;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.shaded.com.google.protobuf.ByteString;
import org.apache.rocketmq.shaded.com.google.protobuf.util.Timestamps;
import org.apache.rocketmq.shaded.io.grpc.ManagedChannel;
import org.apache.rocketmq.shaded.io.grpc.ManagedChannelBuilder;
import org.apache.rocketmq.shaded.io.grpc.Metadata;
import org.apache.rocketmq.shaded.io.grpc.stub.MetadataUtils;

/** Mistakes: each with the exception and the code that tell the user which it was. */
final class RefusalCases {
    private static final int TOO_LARGE_BYTES = 4 * 1024 * 1024 + 1;

    private RefusalCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("refused-messages", RefusalCases::messages),
            new Case("refused-by-the-client", RefusalCases::byTheClient),
            new Case("refused-beyond-the-client", RefusalCases::beyondTheClient),
            new Case("refused-topic", RefusalCases::topic),
            new Case("refused-receives", RefusalCases::receives));
    }

    /** Expects the client's exception of this name, with the server's code. */
    static void refused(String what, String exception, int code, Expect.Action action) {
        Exception seen = Expect.refusal(what, Exception.class, action);
        boolean expected = seen.getClass().getSimpleName().equals(exception) && seen.getMessage().contains("response-code=" + code + "]");
        Expect.holds("%s to be refused with %s of code %d".formatted(what, exception, code), expected, seen);
    }

    private static void messages(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        String fifo = scene.unique("fifo");
        scene.servers.createTopic(fifo, "FIFO", 1, scene.broker());
        Consumer<MessageBuilder> manyProperties = message -> {
            for (int i = 0; i < 129; i++) {
                message.addProperty("key-" + i, "value");
            }
        };
        send(scene, topic, "a control character in the tag", "BadRequestException", 40004, message -> message.setTag("a\u0001b"));
        send(scene, topic, "a control character in a key", "BadRequestException", 40005, message -> message.setKeys("a\u0001b"));
        send(scene, fifo, "a message group of 65 bytes", "BadRequestException", 40006, message -> message.setMessageGroup("g".repeat(65)));
        send(scene, topic, "a property of the servers' own", "BadRequestException", 40007, message -> message.addProperty("UNIQ_KEY", "mine"));
        send(scene, topic, "a control character in a property", "BadRequestException", 40007, message -> message.addProperty("key", "a\u0002b"));
        send(scene, topic, "129 properties", "RequestHeaderFieldsTooLargeException", 43101, manyProperties);
        send(scene, topic, "17 KiB of properties", "RequestHeaderFieldsTooLargeException", 43101, message -> message.addProperty("key", "v".repeat(17 * 1024)));
        // None of them is stored.
        Inbox inbox = scene.push(scene.group(), topic);
        scene.send(topic, List.of("good"));
        inbox.awaitExactly(List.of("good"));
    }

    private static void send(Scene scene, String topic, String what, String exception, int code, Consumer<MessageBuilder> mistake) {
        MessageBuilder message = Scene.message(topic, "bad");
        mistake.accept(message);
        refused(what, exception, code, () -> scene.producer().send(message.build()));
    }

    /** The client knows these limits from the server's settings and routes. */
    private static void byTheClient(Scene scene) throws Exception {
        String normal = scene.topic("NORMAL");
        String fifo = scene.unique("fifo");
        scene.servers.createTopic(fifo, "FIFO", 1, scene.broker());
        // Settings come with the first message.
        scene.send(normal, List.of("good"));
        Expect.refusal("a plain message on a topic of groups", IllegalArgumentException.class, () -> scene.send(fifo, List.of("bad")));
        Expect.refusal("a message group on a plain topic", IllegalArgumentException.class,
            () -> scene.producer().send(Scene.message(normal, "bad").setMessageGroup("orders").build()));
        Expect.refusal("a delay on a plain topic", IllegalArgumentException.class,
            () -> scene.producer().send(Scene.message(normal, "bad").setDeliveryTimestamp(System.currentTimeMillis() + 1_000).build()));
        var large = Expect.refusal("a body that is too large", ClientException.class, () -> scene.send(normal, List.of("x".repeat(TOO_LARGE_BYTES))));
        Expect.holds("the client's own check", large.getCause() instanceof IOException && large.toString().contains("max size=4194304"), large);
    }

    /** The same mistakes, and more, from a client that does not check. */
    private static void beyondTheClient(Scene scene) throws Exception {
        String normal = scene.topic("NORMAL");
        ManagedChannel channel = ManagedChannelBuilder.forTarget(scene.servers.endpoint(scene.broker())).usePlaintext().build();
        scene.closing(channel::shutdownNow);
        var headers = new Metadata();
        Map.of("x-mq-client-id", scene.unique("client"), "x-mq-language", "JAVA", "x-mq-client-version", "5.2.0", "x-mq-protocol", "v2")
            .forEach((key, value) -> headers.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value));
        var stub = MessagingServiceGrpc.newBlockingStub(channel).withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
        var codes = new TreeMap<String, Integer>();
        Map.of(
            "good", raw(normal, "body", MessageType.NORMAL),
            "empty", raw(normal, "", MessageType.NORMAL),
            "too large", raw(normal, "x".repeat(TOO_LARGE_BYTES), MessageType.NORMAL),
            "wrong type", raw(normal, "body", MessageType.DELAY),
            "illegal topic", raw("no/topic", "body", MessageType.NORMAL),
            "system topic", raw("RMQ_SYS_TRANS_HALF_TOPIC", "body", MessageType.NORMAL),
            "nothing", SendMessageRequest.getDefaultInstance()
        ).forEach((what, request) -> codes.put(what, stub.withDeadlineAfter(20, TimeUnit.SECONDS).sendMessage(request).getStatus().getCodeValue()));
        var expected = Map.of("good", 20000, "empty", 41302, "too large", 41301, "wrong type", 40014, "illegal topic", 40002,
            "system topic", 40002, "nothing", 40016);
        Expect.equal("the codes", new TreeMap<>(expected), codes);
    }

    private static SendMessageRequest raw(String topic, String body, MessageType type) {
        var properties = SystemProperties.newBuilder().setMessageId(UUID.randomUUID().toString()).setMessageType(type)
            .setBodyEncoding(Encoding.IDENTITY).setBornTimestamp(Timestamps.fromMillis(System.currentTimeMillis())).setBornHost("here");
        if (type == MessageType.DELAY) {
            properties.setDeliveryTimestamp(Timestamps.fromMillis(System.currentTimeMillis() + 1_000));
        }
        var message = apache.rocketmq.v2.Message.newBuilder().setTopic(Resource.newBuilder().setName(topic)).setSystemProperties(properties)
            .setBody(ByteString.copyFromUtf8(body));
        return SendMessageRequest.newBuilder().addMessages(message).build();
    }

    private static void topic(Scene scene) throws Exception {
        String none = scene.unique("none");
        refused("sending to a topic that is not there", "NotFoundException", 40402, () -> scene.send(none, List.of("bad")));
        String group = scene.group();
        Exception start = Expect.refusal("consuming a topic that is not there", Exception.class, () -> scene.simple(group, none, Duration.ofSeconds(5)));
        Throwable cause = start;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        Expect.holds("code 40402", cause.getMessage().contains("response-code=40402]"), cause);
    }

    private static void receives(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL");
        var consumer = scene.simple(scene.group(), topic, Duration.ofSeconds(5));
        refused("an invisible duration of 1 s", "BadRequestException", 40011, () -> consumer.receive(1, Duration.ofSeconds(1)));
        refused("an invisible duration of 13 h", "BadRequestException", 40011, () -> consumer.receive(1, Duration.ofHours(13)));
        consumer.subscribe(topic, new FilterExpression("size >>> 3", FilterExpressionType.SQL92));
        Expect.refusal("a condition that is none", ClientException.class, () -> consumer.receive(1, Duration.ofSeconds(10)));
    }
}
