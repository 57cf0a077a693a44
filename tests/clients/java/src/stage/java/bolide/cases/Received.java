package bolide.cases;

import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.common.message.MessageExt;

/** One message as a consumer got it. `message` is null when another process got it. */
record Received(String body, String broker, int queueId, long queueOffset, MessageExt message) {
    static Received of(MessageExt message) {
        String body = new String(message.getBody(), StandardCharsets.UTF_8);
        return new Received(body, message.getBrokerName(), message.getQueueId(), message.getQueueOffset(), message);
    }

    String queue() {
        return broker + "/" + queueId;
    }
}
