package bolide.cases;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.annotation.RocketMQTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionState;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Service;

/**
 * An application of Spring Boot that sends in all ways (waiting, with a callback, in transactions that are committed, rolled
 * back and asked about) and listens; see {@link Verdict}.
 */
@SpringBootApplication
public class Application {
    private static final Set<String> EXPECTED = Set.of("sync", "async", "committed", "asked");
    private static final Set<String> SEEN = new ConcurrentSkipListSet<>();

    /** Arguments: folder for logs, name server, topic, and the two keys. */
    public static void main(String[] arguments) {
        System.setProperty("user.home", arguments[0]);
        String topic = arguments[2];
        boolean hasKeys = arguments.length > 4;
        var application = new SpringApplication(Application.class);
        application.setDefaultProperties(Map.of(
            "spring.main.banner-mode", "off",
            "logging.level.root", "off",
            "cases.topic", topic,
            "rocketmq.name-server", arguments[1],
            "rocketmq.producer.group", "producers-of-" + topic,
            "rocketmq.producer.send-message-timeout", "30000",
            "rocketmq.producer.access-key", hasKeys ? arguments[3] : "",
            "rocketmq.producer.secret-key", hasKeys ? arguments[4] : "",
            "rocketmq.consumer.access-key", hasKeys ? arguments[3] : "",
            "rocketmq.consumer.secret-key", hasKeys ? arguments[4] : ""));
        Verdict.of(() -> {
            var context = application.run();
            send(context.getBean(RocketMQTemplate.class), topic);
            expectAll();
        });
    }

    private static void send(RocketMQTemplate template, String topic) throws Exception {
        template.syncSend(topic, "sync");
        var sent = new CompletableFuture<SendResult>();
        template.asyncSend(topic, "async", new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                sent.complete(result);
            }

            @Override
            public void onException(Throwable error) {
                sent.completeExceptionally(error);
            }
        });
        sent.get(60, TimeUnit.SECONDS);
        for (String body : new String[] {"rolled-back", "committed", "asked"}) {
            template.sendMessageInTransaction(topic, MessageBuilder.withPayload(body).build(), null);
        }
    }

    private static void expectAll() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (!SEEN.containsAll(EXPECTED)) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("only " + SEEN + " came within two minutes");
            }
            Thread.sleep(50);
        }
        if (!new TreeSet<>(EXPECTED).equals(new TreeSet<>(SEEN))) {
            throw new IllegalStateException("instead of " + EXPECTED + " came " + SEEN);
        }
    }

    /** Takes what comes. */
    @Service
    @RocketMQMessageListener(topic = "${cases.topic}", consumerGroup = "consumers-of-${cases.topic}")
    public static class Listener implements RocketMQListener<String> {
        @Override
        public void onMessage(String body) {
            SEEN.add(body);
        }
    }

    /** Decides each transaction as its message says. */
    @RocketMQTransactionListener
    public static class Decisions implements RocketMQLocalTransactionListener {
        @Override
        @SuppressWarnings("rawtypes")
        public RocketMQLocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return switch (body(message)) {
                case "committed" -> RocketMQLocalTransactionState.COMMIT;
                case "asked" -> RocketMQLocalTransactionState.UNKNOWN;
                default -> RocketMQLocalTransactionState.ROLLBACK;
            };
        }

        @Override
        @SuppressWarnings("rawtypes")
        public RocketMQLocalTransactionState checkLocalTransaction(Message message) {
            return "asked".equals(body(message)) ? RocketMQLocalTransactionState.COMMIT : RocketMQLocalTransactionState.ROLLBACK;
        }

        @SuppressWarnings("rawtypes")
        private static String body(Message message) {
            return message.getPayload() instanceof byte[] bytes ? new String(bytes) : String.valueOf(message.getPayload());
        }
    }
}
