package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.store.ReadOffsetType;
import org.apache.rocketmq.client.consumer.store.RemoteBrokerOffsetStore;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.constant.PermName;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The stage of one case: names of its own, and clients that are shut down when the case ends. */
final class Scene implements AutoCloseable {
    private static final AtomicInteger INSTANCES = new AtomicInteger();
    /** One program has one restartable broker, so that cases which restart it take turns. */
    private static final Object RESTARTS = new Object();

    final Servers servers;
    final Options options;
    private final String name;
    private final Runner runner;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private DefaultMQProducer producer;

    Scene(String name, Servers servers, Options options, Runner runner) {
        this.name = name;
        this.servers = servers;
        this.options = options;
        this.runner = runner;
    }

    /** A name that no other case and no other run uses; `part` tells several names of one case apart. */
    String unique(String part) {
        return name + "-" + part + "-" + options.run();
    }

    String group() {
        return unique("group");
    }

    /** A new topic with this many queues on the cluster's ordinary broker. */
    String topic(int queues) throws Exception {
        return createTopic(unique("topic"), queues, servers.broker());
    }

    /** Creates a topic with this many queues on each of these brokers, and waits until the name server knows of all. */
    String createTopic(String topic, int queues, String... brokers) throws Exception {
        for (String broker : brokers) {
            servers.admin.createAndUpdateTopicConfig(servers.address(broker), new TopicConfig(topic, queues, queues, PermName.PERM_READ | PermName.PERM_WRITE));
        }
        var expected = new HashSet<>(Arrays.asList(brokers));
        Expect.eventually("the route of " + topic, expected, () -> routedBrokers(topic));
        return topic;
    }

    Set<String> routedBrokers(String topic) throws Exception {
        var names = new HashSet<String>();
        for (var queue : servers.admin.examineTopicRouteInfo(topic).getQueueDatas()) {
            names.add(queue.getBrokerName());
        }
        return names;
    }

    /** Shuts something down when the case ends; the last opened goes first. */
    <T extends AutoCloseable> T closing(T resource) {
        open.push(resource);
        return resource;
    }

    /**
     * Gives a client an instance name of its own: clients of one name share connections and group membership. Programs run side
     * by side against one cluster, and a reply goes to whoever bears the name of the one who asked, so it names the run too.
     */
    <C extends ClientConfig> C configure(C client) {
        client.setNamesrvAddr(servers.nameServer);
        client.setInstanceName(unique("client") + "-" + INSTANCES.incrementAndGet());
        // A client that starts now and then loses the race for its second heartbeat, without which the broker does not
        // know its newest subscription, and would wait 30 s for the next one.
        client.setHeartbeatBrokerInterval(1_000);
        client.setPollNameServerInterval(2_000);
        client.setMqClientApiTimeout(Expect.CALL_MS);
        return client;
    }

    /** The case's started producer. */
    DefaultMQProducer producer() throws Exception {
        if (producer == null) {
            producer = newProducer();
            start(producer);
        }
        return producer;
    }

    DefaultMQProducer newProducer() {
        var created = configure(new DefaultMQProducer(unique("producer")));
        created.setSendMsgTimeout(Expect.CALL_MS);
        return created;
    }

    void start(DefaultMQProducer created) throws Exception {
        created.start();
        closing(created::shutdown);
    }

    DefaultLitePullConsumer litePull(String group) {
        var consumer = configure(new DefaultLitePullConsumer(group));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        return consumer;
    }

    void start(DefaultLitePullConsumer consumer) throws Exception {
        consumer.start();
        closing(consumer::shutdown);
    }

    DefaultMQPullConsumer pull(String group) throws Exception {
        var consumer = configure(new DefaultMQPullConsumer(group));
        consumer.start();
        closing(consumer::shutdown);
        return consumer;
    }

    /** A push consumer that has not been started; unless changed, it starts with a queue's first message. */
    DefaultMQPushConsumer push(String group, String topic, String expression) throws Exception {
        var consumer = configure(new DefaultMQPushConsumer(group));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, expression);
        return consumer;
    }

    /** Lets one thread hand over the messages, so that the order of arrival is the order in the queue. */
    static DefaultMQPushConsumer inOrder(DefaultMQPushConsumer consumer) {
        consumer.setConsumeThreadMin(1);
        consumer.setConsumeThreadMax(1);
        return consumer;
    }

    /** Starts a push consumer whose messages go to the returned inbox. */
    Inbox start(DefaultMQPushConsumer consumer) throws Exception {
        var inbox = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> inbox.add(Received.of(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        closing(consumer::shutdown);
        return inbox;
    }

    static Message message(String topic, String body) {
        return new Message(topic, body.getBytes(StandardCharsets.UTF_8));
    }

    /** Sends these bodies in this order, each as soon as the one before was acknowledged. */
    void send(String topic, List<String> bodies) throws Exception {
        for (String body : bodies) {
            producer().send(message(topic, body));
        }
    }

    /** The bodies `prefix-0`, `prefix-1`, … */
    static List<String> bodies(String prefix, int count) {
        var bodies = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            bodies.add(prefix + "-" + i);
        }
        return bodies;
    }

    /** All queues of a topic, on all its brokers. */
    List<MessageQueue> queues(String topic) throws Exception {
        return servers.reader.fetchSubscribeMessageQueues(topic).stream().sorted().toList();
    }

    /**
     * Everything that a topic holds, once it holds at least this many: a broker may acknowledge a message a moment before
     * it can be read. Queue by queue, from the lowest to the highest offset.
     */
    List<MessageExt> readAll(String topic, long atLeast) throws Exception {
        Expect.eventually("the topic to have " + atLeast + " messages", true, () -> {
            long count = 0;
            for (MessageQueue queue : queues(topic)) {
                count += servers.reader.maxOffset(queue) - servers.reader.minOffset(queue);
            }
            return count >= atLeast;
        });
        var messages = new ArrayList<MessageExt>();
        for (MessageQueue queue : queues(topic)) {
            long end = servers.reader.maxOffset(queue);
            long next = servers.reader.minOffset(queue);
            while (next < end) {
                var result = servers.reader.pull(queue, "*", next, 32);
                Expect.equal("the pull of " + queue + " at " + next, PullStatus.FOUND, result.getPullStatus());
                messages.addAll(result.getMsgFoundList());
                Expect.holds("the next offset to pass " + next, result.getNextBeginOffset() > next, result);
                next = result.getNextBeginOffset();
            }
        }
        return messages;
    }

    /** Waits until a consumer counts this many messages as done; an end before would have some of them come again. */
    void awaitDone(DefaultMQPushConsumer consumer, String topic, long count) throws Exception {
        List<MessageQueue> queues = queues(topic);
        Expect.eventually("the sum of the consumer's offsets", count, () -> queues.stream()
            .mapToLong(queue -> Math.max(0, consumer.getOffsetStore().readOffset(queue, ReadOffsetType.READ_FROM_MEMORY)))
            .sum());
    }

    /** Sends these bodies, and waits until they can be read. */
    void sendReadable(String topic, List<String> bodies) throws Exception {
        send(topic, bodies);
        readAll(topic, bodies.size());
    }

    /**
     * Waits until the brokers have stored that a group is done with this many messages. Clients commit offsets one way, so
     * that a commit may arrive after the next member's question.
     */
    void awaitStored(String group, String topic, long count) throws Exception {
        var factory = servers.reader.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory();
        var store = new RemoteBrokerOffsetStore(factory, group);
        Expect.eventually("the sum of the stored offsets", count, () -> queues(topic).stream()
            .mapToLong(queue -> Math.max(0, store.readOffset(queue, ReadOffsetType.READ_FROM_STORE)))
            .sum());
    }

    static List<String> bodiesOf(List<MessageExt> messages) {
        return messages.stream().map(message -> new String(message.getBody(), StandardCharsets.UTF_8)).toList();
    }

    /** Runs `body` while no other case uses the restartable broker. */
    void withRestartableBroker(Case.Body body) throws Exception {
        synchronized (RESTARTS) {
            body.run(this);
        }
    }

    /** Has the runner restart the restartable broker, and waits until the name server knows of it again. */
    void restartBroker(String topic) throws Exception {
        runner.restart(servers.restartable());
        Expect.eventually("the route after the restart", Set.of(servers.restartable()), () -> routedBrokers(topic));
    }

    @Override
    public void close() throws Exception {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }
}
