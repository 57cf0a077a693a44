package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;

/**
 * One client with an access key and a secret key, or without: sends messages and consumes them; see {@link Verdict}.
 */
public final class Secured {
    private static final ClientServiceProvider CLIENTS = ClientServiceProvider.loadService();
    private static final int MESSAGES = 3;

    private Secured() {
    }

    /** Arguments: folder for logs, endpoint, topic, group, and the two keys. */
    public static void main(String[] arguments) {
        System.setProperty("user.home", arguments[0]);
        var builder = ClientConfiguration.newBuilder().setEndpoints(arguments[1]).enableSsl(false).setRequestTimeout(Duration.ofSeconds(30));
        if (arguments.length > 5) {
            builder.setCredentialProvider(new StaticSessionCredentialsProvider(arguments[4], arguments[5]));
        }
        Verdict.of(() -> {
            send(builder.build(), arguments[2]);
            consume(builder.build(), arguments[2], arguments[3]);
        });
    }

    private static void send(ClientConfiguration configuration, String topic) throws Exception {
        var producer = CLIENTS.newProducerBuilder().setClientConfiguration(configuration).setTopics(topic).build();
        for (int number = 0; number < MESSAGES; number++) {
            byte[] body = ("body-" + number).getBytes(StandardCharsets.UTF_8);
            producer.send(CLIENTS.newMessageBuilder().setTopic(topic).setBody(body).build());
        }
    }

    private static void consume(ClientConfiguration configuration, String topic, String group) throws Exception {
        var consumer = CLIENTS.newSimpleConsumerBuilder().setClientConfiguration(configuration).setConsumerGroup(group)
            .setAwaitDuration(Duration.ofSeconds(5)).setSubscriptionExpressions(Map.of(topic, FilterExpression.SUB_ALL)).build();
        Set<String> bodies = new TreeSet<>();
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (bodies.size() < MESSAGES) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("only " + bodies + " came within a minute");
            }
            for (var message : consumer.receive(MESSAGES, Duration.ofSeconds(30))) {
                bodies.add(StandardCharsets.UTF_8.decode(message.getBody()).toString());
                consumer.ack(message);
            }
        }
    }
}
