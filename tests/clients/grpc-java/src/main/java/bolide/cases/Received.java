package bolide.cases;

import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.client.apis.message.MessageView;

/** One message as a consumer got it, when, and for the how manieth time: the client counts on in the message itself. */
record Received(String body, long atMs, int attempt, MessageView message) {
    static Received of(MessageView message) {
        return new Received(bodyOf(message), System.currentTimeMillis(), message.getDeliveryAttempt(), message);
    }

    static String bodyOf(MessageView message) {
        return StandardCharsets.UTF_8.decode(message.getBody()).toString();
    }
}
