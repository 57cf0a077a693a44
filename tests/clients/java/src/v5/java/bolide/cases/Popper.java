package bolide.cases;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RequestCode;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.NotificationRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.PollingInfoRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/** A member of a group that pops by single requests, as the push consumer in POP mode and the proxy send them. */
final class Popper {
    private static final long TIMEOUT_MS = Expect.CALL_MS;

    private final MQClientAPIImpl api;
    private final String broker;
    private final String address;
    private final String topic;
    private final String group;
    /** What {@link #pop} asks for, beside topic, group, times and number. */
    final PopMessageRequestHeader wish = new PopMessageRequestHeader();

    Popper(Scene scene, String broker, String topic, String group) {
        this.api = scene.servers.reader.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory().getMQClientAPIImpl();
        this.broker = broker;
        this.address = scene.servers.address(broker);
        this.topic = topic;
        this.group = group;
        wish.setQueueId(-1);
        wish.setOrder(false);
        wish.setExp("*");
        wish.setExpType("TAG");
    }

    /** Pops at most this many; what it gets is hidden from the others for so long. */
    PopResult pop(int most, long invisibleMs, long waitMs) throws Exception {
        return popLater(most, invisibleMs, waitMs).get(TIMEOUT_MS + waitMs, TimeUnit.MILLISECONDS);
    }

    /** Pops without waiting, over and over, until this many messages are there. */
    List<MessageExt> popAll(int count, long invisibleMs) throws Exception {
        var got = new java.util.ArrayList<MessageExt>();
        long deadline = System.nanoTime() + Expect.WAIT_MS * 1_000_000;
        while (got.size() < count && System.nanoTime() < deadline) {
            PopResult result = pop(32, invisibleMs, 1_000);
            if (result.getMsgFoundList() != null) {
                got.addAll(result.getMsgFoundList());
            }
        }
        Expect.equal("the number of messages", count, got.size());
        return got;
    }

    CompletableFuture<PopResult> popLater(int most, long invisibleMs, long waitMs) throws Exception {
        wish.setTopic(topic);
        wish.setConsumerGroup(group);
        wish.setMaxMsgNums(most);
        wish.setInvisibleTime(invisibleMs);
        wish.setPollTime(waitMs);
        wish.setBornTime(System.currentTimeMillis());
        var result = new CompletableFuture<PopResult>();
        api.popMessageAsync(broker, address, wish, TIMEOUT_MS + waitMs, new PopCallback() {
            @Override
            public void onSuccess(PopResult popped) {
                result.complete(popped);
            }

            @Override
            public void onException(Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    static String handle(MessageExt message) {
        return message.getProperty(MessageConst.PROPERTY_POP_CK);
    }

    AckStatus ack(MessageExt message) throws Exception {
        return ack(handle(message));
    }

    AckStatus ack(String handle) throws Exception {
        String[] parts = ExtraInfoUtil.split(handle);
        var header = new AckMessageRequestHeader();
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, topic, group));
        header.setConsumerGroup(group);
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(handle);
        var done = new Done();
        api.ackMessageAsync(address, TIMEOUT_MS, done, header);
        return done.get().getStatus();
    }

    AckStatus ackAll(List<MessageExt> messages) throws Exception {
        var done = new Done();
        api.batchAckMessageAsync(address, TIMEOUT_MS, done, topic, group, messages.stream().map(Popper::handle).toList());
        return done.get().getStatus();
    }

    /** Hides a message for so long from now on; the result has the new handle. */
    AckResult change(String handle, long invisibleMs) throws Exception {
        String[] parts = ExtraInfoUtil.split(handle);
        var header = new ChangeInvisibleTimeRequestHeader();
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, topic, group));
        header.setConsumerGroup(group);
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(handle);
        header.setInvisibleTime(invisibleMs);
        var done = new Done();
        api.changeInvisibleTimeAsync(broker, address, header, TIMEOUT_MS, done);
        return done.get();
    }

    /** The answer to the question whether there is something to pop. */
    RemotingCommand askWhetherThereIs(long waitMs) throws Exception {
        var header = new NotificationRequestHeader();
        header.setTopic(topic);
        header.setConsumerGroup(group);
        header.setQueueId(-1);
        header.setPollTime(waitMs);
        header.setBornTime(System.currentTimeMillis());
        return send(RequestCode.NOTIFICATION, header, TIMEOUT_MS + waitMs);
    }

    RemotingCommand askWhoWaits() throws Exception {
        var header = new PollingInfoRequestHeader();
        header.setTopic(topic);
        header.setConsumerGroup(group);
        header.setQueueId(-1);
        return send(RequestCode.POLLING_INFO, header, TIMEOUT_MS);
    }

    RemotingCommand send(int code, org.apache.rocketmq.remoting.CommandCustomHeader header, long timeoutMs) throws Exception {
        return api.getRemotingClient().invokeSync(address, RemotingCommand.createRequestCommand(code, header), timeoutMs);
    }

    private static final class Done implements AckCallback {
        private final CompletableFuture<AckResult> result = new CompletableFuture<>();

        @Override
        public void onSuccess(AckResult acknowledged) {
            result.complete(acknowledged);
        }

        @Override
        public void onException(Throwable e) {
            result.completeExceptionally(e);
        }

        AckResult get() throws Exception {
            return result.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        }
    }
}
