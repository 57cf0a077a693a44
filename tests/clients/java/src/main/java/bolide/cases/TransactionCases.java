package bolide.cases;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/** Transactions: a message is seen if its producer commits it, at once or when it is asked, and never otherwise. */
final class TransactionCases {
    /** Where a broker keeps the messages of transactions that never ended. */
    private static final String GIVEN_UP = "TRANS_CHECK_MAX_TIME_TOPIC";

    private TransactionCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("transaction-given-up-and-resumed", TransactionCases::givenUp),
            Case.needingRestarts("transaction-over-a-restart", TransactionCases::restart),
            new Case("transaction-left-alone-first", TransactionCases::immunity),
            new Case("transaction-ends-when-asked", TransactionCases::asked),
            new Case("transaction-other-producer-is-asked", TransactionCases::otherProducer),
            new Case("transaction-commit-and-rollback", TransactionCases::ended));
    }

    /** Says what was agreed on for each body, and notes what it is asked. */
    private static final class Listener implements TransactionListener {
        /** What a check is told by body; what is missing stays unknown. */
        final Map<String, LocalTransactionState> whenAsked = new ConcurrentHashMap<>();
        final List<MessageExt> checks = new CopyOnWriteArrayList<>();

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object state) {
            return (LocalTransactionState) state;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            checks.add(message);
            return whenAsked.getOrDefault(body(message), LocalTransactionState.UNKNOW);
        }

        long checksOf(String body) {
            return checks.stream().filter(message -> body(message).equals(body)).count();
        }
    }

    private static String body(MessageExt message) {
        return Scene.bodiesOf(List.of(message)).get(0);
    }

    private static TransactionMQProducer start(Scene scene, Listener listener) throws Exception {
        var producer = scene.configure(new TransactionMQProducer(scene.unique("producer")));
        producer.setSendMsgTimeout(Expect.CALL_MS);
        producer.setTransactionListener(listener);
        scene.start(producer);
        return producer;
    }

    private static TransactionSendResult send(TransactionMQProducer producer, String topic, String body, LocalTransactionState state) throws Exception {
        TransactionSendResult result = producer.sendMessageInTransaction(message(topic, body), state);
        Expect.equal("the status of " + body, SendStatus.SEND_OK, result.getSendStatus());
        Expect.equal("the state of " + body, state, result.getLocalTransactionState());
        return result;
    }

    private static Message message(String topic, String body) {
        Message message = Scene.message(topic, body);
        message.setTags("tag");
        message.setKeys("key-" + body);
        message.putUserProperty("mine", "value-" + body);
        return message;
    }

    private static void ended(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var listener = new Listener();
        TransactionMQProducer producer = start(scene, listener);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "tag"));
        String id = null;
        for (int i = 0; i < 10; i++) {
            id = send(producer, topic, "commit-" + i, LocalTransactionState.COMMIT_MESSAGE).getMsgId();
            send(producer, topic, "rollback-" + i, LocalTransactionState.ROLLBACK_MESSAGE);
        }
        inbox.awaitAll(Scene.bodies("commit", 10));
        listener.whenAsked.put("last", LocalTransactionState.COMMIT_MESSAGE);
        send(producer, topic, "last", LocalTransactionState.UNKNOW);
        inbox.awaitAll(List.of("last"));
        Expect.equal("the messages that were received", 11, inbox.all().size());
        String lastId = id;
        MessageExt received = inbox.all().stream().filter(one -> one.body().equals("commit-9")).findFirst().orElseThrow().message();
        Expect.equal("the topic", topic, received.getTopic());
        Expect.equal("the id", lastId, received.getMsgId());
        Expect.equal("the tag", "tag", received.getTags());
        Expect.equal("the key", "key-commit-9", received.getKeys());
        Expect.equal("the property", "value-commit-9", received.getUserProperty("mine"));
        Expect.equal("the real topic, which is the broker's own business", null, received.getProperty(MessageConst.PROPERTY_REAL_TOPIC));
        Expect.holds("the place of the half message", received.getPreparedTransactionOffset() > 0
            && received.getPreparedTransactionOffset() < received.getCommitLogOffset(), received);
    }

    private static void asked(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var listener = new Listener();
        TransactionMQProducer producer = start(scene, listener);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        listener.whenAsked.put("rollback", LocalTransactionState.ROLLBACK_MESSAGE);
        TransactionSendResult sent = send(producer, topic, "commit", LocalTransactionState.UNKNOW);
        send(producer, topic, "rollback", LocalTransactionState.UNKNOW);
        Expect.eventually("several checks of the transaction that stays unknown", true, () -> listener.checksOf("commit") >= 2);
        Expect.eventually("a check of the other one", true, () -> listener.checksOf("rollback") >= 1);
        Expect.equal("what was received before a commit", List.of(), inbox.bodies());
        listener.whenAsked.put("commit", LocalTransactionState.COMMIT_MESSAGE);
        inbox.awaitExactly(List.of("commit"));
        // A check may have been on its way while the answer to the one before was; what is asked later shows that it was the last.
        listener.whenAsked.put("settled", LocalTransactionState.COMMIT_MESSAGE);
        send(producer, topic, "settled", LocalTransactionState.UNKNOW);
        inbox.awaitExactly(List.of("commit", "settled"));
        long commitChecks = listener.checksOf("commit");
        long rollbackChecks = listener.checksOf("rollback");
        MessageExt check = listener.checks.stream().filter(message -> body(message).equals("commit")).findFirst().orElseThrow();
        Expect.equal("the topic that the producer is asked about", topic, check.getTopic());
        Expect.equal("the transaction that it is asked about", sent.getTransactionId(), check.getTransactionId());
        Expect.equal("the property", "value-commit", check.getUserProperty("mine"));
        // Whoever is asked later would have been asked for these too.
        listener.whenAsked.put("later", LocalTransactionState.COMMIT_MESSAGE);
        send(producer, topic, "later", LocalTransactionState.UNKNOW);
        inbox.awaitExactly(List.of("commit", "settled", "later"));
        Expect.equal("checks after the commit", commitChecks, listener.checksOf("commit"));
        Expect.equal("checks after the rollback", rollbackChecks, listener.checksOf("rollback"));
    }

    private static void otherProducer(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        var gone = new Listener();
        TransactionMQProducer first = start(scene, gone);
        var alive = new Listener();
        alive.whenAsked.put("orphan", LocalTransactionState.COMMIT_MESSAGE);
        send(first, topic, "orphan", LocalTransactionState.UNKNOW);
        first.shutdown();
        TransactionMQProducer second = start(scene, alive);
        // A producer is known to the brokers of the topics that it has sent to.
        send(second, topic, "own", LocalTransactionState.COMMIT_MESSAGE);
        inbox.awaitExactly(List.of("orphan", "own"));
        Expect.holds("a check of the living producer", alive.checksOf("orphan") >= 1, alive.checks);
    }

    private static void immunity(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var listener = new Listener();
        TransactionMQProducer producer = start(scene, listener);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        listener.whenAsked.put("patient", LocalTransactionState.COMMIT_MESSAGE);
        listener.whenAsked.put("hasty", LocalTransactionState.COMMIT_MESSAGE);
        Message patient = message(topic, "patient");
        patient.putUserProperty(MessageConst.PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS, "8");
        long started = System.nanoTime();
        producer.sendMessageInTransaction(patient, LocalTransactionState.UNKNOW);
        send(producer, topic, "hasty", LocalTransactionState.UNKNOW);
        inbox.awaitExactly(List.of("hasty", "patient"));
        Expect.holds("8 s without a question", System.nanoTime() - started >= 8_000_000_000L, (System.nanoTime() - started) / 1e9);
    }

    private static void givenUp(Scene scene) throws Exception {
        String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.impatient());
        var listener = new Listener();
        TransactionMQProducer producer = start(scene, listener);
        Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
        awaitKnown(scene, producer, topic);
        inbox.awaitExactly(List.of("known"));
        TransactionSendResult sent = send(producer, topic, "silent", LocalTransactionState.UNKNOW);
        var kept = new MessageExt[1];
        Expect.eventuallySucceeds("the message to be given up", () -> kept[0] = scene.readAll(GIVEN_UP, 1).stream()
            .filter(message -> sent.getMsgId().equals(message.getMsgId())).findFirst().orElseThrow());
        Expect.eventually("the checks, which the message counts,", kept[0].getProperty(MessageConst.PROPERTY_TRANSACTION_CHECK_TIMES),
            () -> Long.toString(listener.checksOf("silent")));
        Expect.equal("what was received", List.of("known"), inbox.bodies());
        listener.whenAsked.put("silent", LocalTransactionState.COMMIT_MESSAGE);
        String place = ((org.apache.rocketmq.common.message.MessageClientExt) kept[0]).getOffsetMsgId();
        scene.servers.admin.resumeCheckHalfMessage(GIVEN_UP, place);
        inbox.awaitExactly(List.of("known", "silent"));
    }

    /** A broker counts even the checks for which nobody is there; and it knows a producer only by the heartbeat after its first message. */
    private static void awaitKnown(Scene scene, TransactionMQProducer producer, String topic) throws Exception {
        send(producer, topic, "known", LocalTransactionState.COMMIT_MESSAGE);
        Expect.eventually("the broker to know the producer", 1, () -> scene.servers.admin
            .examineProducerConnectionInfo(producer.getProducerGroup(), topic).getConnectionSet().size());
    }

    private static void restart(Scene scene) throws Exception {
        scene.withRestartableBroker(locked -> {
            String topic = scene.createTopic(scene.unique("topic"), 1, scene.servers.restartable());
            var listener = new Listener();
            TransactionMQProducer producer = start(scene, listener);
            Inbox inbox = scene.start(scene.push(scene.group(), topic, "*"));
            send(producer, topic, "before", LocalTransactionState.COMMIT_MESSAGE);
            send(producer, topic, "gone", LocalTransactionState.ROLLBACK_MESSAGE);
            send(producer, topic, "open", LocalTransactionState.UNKNOW);
            inbox.awaitAll(List.of("before"));
            scene.restartBroker(topic);
            listener.whenAsked.put("open", LocalTransactionState.COMMIT_MESSAGE);
            inbox.awaitAll(List.of("open"));
            Expect.equal("each body that was received", List.of("before", "open"), inbox.bodies().stream().distinct().toList());
            Expect.equal("the messages that are stored", 2, scene.readAll(topic, 2).size());
        });
    }
}
