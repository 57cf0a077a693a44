package bolide.cases;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RequestCode;
import org.apache.rocketmq.remoting.protocol.ResponseCode;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;

/** Consuming by POP, which only the 5.x client does: by single requests, and by push consumers in POP mode. */
final class PopCases {
    /** Long enough that no message becomes due before the case ends. */
    private static final long LONG_MS = 120_000;
    /** Short, but long enough for what a case does with a handle meanwhile. */
    private static final long SHORT_MS = 8_000;

    private PopCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("pop-push-consumers-share-messages", PopCases::pushed),
            new Case("pop-again-after-its-time", PopCases::again),
            new Case("pop-ends-in-dead-letters", PopCases::deadLetters),
            Case.needingRestarts("pop-handles-outlive-a-restart", PopCases::restarted),
            new Case("pop-with-another-time", PopCases::changed),
            new Case("pop-in-order", PopCases::inOrder),
            new Case("pop-and-acknowledge", PopCases::acknowledged),
            new Case("pop-waits-for-a-message", PopCases::waits),
            new Case("pop-with-tags", PopCases::withTags),
            new Case("pop-from-the-newest", PopCases::fromTheNewest),
            new Case("pop-notification", PopCases::notified),
            new Case("pop-refusals", PopCases::refused));
    }

    private static Popper popper(Scene scene, String topic) throws Exception {
        return new Popper(scene, scene.servers.broker(), topic, scene.group());
    }

    private static List<String> bodies(PopResult result) {
        return Scene.bodiesOf(result.getMsgFoundList() == null ? List.of() : result.getMsgFoundList());
    }

    private static List<String> sorted(List<String> bodies) {
        return bodies.stream().sorted().toList();
    }

    private static void acknowledged(Scene scene) throws Exception {
        String topic = scene.topic(2);
        List<String> sent = Scene.bodies("pop", 12);
        scene.sendReadable(topic, sent);
        Popper popper = popper(scene, topic);
        PopResult first = popper.pop(5, LONG_MS, 0);
        Expect.equal("the status", PopStatus.FOUND, first.getPopStatus());
        Expect.equal("the number of messages", 5, first.getMsgFoundList().size());
        Expect.equal("how many are left", 7L, first.getRestNum());
        Expect.equal("the time", LONG_MS, first.getInvisibleTime());
        Expect.equal("the acknowledgement", AckStatus.OK, popper.ack(first.getMsgFoundList().get(0)));
        Expect.equal("the same acknowledgement again", AckStatus.OK, popper.ack(first.getMsgFoundList().get(0)));
        Expect.equal("the batch", AckStatus.OK, popper.ackAll(first.getMsgFoundList()));
        List<MessageExt> rest = popper.popAll(7, LONG_MS);
        var seen = new ArrayList<>(bodies(first));
        seen.addAll(Scene.bodiesOf(rest));
        Expect.equal("all bodies", sorted(sent), sorted(seen));
        Expect.equal("the batch of the rest", AckStatus.OK, popper.ackAll(rest));
        Expect.equal("the status at the end", PopStatus.POLLING_NOT_FOUND, popper.pop(5, LONG_MS, 0).getPopStatus());
    }

    private static void again(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.sendReadable(topic, List.of("done", "not done"));
        Popper popper = popper(scene, topic);
        PopResult first = popper.pop(2, SHORT_MS, 0);
        Expect.equal("both", List.of("done", "not done"), bodies(first));
        popper.ack(first.getMsgFoundList().get(0));
        Expect.equal("nothing while the handles are valid", List.of(), bodies(popper.pop(2, LONG_MS, 0)));
        MessageExt second = popper.popAll(1, LONG_MS).get(0);
        Expect.equal("the message that was not done", "not done", new String(second.getBody()));
        Expect.equal("its topic", topic, second.getTopic());
        Expect.equal("how often it came before", 1, second.getReconsumeTimes());
        Expect.equal("when it was popped first", first.getPopTime(), Long.parseLong(second.getProperty("1ST_POP_TIME")));
        Expect.equal("the acknowledgement", AckStatus.OK, popper.ack(second));
        Expect.equal("nothing more", List.of(), bodies(popper.pop(2, LONG_MS, 1_000)));
    }

    private static void changed(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.sendReadable(topic, List.of("soon", "later"));
        Popper popper = popper(scene, topic);
        List<MessageExt> first = popper.pop(2, LONG_MS, 0).getMsgFoundList();
        String stale = Popper.handle(first.get(0));
        Expect.equal("the change", AckStatus.OK, popper.change(stale, 500).getStatus());
        // A stale handle does not keep the message from coming again.
        popper.ack(stale);
        var later = popper.change(Popper.handle(first.get(1)), LONG_MS);
        Expect.equal("the other change", AckStatus.OK, later.getStatus());
        List<MessageExt> second = popper.popAll(1, LONG_MS);
        Expect.equal("the one that came again", List.of("soon"), Scene.bodiesOf(second));
        Expect.equal("the acknowledgement with the new handle", AckStatus.OK, popper.ack(later.getExtraInfo()));
        popper.ackAll(second);
        Expect.equal("nothing more", List.of(), bodies(popper.pop(2, LONG_MS, 0)));
    }

    private static void waits(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Popper popper = popper(scene, topic);
        Expect.equal("the status of a topic without messages", PopStatus.POLLING_NOT_FOUND, popper.pop(1, LONG_MS, 0).getPopStatus());
        var waiting = popper.popLater(1, LONG_MS, Expect.WAIT_MS);
        Expect.eventually("how many wait", "1", () -> popper.askWhoWaits().getExtFields().get("pollingNum"));
        Expect.holds("the POP to be held", !waiting.isDone(), waiting);
        scene.send(topic, List.of("awaited"));
        PopResult result = waiting.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS);
        Expect.equal("the awaited message", List.of("awaited"), bodies(result));
        popper.ackAll(result.getMsgFoundList());
    }

    private static void withTags(Scene scene) throws Exception {
        String topic = scene.topic(1);
        for (int i = 0; i < 6; i++) {
            Message message = Scene.message(topic, "tagged-" + i);
            message.setTags(i % 2 == 0 ? "even" : "odd");
            scene.producer().send(message);
        }
        scene.readAll(topic, 6);
        Popper popper = popper(scene, topic);
        popper.wish.setExp("odd");
        PopResult first = popper.pop(32, SHORT_MS, 0);
        Expect.equal("the messages with the tag", List.of("tagged-1", "tagged-3", "tagged-5"), bodies(first));
        popper.ack(first.getMsgFoundList().get(0));
        popper.ack(first.getMsgFoundList().get(2));
        List<MessageExt> second = popper.popAll(1, LONG_MS);
        Expect.equal("the one that was not acknowledged", List.of("tagged-3"), Scene.bodiesOf(second));
        Expect.equal("the acknowledgement", AckStatus.OK, popper.ackAll(second));
    }

    private static void fromTheNewest(Scene scene) throws Exception {
        String topic = scene.topic(1);
        Popper popper = popper(scene, topic);
        popper.wish.setInitMode(1);
        popper.pop(1, LONG_MS, 0);
        scene.send(topic, List.of("new"));
        List<MessageExt> found = popper.popAll(1, LONG_MS);
        Expect.equal("the message sent since", List.of("new"), Scene.bodiesOf(found));
        popper.ackAll(found);
    }

    private static void inOrder(Scene scene) throws Exception {
        String topic = scene.topic(1);
        List<String> sent = Scene.bodies("ordered", 6);
        scene.sendReadable(topic, sent);
        Popper popper = popper(scene, topic);
        popper.wish.setOrder(true);
        List<MessageExt> first = popper.pop(3, LONG_MS, 0).getMsgFoundList();
        Expect.equal("the first three", sent.subList(0, 3), Scene.bodiesOf(first));
        Expect.equal("nothing while they are not done", List.of(), bodies(popper.pop(3, LONG_MS, 0)));
        popper.ack(first.get(0));
        popper.ack(first.get(1));
        Expect.equal("nothing while one is not done", List.of(), bodies(popper.pop(3, LONG_MS, 0)));
        var waiting = popper.popLater(2, SHORT_MS, Expect.WAIT_MS);
        popper.ack(first.get(2));
        List<MessageExt> second = waiting.get(Expect.WAIT_MS, TimeUnit.MILLISECONDS).getMsgFoundList();
        Expect.equal("the next two", sent.subList(3, 5), Scene.bodiesOf(second));
        popper.ack(second.get(0));
        PopResult again = popper.pop(2, LONG_MS, Expect.WAIT_MS);
        Expect.equal("the one whose time was up, before what follows", sent.subList(4, 6), bodies(again));
        Expect.equal("how often they came before", List.of(1, 0), again.getMsgFoundList().stream().map(MessageExt::getReconsumeTimes).toList());
        Expect.equal("the batch", AckStatus.OK, popper.ackAll(again.getMsgFoundList()));
        Expect.equal("nothing more", List.of(), bodies(popper.pop(3, LONG_MS, 0)));
    }

    private static void notified(Scene scene) throws Exception {
        String topic = scene.topic(2);
        Popper popper = popper(scene, topic);
        popper.pop(1, LONG_MS, 0);
        Expect.equal("whether there is something", "false", popper.askWhetherThereIs(0).getExtFields().get("hasMsg"));
        var sender = new Thread(() -> {
            try {
                scene.send(topic, List.of("noticed"));
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        scene.producer();
        sender.start();
        Expect.equal("whether there is something now", "true", popper.askWhetherThereIs(Expect.WAIT_MS).getExtFields().get("hasMsg"));
        sender.join();
        Expect.equal("the message", List.of("noticed"), Scene.bodiesOf(popper.popAll(1, LONG_MS)));
    }

    private static void refused(Scene scene) throws Exception {
        String topic = scene.topic(1);
        scene.sendReadable(topic, List.of("one"));
        Popper popper = popper(scene, topic);
        MessageExt message = popper.pop(1, LONG_MS, 0).getMsgFoundList().get(0);
        Popper nowhere = new Popper(scene, scene.servers.broker(), scene.unique("nowhere"), scene.group());
        expectCode("a topic that is not there", ResponseCode.TOPIC_NOT_EXIST, () -> nowhere.pop(1, LONG_MS, 0));
        expectCode("too many at once", ResponseCode.INVALID_PARAMETER, () -> popper.pop(33, LONG_MS, 0));
        popper.wish.setQueueId(7);
        expectCode("a queue that is not there", ResponseCode.INVALID_PARAMETER, () -> popper.pop(1, LONG_MS, 0));
        popper.wish.setQueueId(-1);
        var header = new AckMessageRequestHeader();
        header.setTopic(topic);
        header.setConsumerGroup(scene.group());
        header.setExtraInfo(Popper.handle(message));
        header.setQueueId(7);
        header.setOffset(0L);
        Expect.equal("the code for a wrong queue", ResponseCode.MESSAGE_ILLEGAL, ackCode(popper, header));
        header.setQueueId(0);
        header.setOffset(1_000L);
        Expect.equal("the code for a wrong offset", ResponseCode.NO_MESSAGE, ackCode(popper, header));
        header.setOffset(0L);
        header.setExtraInfo("no handle");
        Expect.holds("a malformed handle to be refused", ackCode(popper, header) != ResponseCode.SUCCESS, "success");
        Expect.equal("the acknowledgement after all that", AckStatus.OK, popper.ack(message));
    }

    private static int ackCode(Popper popper, AckMessageRequestHeader header) throws Exception {
        RemotingCommand answer = popper.send(RequestCode.ACK_MESSAGE, header, 10_000);
        return answer.getCode();
    }

    private static void expectCode(String what, int code, Expect.Action action) {
        try {
            action.run();
        } catch (java.util.concurrent.ExecutionException e) {
            Expect.holds(what + " to be refused", e.getCause() instanceof MQBrokerException, e.getCause());
            Expect.equal("the code for " + what, code, ((MQBrokerException) e.getCause()).getResponseCode());
            return;
        } catch (Exception e) {
            throw new Expect.Failure(what + " to be refused by the broker", e);
        }
        throw new Expect.Failure(what + " to be refused", "success");
    }

    /** Apache's broker leaves it to clients to give a message up; here the broker does after the group's last attempt. */
    private static void deadLetters(Scene scene) throws Exception {
        String topic = scene.topic(1);
        String group = scene.group();
        Dialect.putGroup(scene.servers.admin, scene.servers.address(scene.servers.broker()), group, 1);
        scene.send(topic, List.of("hopeless"));
        Popper popper = popper(scene, topic);
        Expect.equal("the first delivery", 0, popper.popAll(1, 500).get(0).getReconsumeTimes());
        Expect.equal("the second delivery", 1, popper.popAll(1, 500).get(0).getReconsumeTimes());
        MessageExt dead = scene.readAll("%DLQ%" + group, 1).get(0);
        Expect.equal("the dead letter", "hopeless", new String(dead.getBody()));
        Expect.equal("its first topic", topic, dead.getProperty("DLQ_ORIGIN_TOPIC"));
        Expect.equal("nothing more", List.of(), bodies(popper.pop(1, LONG_MS, 1_000)));
    }

    private static void restarted(Scene scene) throws Exception {
        scene.withRestartableBroker(PopCases::restartedInTurn);
    }

    private static void restartedInTurn(Scene scene) throws Exception {
        String broker = scene.servers.restartable();
        String topic = scene.createTopic(scene.unique("topic"), 2, broker);
        List<String> sent = Scene.bodies("kept", 6);
        scene.send(topic, sent);
        Popper popper = new Popper(scene, broker, topic, scene.group());
        List<MessageExt> held = popper.popAll(6, LONG_MS);
        popper.ackAll(held.subList(0, 2));
        scene.restartBroker(topic);
        Expect.eventuallySucceeds("a POP after the restart", () -> popper.pop(1, LONG_MS, 0));
        Expect.equal("nothing while the handles are valid", List.of(), bodies(popper.pop(32, LONG_MS, 1_000)));
        Expect.equal("the acknowledgement with a handle from before", AckStatus.OK, popper.ack(held.get(2)));
        for (MessageExt message : held.subList(3, 6)) {
            Expect.equal("the change", AckStatus.OK, popper.change(Popper.handle(message), 500).getStatus());
        }
        List<MessageExt> again = popper.popAll(3, LONG_MS);
        Expect.equal("what was not acknowledged", sorted(Scene.bodiesOf(held.subList(3, 6))), sorted(Scene.bodiesOf(again)));
        Expect.equal("the batch", AckStatus.OK, popper.ackAll(again));
    }

    private static void pushed(Scene scene) throws Exception {
        String topic = scene.topic(4);
        String group = scene.group();
        String broker = scene.servers.address(scene.servers.broker());
        Dialect.putGroup(scene.servers.admin, broker, group, 16);
        scene.servers.admin.setMessageRequestMode(broker, topic, group, MessageRequestMode.POP, 0, 10_000);
        Set<String> refused = ConcurrentHashMap.newKeySet();
        var inboxes = new ArrayList<Inbox>();
        for (int member = 0; member < 2; member++) {
            var inbox = new Inbox();
            inboxes.add(inbox);
            var consumer = scene.push(group, topic, "*");
            consumer.setClientRebalance(false);
            consumer.setPopInvisibleTime(60_000);
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                for (MessageExt message : messages) {
                    String body = new String(message.getBody());
                    if (body.equals("popped-7") && refused.add(body)) {
                        // It comes again after the first of the client's delays, 10 s.
                        return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                    }
                    inbox.add(Received.of(message));
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            scene.closing(consumer::shutdown);
        }
        List<String> sent = Scene.bodies("popped", 40);
        scene.send(topic, sent);
        Expect.eventually("what both received", sorted(sent), () -> {
            var all = new ArrayList<>(inboxes.get(0).bodies());
            all.addAll(inboxes.get(1).bodies());
            return sorted(all);
        });
        Expect.equal("what was refused once", Set.of("popped-7"), refused);
        List<MessageExt> second = new ArrayList<>();
        inboxes.forEach(inbox -> inbox.all().stream().map(Received::message).filter(message -> message.getReconsumeTimes() > 0).forEach(second::add));
        Expect.equal("what came again", List.of("popped-7"), Scene.bodiesOf(second));
    }
}
