package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.TransactionChecker;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The stage of one case: names of its own, and clients that are shut down when the case ends. */
final class Scene implements AutoCloseable {
    static final ClientServiceProvider CLIENTS = ClientServiceProvider.loadService();
    /** How often a message of a group that says nothing else comes again. */
    static final int RETRIES = 16;
    private static final AtomicInteger INSTANCES = new AtomicInteger();
    /** One program has one restartable broker, so that cases which restart it take turns. */
    private static final Object RESTARTS = new Object();

    final Servers servers;
    final Options options;
    final Runner runner;
    private final String name;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    /** The broker that this case uses. */
    private String broker;
    private Producer producer;

    Scene(String name, Servers servers, Options options, Runner runner) {
        this.name = name;
        this.servers = servers;
        this.options = options;
        this.runner = runner;
        broker = options.broker();
    }

    /** A name that no other case and no other run uses; `part` tells several names of one case apart. */
    String unique(String part) {
        return name + "-" + part + "-" + options.run();
    }

    String broker() {
        return broker;
    }

    /** A new topic with one queue for messages of this type: NORMAL, FIFO, DELAY or TRANSACTION. */
    String topic(String type) throws Exception {
        return topic(type, 1);
    }

    String topic(String type, int queues) throws Exception {
        String topic = unique("topic");
        servers.createTopic(topic, type, queues, broker);
        return topic;
    }

    /** A new group whose failed messages come again after a second. */
    String group() throws Exception {
        return group(false, RETRIES);
    }

    String group(boolean orderly, int retries) throws Exception {
        String group = unique("group");
        servers.createGroup(group, orderly, retries, 1_000, broker);
        return group;
    }

    ClientConfiguration configuration() {
        return configuration(servers.endpoint(broker), false);
    }

    static ClientConfiguration configuration(String endpoints, boolean tls) {
        return ClientConfiguration.newBuilder().setEndpoints(endpoints).enableSsl(tls).setRequestTimeout(Duration.ofSeconds(10)).build();
    }

    /** Shuts something down when the case ends; the last opened goes first. */
    <T extends AutoCloseable> T closing(T resource) {
        open.push(resource);
        return resource;
    }

    /** The case's started producer. */
    Producer producer() throws Exception {
        if (producer == null) {
            producer = closing(CLIENTS.newProducerBuilder().setClientConfiguration(configuration()).build());
        }
        return producer;
    }

    Producer transactionProducer(TransactionChecker checker, String topic) throws Exception {
        return closing(CLIENTS.newProducerBuilder().setClientConfiguration(configuration()).setTopics(topic)
            .setTransactionChecker(checker).build());
    }

    static MessageBuilder message(String topic, String body) {
        return CLIENTS.newMessageBuilder().setTopic(topic).setBody(body.getBytes(StandardCharsets.UTF_8));
    }

    /** Sends these bodies in this order, each as soon as the one before was acknowledged. */
    List<SendReceipt> send(String topic, List<String> bodies) throws Exception {
        var receipts = new ArrayList<SendReceipt>();
        for (String body : bodies) {
            receipts.add(producer().send(message(topic, body).build()));
        }
        return receipts;
    }

    /** The bodies `prefix-0`, `prefix-1`, … */
    static List<String> bodies(String prefix, int count) {
        var bodies = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            bodies.add(prefix + "-" + i);
        }
        return bodies;
    }

    /** Starts a push consumer that takes everything, and succeeds. */
    Inbox push(String group, String topic) throws Exception {
        return push(group, topic, FilterExpression.SUB_ALL);
    }

    Inbox push(String group, String topic, FilterExpression filter) throws Exception {
        return push(configuration(), group, topic, filter, message -> ConsumeResult.SUCCESS);
    }

    Inbox push(String group, String topic, MessageListener listener) throws Exception {
        return push(configuration(), group, topic, FilterExpression.SUB_ALL, listener);
    }

    /** Starts a push consumer whose messages go to the returned inbox and then to the listener. */
    Inbox push(ClientConfiguration configuration, String group, String topic, FilterExpression filter, MessageListener listener)
        throws Exception {
        var inbox = new Inbox();
        PushConsumer consumer = CLIENTS.newPushConsumerBuilder().setClientConfiguration(configuration).setConsumerGroup(group)
            .setConsumptionThreadCount(4).setSubscriptionExpressions(Map.of(topic, filter)).setMessageListener(message -> {
                inbox.add(Received.of(message));
                return listener.consume(message);
            }).build();
        closing(consumer);
        return inbox;
    }

    /** Starts a simple consumer that waits this long for messages. */
    SimpleConsumer simple(String group, String topic, Duration wait) throws Exception {
        return closing(CLIENTS.newSimpleConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(group)
            .setAwaitDuration(wait).setSubscriptionExpressions(new HashMap<>(Map.of(topic, FilterExpression.SUB_ALL))).build());
    }

    /** Receives until there are this many messages. */
    static List<MessageView> receive(SimpleConsumer consumer, int count, Duration invisible) throws Exception {
        var received = new ArrayList<MessageView>();
        Expect.eventually("the number of received messages", count, () -> {
            received.addAll(consumer.receive(count, invisible));
            return received.size();
        });
        return received;
    }

    /** Gives a remoting client an instance name of its own: clients of one name share connections and group membership. */
    <C extends ClientConfig> C configure(C client) {
        client.setNamesrvAddr(servers.nameServer);
        client.setInstanceName(name + "-" + INSTANCES.incrementAndGet());
        client.setHeartbeatBrokerInterval(1_000);
        client.setPollNameServerInterval(2_000);
        return client;
    }

    /** Waits until a topic holds this many messages, and returns them. */
    List<MessageExt> stored(String topic, int count) throws Exception {
        var messages = new ArrayList<MessageExt>();
        Expect.eventually("the messages stored on " + topic, count, () -> {
            messages.clear();
            for (MessageQueue queue : servers.reader.fetchSubscribeMessageQueues(topic)) {
                var result = servers.reader.pull(queue, "*", 0, 32);
                if (result.getPullStatus() == PullStatus.FOUND) {
                    messages.addAll(result.getMsgFoundList());
                }
            }
            return messages.size();
        });
        return messages;
    }

    /** What a broker holds of a topic. */
    List<MessageExt> storedOn(String topic, String broker) throws Exception {
        var messages = new ArrayList<MessageExt>();
        for (MessageQueue queue : servers.reader.fetchSubscribeMessageQueues(topic)) {
            if (queue.getBrokerName().equals(broker)) {
                var result = servers.reader.pull(queue, "*", 0, 32);
                if (result.getPullStatus() == PullStatus.FOUND) {
                    messages.addAll(result.getMsgFoundList());
                }
            }
        }
        return messages;
    }

    /** Runs `body` with the restartable broker, while no other case uses that. */
    void withRestartableBroker(Case.Body body) throws Exception {
        synchronized (RESTARTS) {
            broker = options.restartable();
            body.run(this);
        }
    }

    /**
     * The clients' own way to end takes up to half a minute, because a push consumer waits for its last poll; the next case need not
     * wait for that.
     */
    @Override
    public void close() {
        var closing = new Thread(() -> open.forEach(resource -> {
            try {
                resource.close();
            } catch (Exception e) {
                System.err.println(name + ": cannot close " + resource + ": " + e);
            }
        }));
        closing.setDaemon(true);
        closing.start();
    }
}
