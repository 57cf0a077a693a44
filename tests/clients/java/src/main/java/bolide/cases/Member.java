package bolide.cases;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

/** A member of a consumer group in a process of its own, so that it can be killed. */
final class Member implements AutoCloseable {
    final Inbox inbox = new Inbox();
    private final Process process;

    private Member(Process process) {
        this.process = process;
    }

    static Member start(Scene scene, String topic, String group) throws IOException {
        String java = System.getProperty("java.home") + "/bin/java";
        var command = List.of(java, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-cp", System.getProperty("java.class.path"), Main.class.getName(), "member",
            "--namesrv", scene.servers.nameServer, "--topic", topic, "--group", group, "--work", scene.options.work());
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        var member = scene.closing(new Member(process));
        var reading = new Thread(member::read, "member " + process.pid());
        reading.setDaemon(true);
        reading.start();
        return member;
    }

    /** The child's part: consumes until it is killed and prints one line for each message. */
    static void inThisProcess(Options options) throws Exception {
        var consumer = new DefaultMQPushConsumer(options.group());
        consumer.setNamesrvAddr(options.nameServer());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(options.topic(), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.stream().map(Received::of).forEach(one -> {
                System.out.println("received " + one.broker() + " " + one.queueId() + " " + one.queueOffset() + " " + one.body());
                System.out.flush();
            });
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
    }

    private void read() {
        try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ", 5);
                if (words[0].equals("received")) {
                    inbox.add(new Received(words[4], words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]), null));
                }
            }
        } catch (IOException e) {
            if (process.isAlive()) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** SIGKILL: the member says goodbye to nobody. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }
}
