package bolide.cases;

import com.aliyun.openservices.ons.api.Action;
import com.aliyun.openservices.ons.api.ConsumeContext;
import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.MessageListener;
import com.aliyun.openservices.ons.api.TopicPartition;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A listener that notes what it gets and succeeds. */
final class Reception implements MessageListener {
    final Inbox inbox = new Inbox();
    private final List<Message> messages = new CopyOnWriteArrayList<>();

    @Override
    public Action consume(Message message, ConsumeContext context) {
        add(message);
        return Action.CommitMessage;
    }

    void add(Message message) {
        messages.add(message);
        TopicPartition partition = message.getTopicPartition();
        String[] place = partition.getPartition().split("#");
        inbox.add(new Received(body(message), place[0], Integer.parseInt(place[1]), message.getOffset(), null));
    }

    /** Everything so far, in the order in which it came. */
    List<Message> messages() {
        return List.copyOf(messages);
    }

    /** What was received with this body, in the order in which it came. */
    List<Message> messages(String body) {
        return messages.stream().filter(message -> body(message).equals(body)).toList();
    }

    static String body(Message message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }
}
