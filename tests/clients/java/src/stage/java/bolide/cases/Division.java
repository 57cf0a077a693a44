package bolide.cases;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.common.message.MessageQueue;

/** How the members of a group have divided a topic's queues, seen from the messages that each of them gets. */
final class Division {
    private static final AtomicInteger ROUNDS = new AtomicInteger();

    private Division() {
    }

    /**
     * Sends one probe to each queue, again and again, until the members together get all of one round's probes and their
     * shares have these sizes, in the members' order or another.
     */
    static void await(Scene scene, String topic, List<Inbox> members, List<Integer> shares) throws Exception {
        var queues = scene.queues(topic);
        var expected = shares.stream().sorted().toList();
        Expect.eventually("the shares of the members", expected, () -> {
            String round = "probe-" + ROUNDS.incrementAndGet() + "-";
            var probes = new HashSet<String>();
            for (MessageQueue queue : queues) {
                String body = round + queue.getBrokerName() + "-" + queue.getQueueId();
                scene.producer().send(Scene.message(topic, body), queue);
                probes.add(body);
            }
            Expect.eventually("each probe of the round to be received", probes, () -> {
                var seen = new HashSet<String>();
                members.forEach(member -> seen.addAll(of(member, probes)));
                return seen;
            });
            var sizes = new ArrayList<Integer>();
            members.forEach(member -> sizes.add(of(member, probes).size()));
            return sizes.stream().sorted().toList();
        });
    }

    private static Set<String> of(Inbox member, Set<String> probes) {
        var seen = new HashSet<>(member.bodies());
        seen.retainAll(probes);
        return seen;
    }
}
