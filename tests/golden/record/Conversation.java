import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * One of Apache's clients and its admin tool, holding the conversation that the golden frames are cut from. It compiles
 * against 5.5.0 and 4.9.8 alike: what only one of them has is called by name, and a step that fails is part of the
 * conversation too.
 */
public class Conversation {
    static final String CLUSTER = "DefaultCluster";
    static final String BROKER_NAME = "broker-a";
    static String names;
    static String broker;
    static String label;
    static String topic;
    static DefaultMQAdminExt admin;
    static final List<SendResult> sent = Collections.synchronizedList(new ArrayList<>());

    interface Step {
        Object run() throws Throwable;
    }

    static void step(String what, Step step) {
        try {
            step.run();
        } catch (Throwable e) {
            Throwable cause = e instanceof java.lang.reflect.InvocationTargetException ? e.getCause() : e;
            System.out.println(label + ": " + what + ": " + String.valueOf(cause).split("\n")[0]);
        }
    }

    /** Calls the method of that name which takes these arguments; null fits every reference. */
    static Object call(Object target, String name, Object... arguments) throws Throwable {
        for (Method m : target.getClass().getMethods()) {
            Class<?>[] types = m.getParameterTypes();
            if (!m.getName().equals(name) || types.length != arguments.length) {
                continue;
            }
            boolean fits = true;
            for (int i = 0; i < types.length; i++) {
                Class<?> boxed = types[i].isPrimitive() ? Array.get(Array.newInstance(types[i], 1), 0).getClass() : types[i];
                fits &= arguments[i] == null ? !types[i].isPrimitive() : boxed.isInstance(arguments[i]);
            }
            if (fits) {
                return m.invoke(target, arguments);
            }
        }
        throw new NoSuchMethodException(name);
    }

    /** A class that 5.x moved below `remoting.protocol`. */
    static Class<?> moved(String name) throws ClassNotFoundException {
        for (String root : new String[] {"org.apache.rocketmq.remoting.protocol.", "org.apache.rocketmq.common.", "org.apache.rocketmq.common.protocol."}) {
            try {
                return Class.forName(root + name);
            } catch (ClassNotFoundException e) {
                continue;
            }
        }
        throw new ClassNotFoundException(name);
    }

    static <T extends ClientConfig> T configured(T client, String instance) {
        client.setNamesrvAddr(names);
        client.setClientIP("127.0.0.1");
        client.setInstanceName(label + "-" + instance);
        client.setVipChannelEnabled(false);
        client.setHeartbeatBrokerInterval(2000);
        client.setPersistConsumerOffsetInterval(1000);
        return client;
    }

    static byte[] text(String start, int bytes) {
        StringBuilder text = new StringBuilder(start);
        while (text.length() < bytes) {
            text.append(" the quick brown fox");
        }
        return text.substring(0, Math.max(bytes, start.length())).getBytes(StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Throwable {
        names = arguments[0];
        broker = arguments[1];
        label = arguments[2];
        topic = "golden-" + label.replace('.', '_');
        if (label.equals("code-10") || label.equals("ipv6")) {
            send();
        } else {
            admin = configured(new DefaultMQAdminExt(30_000), "admin");
            admin.start();
            create();
            nameServer();
            send();
            transaction();
            raw();
            queues();
            consume();
            orderly();
            broadcast();
            sql();
            assigned();
            litePull();
            pull();
            brokerAdmin();
            delete();
            admin.shutdown();
        }
        System.exit(0);
    }

    static void create() {
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(2);
        config.setWriteQueueNums(2);
        config.setPerm(6);
        step("create topic", () -> call(admin, "createAndUpdateTopicConfig", broker, config));
        TopicConfig spare = new TopicConfig(topic + "-spare", 1, 1, 6);
        step("create spare topic", () -> call(admin, "createAndUpdateTopicConfig", broker, spare));
        step("create topics", () -> call(admin, "createAndUpdateTopicConfigList", broker, List.of(config, spare)));
        step("create topic with an illegal name", () -> call(admin, "createAndUpdateTopicConfig", broker, new TopicConfig("no spaces", 1, 1, 6)));
        for (String suffix : new String[] {"", "-orderly", "-spare"}) {
            step("create group", () -> {
                Object group = moved("subscription.SubscriptionGroupConfig").getDeclaredConstructor().newInstance();
                call(group, "setGroupName", "group-" + label.replace('.', '_') + suffix);
                call(admin, "createAndUpdateSubscriptionGroupConfig", broker, group);
                return call(admin, "createAndUpdateSubscriptionGroupConfigList", broker, List.of(group));
            });
        }
        step("get group", () -> call(admin, "examineSubscriptionGroupConfig", broker, group("")));
        step("get topic", () -> call(admin, "examineTopicConfig", broker, topic));
        step("all topics", () -> call(admin, "getAllTopicConfig", broker, 5000L));
        step("all groups", () -> call(admin, "getAllSubscriptionGroup", broker, 5000L));
    }

    static String group(String suffix) {
        return "group-" + label.replace('.', '_') + suffix;
    }

    static void nameServer() {
        step("cluster", () -> admin.examineBrokerClusterInfo());
        step("route", () -> admin.examineTopicRouteInfo(topic));
        step("route of no topic", () -> admin.examineTopicRouteInfo("no-such-topic"));
        step("topics", () -> admin.fetchAllTopicList());
        step("topics of a cluster", () -> admin.fetchTopicsByCLuster(CLUSTER));
        step("put", () -> call(admin, "createAndUpdateKvConfig", "golden", "key-" + label, "a value; \"quoted\""));
        step("get", () -> admin.getKVConfig("golden", "key-" + label));
        step("get nothing", () -> admin.getKVConfig("golden", "nothing"));
        step("list", () -> admin.getKVListByNamespace("golden"));
        step("list nothing", () -> admin.getKVListByNamespace("nothing"));
        step("remove", () -> call(admin, "deleteKvConfig", "golden", "key-" + label));
        step("order", () -> call(admin, "createOrUpdateOrderConf", topic, BROKER_NAME + ":2", false));
        step("route with order", () -> admin.examineTopicRouteInfo(topic));
        step("wipe", () -> admin.wipeWritePermOfBroker(names, BROKER_NAME));
        step("add", () -> admin.addWritePermOfBroker(names, BROKER_NAME));
        Properties properties = new Properties();
        properties.setProperty("orderMessageEnable", "true");
        step("configure", () -> call(admin, "updateNameServerConfig", properties, List.of(names)));
        step("configuration", () -> admin.getNameServerConfig(List.of(names)));
    }

    static void send() throws Throwable {
        DefaultMQProducer producer = configured(new DefaultMQProducer("producer-" + label.replace('.', '_')), "producer");
        producer.setCompressMsgBodyOverHowmuch(1024);
        producer.setSendMsgTimeout(5000);
        producer.start();
        step("plain", () -> sent.add(producer.send(new Message(topic, text("plain", 16)))));
        step("tag", () -> sent.add(producer.send(new Message(topic, "TagA", text("tagged", 16)))));
        step("key", () -> sent.add(producer.send(new Message(topic, "TagB", "key-1 key-2", text("keyed", 16)))));
        Message full = new Message(topic, "TagA", "key-3", 7, "grüße, 世界 🚀".getBytes(StandardCharsets.UTF_8), true);
        full.putUserProperty("stadt", "Zürich 世界 🚀");
        full.putUserProperty("quote", "\"\\/ \t");
        step("properties", () -> sent.add(producer.send(full)));
        step("compressed", () -> sent.add(producer.send(new Message(topic, "TagB", "large", text("compressed", 6000)))));
        Message late = new Message(topic, "TagA", "late", text("late", 16));
        late.setDelayTimeLevel(1);
        step("delayed", () -> producer.send(late));
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            batch.add(new Message(topic, "TagA", "batch-" + i, text("batched " + i, 16)));
        }
        step("batch", () -> producer.send(batch));
        step("oneway", () -> {
            producer.sendOneway(new Message(topic, "TagA", text("oneway", 16)));
            return null;
        });
        CountDownLatch answered = new CountDownLatch(1);
        step("async", () -> {
            producer.send(new Message(topic, "TagB", text("async", 16)), new SendCallback() {
                public void onSuccess(SendResult result) {
                    answered.countDown();
                }

                public void onException(Throwable e) {
                    answered.countDown();
                }
            });
            return answered.await(5, TimeUnit.SECONDS);
        });
        step("created topic", () -> producer.send(new Message(topic + "-created", text("creates its topic", 16))));
        producer.setCompressMsgBodyOverHowmuch(1 << 20);
        for (int i = 0; i < 6; i++) {
            step("filling", () -> producer.send(new Message(topic, "Fill", text("fill", 5000))));
        }
        step("too large", () -> {
            producer.setMaxMessageSize(1 << 20);
            return producer.send(new Message(topic, text("too large", 50_001)));
        });
        // A few heartbeats, the later ones in their short form where the client has one.
        Thread.sleep(1000);
        if (admin != null) {
            step("producers", () -> admin.examineProducerConnectionInfo("producer-" + label.replace('.', '_'), topic));
            step("all producers", () -> call(admin, "getAllProducerInfo", broker));
        }
        producer.shutdown();
    }

    static void transaction() throws Throwable {
        TransactionMQProducer producer = configured(new TransactionMQProducer("transaction-" + label.replace('.', '_')), "transaction");
        producer.setTransactionListener(new TransactionListener() {
            public LocalTransactionState executeLocalTransaction(Message message, Object state) {
                return (LocalTransactionState) state;
            }

            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        producer.start();
        for (LocalTransactionState state : LocalTransactionState.values()) {
            step("transaction", () -> producer.sendMessageInTransaction(new Message(topic, "TagT", text("transaction", 16)), state));
        }
        producer.shutdown();
    }

    /** What no client of these versions sends by itself: older versions, oddities, errors. */
    static void raw() throws Throwable {
        NettyRemotingClient client = new NettyRemotingClient(new NettyClientConfig());
        client.start();
        ask(client, names, 105, 317, null, "topic", topic);
        ask(client, names, 105, -1, null, "topic", topic, "acceptStandardJsonOnly", "true");
        ask(client, names, 304, -1, null);
        for (int code = 311; code <= 313; code++) {
            ask(client, names, code, -1, null);
        }
        ask(client, names, 901, -1, null, "clusterName", CLUSTER, "brokerName", BROKER_NAME);
        register(client);
        ask(client, names, 29_999, -1, null);
        ask(client, broker, 29_999, -1, null);
        ask(client, broker, 305, -1, null);
        if (label.equals("5.5.0-json")) {
            pop(client);
        }
        String[] header = {"a", "raw", "b", "", "c", "TBW102", "d", "2", "e", "0", "f", "0", "g", "1700000000000", "h", "0", "i", "", "j", "0", "k", "false", "l", "16", "m", "false"};
        header[3] = topic;
        header[9] = "99";
        ask(client, broker, 310, -1, text("to no queue", 16), header);
        header[9] = "0";
        header[3] = "TBW102";
        ask(client, broker, 310, -1, text("to the template", 16), header);
        ask(client, broker, 14, -1, null, "consumerGroup", "nobody", "topic", topic, "queueId", "0", "setZeroIfNotFound", "false");
        ask(client, broker, 14, -1, null, "consumerGroup", "nobody", "topic", topic, "queueId", "0");
        ask(client, broker, 38, -1, null, "consumerGroup", "nobody");
        for (String boundary : new String[] {"lower", "upper"}) {
            ask(client, broker, 29, -1, null, "topic", topic, "queueId", "0", "timestamp", "1700000000000", "boundaryType", boundary);
        }
        for (String offset : new String[] {"0", "1000000"}) {
            ask(client, broker, 11, -1, null, "consumerGroup", group(""), "topic", topic, "queueId", "0", "queueOffset", offset, "maxMsgNums", "1",
                "sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "1000", "subscription", "*", "subVersion", "1");
        }
        ask(client, broker, 11, -1, null, "consumerGroup", group(""), "topic", "no-such-topic", "queueId", "0", "queueOffset", "0", "maxMsgNums", "1",
            "sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "1000", "subscription", "*", "subVersion", "1");
        ask(client, broker, 33, -1, null, "offset", "0", "topic", topic);
        ask(client, broker, 33, -1, null, "offset", "99999999", "topic", topic);
        ask(client, broker, 12, -1, null, "topic", topic, "key", "no-such-key", "maxNum", "32", "beginTimestamp", "0", "endTimestamp", "9999999999999");
        ask(client, broker, 12, -1, null, "topic", topic);
        client.shutdown();
    }

    /** The only way into a topic of more than 127 bytes: the broker itself puts what POP consumers do not acknowledge into one. */
    static void pop(NettyRemotingClient client) throws Throwable {
        String name = topic + "-whose-name-goes-on-and-on-for-quite-a-while";
        step("create long topic", () -> call(admin, "createAndUpdateTopicConfig", broker, new TopicConfig(name, 1, 1, 6)));
        DefaultMQProducer producer = configured(new DefaultMQProducer("producer-long"), "long");
        producer.start();
        step("long topic", () -> producer.send(new Message(name, "TagA", "long", text("popped", 16))));
        producer.shutdown();
        ask(client, broker, 200_050, -1, null, "consumerGroup", group("") + "-whose-name-goes-on-and-on-for-just-as-long-as-that", "topic", name,
            "queueId", "-1", "maxMsgNums", "1", "invisibleTime", "3000", "pollTime", "1000", "bornTime", String.valueOf(System.currentTimeMillis()),
            "initMode", "0", "order", "false");
    }

    /** A broker that compresses its registration. (5.5.0's own says `compressed=false` then, and is refused.) */
    static void register(NettyRemotingClient client) {
        step("register compressed", () -> {
            Object body = moved("body.RegisterBrokerBody").getDeclaredConstructor().newInstance();
            Object wrapper = call(body, "getTopicConfigSerializeWrapper");
            @SuppressWarnings("unchecked")
            Map<String, TopicConfig> table = (Map<String, TopicConfig>) call(wrapper, "getTopicConfigTable");
            for (String name : new String[] {"first", "%RETRY%second"}) {
                table.put(name, new TopicConfig(name, 3, 2, 6));
            }
            byte[] compressed = (byte[]) call(body, "encode", true);
            String[] broker = {"brokerName", "broker-b", "brokerAddr", "127.0.0.3:10911", "clusterName", "other-" + label, "haServerAddr", "127.0.0.3:10912",
                "brokerId", "0", "heartbeatTimeoutMillis", "120000", "enableActingMaster", "false", "compressed", "true",
                "bodyCrc32", String.valueOf(UtilAll.crc32(compressed))};
            ask(client, names, 103, -1, compressed, broker);
            ask(client, names, 105, -1, null, "topic", "first");
            ask(client, names, 104, -1, null, "brokerName", "broker-b", "brokerAddr", "127.0.0.3:10911", "clusterName", "other-" + label, "brokerId", "0");
            return null;
        });
    }

    static void ask(NettyRemotingClient client, String to, int code, int version, byte[] body, String... fields) {
        step("raw " + code, () -> {
            RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
            HashMap<String, String> map = new HashMap<>();
            for (int i = 0; i < fields.length; i += 2) {
                map.put(fields[i], fields[i + 1]);
            }
            request.setExtFields(map);
            request.setBody(body);
            if (version >= 0) {
                request.setVersion(version);
            }
            return client.invokeSync(to, request, 5000);
        });
    }

    static void queues() {
        MessageQueue queue = new MessageQueue(topic, BROKER_NAME, 0);
        step("max", () -> admin.maxOffset(queue));
        step("min", () -> admin.minOffset(queue));
        step("search", () -> admin.searchOffset(queue, System.currentTimeMillis()));
        step("search lower", () -> call(admin, "searchLowerBoundaryOffset", queue, 0L));
        step("search upper", () -> call(admin, "searchUpperBoundaryOffset", queue, 0L));
        step("earliest", () -> admin.earliestMsgStoreTime(queue));
        for (SendResult result : sent.subList(0, Math.min(2, sent.size()))) {
            step("view", () -> admin.viewMessage(topic, result.getOffsetMsgId()));
            step("unique key", () -> admin.viewMessage(topic, result.getMsgId()));
        }
        step("key", () -> admin.queryMessage(topic, "key-1", 32, 0, Long.MAX_VALUE));
        step("key in the index of keys", () -> call(admin, "queryMessage", CLUSTER, topic, "key-1", 32, 0L, Long.MAX_VALUE, "K", null));
        step("tag in the index of tags", () -> call(admin, "queryMessage", CLUSTER, topic, "TagA", 32, 0L, Long.MAX_VALUE, "T", null));
        step("topic stats", () -> admin.examineTopicStats(topic));
        step("queue entries", () -> admin.queryConsumeQueue(broker, topic, 0, 0, 3, null));
    }

    static DefaultMQPushConsumer consumer(String group, String instance) throws Throwable {
        DefaultMQPushConsumer consumer = configured(new DefaultMQPushConsumer(group), instance);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        step("heartbeats in their short form", () -> call(consumer, "setUseHeartbeatV2", true));
        return consumer;
    }

    static void consume() throws Throwable {
        AtomicInteger seen = new AtomicInteger();
        MessageListenerConcurrently listener = (messages, context) ->
            seen.incrementAndGet() == 2 ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        DefaultMQPushConsumer first = consumer(group(""), "first");
        first.subscribe(topic, "TagA || TagB");
        first.registerMessageListener(listener);
        first.start();
        DefaultMQPushConsumer second = consumer(group(""), "second");
        second.subscribe(topic, "TagA || TagB");
        second.registerMessageListener(listener);
        second.start();
        Thread.sleep(7000);
        String id = "127.0.0.1@" + label + "-first";
        step("consume stats", () -> admin.examineConsumeStats(group("")));
        step("consume stats of a topic", () -> admin.examineConsumeStats(group(""), topic));
        step("connections", () -> admin.examineConsumerConnectionInfo(group("")));
        step("running", () -> admin.getConsumerRunningInfo(group(""), id, false));
        step("directly", () -> admin.consumeMessageDirectly(group(""), id, topic, sent.get(1).getMsgId()));
        step("by whom", () -> admin.queryTopicConsumeByWho(topic));
        step("topics by consumer", () -> call(admin, "queryTopicsByConsumer", group("")));
        step("subscription", () -> call(admin, "querySubscription", group(""), topic));
        step("time span", () -> admin.queryConsumeTimeSpan(topic, group("")));
        step("broker's consume stats", () -> admin.fetchConsumeStatsInBroker(broker, false, 5000));
        step("status", () -> admin.getConsumeStatus(topic, group(""), id));
        step("reset", () -> admin.resetOffsetByTimestamp(topic, group(""), 0, true));
        Thread.sleep(2000);
        second.shutdown();
        first.shutdown();
        step("connections of an absent group", () -> admin.examineConsumerConnectionInfo(group("")));
        step("commit", () -> {
            admin.updateConsumeOffset(broker, group(""), new MessageQueue(topic, BROKER_NAME, 1), 2);
            return null;
        });
        step("clone", () -> {
            admin.cloneGroupOffset(group(""), group("-spare"), topic, true);
            return null;
        });
    }

    static void orderly() throws Throwable {
        DefaultMQPushConsumer consumer = consumer(group("-orderly"), "orderly");
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> ConsumeOrderlyStatus.SUCCESS);
        consumer.start();
        Thread.sleep(4000);
        consumer.shutdown();
    }

    /** SQL has the broker check it first. */
    static void sql() throws Throwable {
        DefaultMQPushConsumer consumer = consumer(group("-sql"), "sql");
        consumer.subscribe(topic, MessageSelector.bySql("stadt IS NOT NULL"));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
        consumer.start();
        Thread.sleep(2000);
        consumer.shutdown();
    }

    /** Lets the broker say who gets which queue. */
    static void assigned() throws Throwable {
        DefaultMQPushConsumer consumer = consumer(group("-assigned"), "assigned");
        step("assignment by the broker", () -> call(consumer, "setClientRebalance", false));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
        consumer.start();
        Thread.sleep(3000);
        consumer.shutdown();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static void broadcast() throws Throwable {
        DefaultMQPushConsumer consumer = consumer(group("-broadcast"), "broadcast");
        step("broadcasting", () -> call(consumer, "setMessageModel", Enum.valueOf((Class<Enum>) moved("heartbeat.MessageModel"), "BROADCASTING")));
        consumer.subscribe(topic, "TagA");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
        consumer.start();
        Thread.sleep(2000);
        consumer.shutdown();
    }

    static void litePull() throws Throwable {
        DefaultLitePullConsumer consumer = configured(new DefaultLitePullConsumer(group("-lite")), "lite");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.start();
        for (int i = 0; i < 4; i++) {
            consumer.poll(1000);
        }
        step("commit", () -> call(consumer, "commitSync"));
        consumer.shutdown();
    }

    @SuppressWarnings("deprecation")
    static void pull() throws Throwable {
        DefaultMQPullConsumer consumer = configured(new DefaultMQPullConsumer(group("-pull")), "pull");
        consumer.start();
        MessageQueue queue = new MessageQueue(topic, BROKER_NAME, 0);
        step("found", () -> consumer.pull(queue, "*", 0, 2));
        step("no match", () -> consumer.pull(queue, "NoSuchTag", 0, 2));
        step("moved", () -> consumer.pull(queue, "*", 1_000_000, 2));
        step("end", () -> consumer.pull(queue, "*", consumer.maxOffset(queue), 2));
        step("empty", () -> consumer.pull(new MessageQueue(topic + "-spare", BROKER_NAME, 0), "*", 0, 2));
        step("offset", () -> consumer.fetchConsumeOffset(queue, true));
        step("commit", () -> {
            consumer.updateConsumeOffset(queue, 1);
            consumer.getDefaultMQPullConsumerImpl().getOffsetStore().persist(queue);
            return null;
        });
        consumer.shutdown();
    }

    static void brokerAdmin() {
        step("runtime", () -> admin.fetchBrokerRuntimeStats(broker));
        step("configuration", () -> admin.getBrokerConfig(broker));
        Properties properties = new Properties();
        properties.setProperty("flushConsumerOffsetInterval", "1000");
        step("configure", () -> call(admin, "updateBrokerConfig", broker, properties));
        properties.setProperty("brokerConfigPath", "/no/such/file");
        step("configure what may not be", () -> call(admin, "updateBrokerConfig", broker, properties));
        step("statistics", () -> admin.viewBrokerStatsData(broker, "TOPIC_PUT_NUMS", topic));
        step("no statistics", () -> admin.viewBrokerStatsData(broker, "TOPIC_PUT_NUMS", "no-such-topic"));
        step("clean queues", () -> admin.cleanExpiredConsumerQueueByAddr(broker));
        step("clean topics", () -> admin.cleanUnusedTopicByAddr(broker));
        step("user topics", () -> call(admin, "getUserTopicConfig", broker, false, 5000L));
        step("user groups", () -> call(admin, "getUserSubscriptionGroup", broker, 5000L));
    }

    static void delete() {
        step("delete group", () -> call(admin, "deleteSubscriptionGroup", broker, group("-spare"), true));
        step("delete topic", () -> call(admin, "deleteTopicInBroker", Set.of(broker), topic + "-spare"));
        step("delete topic from the name server", () -> call(admin, "deleteTopicInNameServer", Set.of(names), topic + "-spare"));
    }
}
