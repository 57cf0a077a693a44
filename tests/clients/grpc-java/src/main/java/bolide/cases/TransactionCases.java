package bolide.cases;

import java.io.File;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionChecker;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** Messages that nobody sees before their transaction is committed. */
final class TransactionCases {
    private TransactionCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("transaction-after-producer-died", TransactionCases::producerDied),
            new Case("transaction-checked", TransactionCases::checked),
            new Case("transaction-ended", TransactionCases::ended));
    }

    /** Answers checks as it was told to for each body; unknown otherwise. */
    private static final class Checker implements TransactionChecker {
        final Map<String, TransactionResolution> whenAsked = new ConcurrentHashMap<>();
        final List<MessageView> checks = new CopyOnWriteArrayList<>();

        @Override
        public TransactionResolution check(MessageView message) {
            checks.add(message);
            return whenAsked.getOrDefault(Received.bodyOf(message), TransactionResolution.UNKNOWN);
        }

        long checksOf(String body) {
            return checks.stream().filter(message -> Received.bodyOf(message).equals(body)).count();
        }
    }

    private static Message message(String topic, String body) {
        return Scene.message(topic, body).setTag("tag").setKeys("key-" + body).addProperty("mine", "value-" + body).build();
    }

    private static void ended(Scene scene) throws Exception {
        String topic = scene.topic("TRANSACTION", 2);
        var checker = new Checker();
        Producer producer = scene.transactionProducer(checker, topic);
        Inbox inbox = scene.push(scene.group(), topic);
        SendReceipt receipt = null;
        for (int i = 0; i < 5; i++) {
            Transaction committed = producer.beginTransaction();
            receipt = producer.send(message(topic, "commit-" + i), committed);
            committed.commit();
            Transaction rolledBack = producer.beginTransaction();
            producer.send(message(topic, "rollback-" + i), rolledBack);
            rolledBack.rollback();
        }
        inbox.awaitAll(Scene.bodies("commit", 5));
        // Whoever is asked later would have been asked about the others too.
        checker.whenAsked.put("last", TransactionResolution.COMMIT);
        producer.send(message(topic, "last"), producer.beginTransaction());
        inbox.awaitAll(List.of("last"));
        Expect.equal("the messages that were received", 6, inbox.all().size());
        MessageView received = inbox.all().stream().filter(one -> one.body().equals("commit-4")).findFirst().orElseThrow().message();
        Expect.equal("the topic", topic, received.getTopic());
        Expect.equal("the id", receipt.getMessageId().toString(), received.getMessageId().toString());
        Expect.equal("the tag", "tag", received.getTag().orElse(null));
        Expect.equal("the keys", List.of("key-commit-4"), List.copyOf(received.getKeys()));
        Expect.equal("the property", "value-commit-4", received.getProperties().get("mine"));
    }

    private static void checked(Scene scene) throws Exception {
        String topic = scene.topic("TRANSACTION");
        var checker = new Checker();
        Producer producer = scene.transactionProducer(checker, topic);
        Inbox inbox = scene.push(scene.group(), topic);
        checker.whenAsked.put("rollback", TransactionResolution.ROLLBACK);
        SendReceipt sent = producer.send(message(topic, "commit"), producer.beginTransaction());
        producer.send(message(topic, "rollback"), producer.beginTransaction());
        Expect.eventually("several checks of the transaction that stays unknown", true, () -> checker.checksOf("commit") >= 2);
        Expect.eventually("the checks of the other one", 1L, () -> checker.checksOf("rollback"));
        Expect.equal("what was received before a commit", List.of(), inbox.bodies());
        checker.whenAsked.put("commit", TransactionResolution.COMMIT);
        inbox.awaitExactly(List.of("commit"));
        MessageView check = checker.checks.stream().filter(one -> Received.bodyOf(one).equals("commit")).findFirst().orElseThrow();
        Expect.equal("the topic that the producer is asked about", topic, check.getTopic());
        Expect.equal("the message that it is asked about", sent.getMessageId().toString(), check.getMessageId().toString());
        Expect.equal("the tag", "tag", check.getTag().orElse(null));
        // The brokers' own notes may be beside it.
        Expect.equal("the property", "value-commit", check.getProperties().get("mine"));
    }

    /** The half message's producer was killed before it could say how its transaction ended: another one of the topic is asked. */
    private static void producerDied(Scene scene) throws Exception {
        String topic = scene.topic("TRANSACTION");
        Inbox inbox = scene.push(scene.group(), topic);
        var options = scene.options;
        var address = options.brokers().get(scene.broker());
        var java = new File(System.getProperty("java.home"), "bin/java").getPath();
        Process child = new ProcessBuilder(java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
            Main.class.getName(), "orphan", "--brokers", scene.broker() + "=" + address.remoting() + "/" + address.grpc(), "--broker", scene.broker(),
            "--topic", topic, "--work", options.work()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Expect.holds("the other process to end", child.waitFor(Expect.WAIT_MS, TimeUnit.MILLISECONDS), child);
        Expect.equal("the other process's status", 0, child.exitValue());
        var checker = new Checker();
        checker.whenAsked.put("orphan", TransactionResolution.COMMIT);
        scene.transactionProducer(checker, topic);
        inbox.awaitExactly(List.of("orphan"));
        Expect.holds("a check of the living producer", checker.checksOf("orphan") >= 1, checker.checks);
    }

    /** The other process of the case above. */
    static void leaveBehind(Options options) throws Exception {
        Producer producer = Scene.CLIENTS.newProducerBuilder()
            .setClientConfiguration(Scene.configuration(options.brokers().get(options.broker()).grpc(), false))
            .setTopics(options.topic()).setTransactionChecker(new Checker()).build();
        producer.send(message(options.topic(), "orphan"), producer.beginTransaction());
        // No farewell to the server.
        Runtime.getRuntime().halt(0);
    }
}
