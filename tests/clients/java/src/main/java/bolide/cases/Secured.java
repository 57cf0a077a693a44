package bolide.cases;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;

/**
 * One client with the security that this process was started with: TLS by options (`-Dtls.enable=true`), an access key and a secret key
 * as further arguments. Sends messages and consumes them; see {@link Verdict}.
 */
public final class Secured {
    private static final int MESSAGES = 3;

    private Secured() {
    }

    public static void main(String[] arguments) {
        // The clients write their logs below the home folder.
        System.setProperty("user.home", arguments[0]);
        String nameServer = arguments[1];
        String topic = arguments[2];
        RPCHook hook = arguments.length > 4 ? new AclClientRPCHook(new SessionCredentials(arguments[3], arguments[4])) : null;
        Verdict.of(() -> {
            send(nameServer, topic, hook);
            consume(nameServer, topic, hook);
        });
    }

    private static void send(String nameServer, String topic, RPCHook hook) throws Exception {
        var producer = new DefaultMQProducer("producers-of-" + topic, hook);
        producer.setNamesrvAddr(nameServer);
        producer.setSendMsgTimeout(30_000);
        producer.start();
        for (int number = 0; number < MESSAGES; number++) {
            producer.send(new Message(topic, ("body-" + number).getBytes(StandardCharsets.UTF_8)));
        }
    }

    private static void consume(String nameServer, String topic, RPCHook hook) throws Exception {
        var consumer = new DefaultMQPushConsumer("consumers-of-" + topic, hook, new AllocateMessageQueueAveragely());
        consumer.setNamesrvAddr(nameServer);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        Set<String> bodies = new ConcurrentSkipListSet<>();
        var all = new CountDownLatch(MESSAGES);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (var message : messages) {
                if (bodies.add(new String(message.getBody(), StandardCharsets.UTF_8))) {
                    all.countDown();
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        if (!all.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("only " + bodies + " came within a minute");
        }
    }
}
