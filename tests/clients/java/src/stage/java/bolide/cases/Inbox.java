package bolide.cases;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;

/** What one consumer has received so far, in the order in which it was handed over. */
final class Inbox {
    private final List<Received> received = new ArrayList<>();

    synchronized void add(Received message) {
        received.add(message);
        notifyAll();
    }

    synchronized List<Received> all() {
        return List.copyOf(received);
    }

    synchronized List<String> bodies() {
        return received.stream().map(Received::body).toList();
    }

    /** Waits until what was received satisfies `done`. */
    synchronized void await(String expected, Predicate<List<Received>> done) throws InterruptedException {
        long deadline = System.nanoTime() + Expect.WAIT_MS * 1_000_000;
        while (!done.test(received)) {
            long leftMs = (deadline - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                throw new Expect.Failure(expected + " within " + Expect.WAIT_MS / 1000 + " s", bodies());
            }
            wait(leftMs);
        }
    }

    /** Waits for all of these bodies and accepts no other, and none twice. The order does not matter. */
    void awaitExactly(Collection<String> bodies) throws InterruptedException {
        await(bodies.size() + " messages " + Expect.shorten(bodies), seen -> seen.size() >= bodies.size());
        Expect.equal("the received bodies, sorted", bodies.stream().sorted().toList(), bodies().stream().sorted().toList());
    }

    /** Waits for all of these bodies in this order and accepts no other. */
    void awaitInOrder(List<String> bodies) throws InterruptedException {
        await(bodies.size() + " messages " + Expect.shorten(bodies), seen -> seen.size() >= bodies.size());
        Expect.equal("the received bodies", bodies, bodies());
    }

    /** Waits until each of these bodies came at least once, whatever else came. */
    void awaitAll(Collection<String> bodies) throws InterruptedException {
        await("all of " + Expect.shorten(new TreeSet<>(bodies)),
            seen -> seen.stream().map(Received::body).toList().containsAll(bodies));
    }
}
