package bolide.cases;

import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.SendResult;
import com.aliyun.openservices.ons.api.transaction.LocalTransactionChecker;
import com.aliyun.openservices.ons.api.transaction.TransactionProducer;
import com.aliyun.openservices.ons.api.transaction.TransactionStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Transactions: commit, rollback, and what the client is asked when it did not say. */
final class TransactionCases {
    private TransactionCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("transaction-ends-when-asked", TransactionCases::asked),
            new Case("transaction-other-producer-is-asked", TransactionCases::otherProducer),
            new Case("transaction-left-alone-first", TransactionCases::immunity),
            new Case("transaction-commit-and-rollback", TransactionCases::ended));
    }

    /** Says what was agreed on for each body, and notes what it is asked. */
    private static final class Checker implements LocalTransactionChecker {
        /** By body; what is missing stays unknown. */
        final Map<String, TransactionStatus> agreed = new ConcurrentHashMap<>();
        final List<Message> asked = new CopyOnWriteArrayList<>();

        @Override
        public TransactionStatus check(Message message) {
            asked.add(message);
            return agreed.getOrDefault(Reception.body(message), TransactionStatus.Unknow);
        }

        boolean askedFor(String body) {
            return asked.stream().anyMatch(message -> Reception.body(message).equals(body));
        }
    }

    private static TransactionProducer producer(Scene scene, Tenant tenant, Checker checker) {
        return tenant.start(ONSFactory.createTransactionProducer(tenant.settings(scene.unique("producer")), checker));
    }

    private static SendResult send(TransactionProducer producer, String topic, String body, TransactionStatus status) {
        return producer.send(Tenant.message(topic, "tag", body), (message, argument) -> status, null);
    }

    private static void ended(Scene scene) throws Exception {
        String topic = scene.topic(2);
        var tenant = new Tenant(scene);
        TransactionProducer producer = producer(scene, tenant, new Checker());
        Reception reception = tenant.receive(scene.group(), topic, "tag");
        List<String> kept = Scene.bodies("commit", 5);
        var ids = new ArrayList<String>();
        for (String body : kept) {
            // The client tells its user of a rollback so.
            Expect.refusal("a rollback", RuntimeException.class, () -> send(producer, topic, "rollback-" + body, TransactionStatus.RollbackTransaction));
            ids.add(send(producer, topic, body, TransactionStatus.CommitTransaction).getMessageId());
        }
        reception.inbox.awaitExactly(kept);
        for (int i = 0; i < kept.size(); i++) {
            Message message = reception.messages(kept.get(i)).get(0);
            Expect.equal("id, topic and key", List.of(ids.get(i), topic, "key-" + kept.get(i)),
                List.of(message.getMsgID(), message.getTopic(), message.getKey()));
        }
    }

    private static void asked(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        var checker = new Checker();
        TransactionProducer producer = producer(scene, tenant, checker);
        Reception reception = tenant.receive(scene.group(), topic, "*");
        checker.agreed.put("drop", TransactionStatus.RollbackTransaction);
        String id = send(producer, topic, "keep", TransactionStatus.Unknow).getMessageId();
        send(producer, topic, "drop", TransactionStatus.Unknow);
        Expect.eventually("a check of both", true, () -> checker.askedFor("keep") && checker.askedFor("drop"));
        Expect.equal("what was received before a commit", List.of(), reception.inbox.bodies());
        Message question = checker.asked.stream().filter(message -> Reception.body(message).equals("keep")).findFirst().orElseThrow();
        Expect.equal("what it is asked about", List.of(topic, "tag", "key-keep"), List.of(question.getTopic(), question.getTag(), question.getKey()));
        Expect.equal("the id that it is asked about", id, question.getMsgID());
        checker.agreed.put("keep", TransactionStatus.CommitTransaction);
        reception.inbox.awaitExactly(List.of("keep"));
        checker.agreed.put("later", TransactionStatus.CommitTransaction);
        send(producer, topic, "later", TransactionStatus.Unknow);
        reception.inbox.awaitExactly(List.of("keep", "later"));
    }

    private static void otherProducer(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        Reception reception = tenant.receive(scene.group(), topic, "*");
        TransactionProducer gone = producer(scene, tenant, new Checker());
        send(gone, topic, "orphan", TransactionStatus.Unknow);
        gone.shutdown();
        var checker = new Checker();
        checker.agreed.put("orphan", TransactionStatus.CommitTransaction);
        // A producer is known to the brokers of the topics that it has sent to.
        send(producer(scene, tenant, checker), topic, "own", TransactionStatus.CommitTransaction);
        reception.inbox.awaitExactly(List.of("orphan", "own"));
        Expect.holds("a check of the living producer", checker.askedFor("orphan"), checker.asked);
    }

    /** The client has a setting for this that it never reads; its users set the property. */
    private static void immunity(Scene scene) throws Exception {
        String topic = scene.topic(1);
        var tenant = new Tenant(scene);
        var checker = new Checker();
        checker.agreed.put("patient", TransactionStatus.CommitTransaction);
        checker.agreed.put("hasty", TransactionStatus.CommitTransaction);
        TransactionProducer producer = producer(scene, tenant, checker);
        Reception reception = tenant.receive(scene.group(), topic, "*");
        Message patient = Tenant.message(topic, "tag", "patient");
        patient.putUserProperties("CHECK_IMMUNITY_TIME_IN_SECONDS", "8");
        long started = System.nanoTime();
        producer.send(patient, (message, argument) -> TransactionStatus.Unknow, null);
        send(producer, topic, "hasty", TransactionStatus.Unknow);
        reception.inbox.awaitExactly(List.of("hasty", "patient"));
        Expect.holds("8 s without a question", System.nanoTime() - started >= 8_000_000_000L, (System.nanoTime() - started) / 1e9);
    }
}
