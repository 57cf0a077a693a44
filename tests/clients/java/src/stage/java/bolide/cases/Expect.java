package bolide.cases;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Checks that name what was expected and what was seen, and waits for what is to come. */
final class Expect {
    /** Long enough for two turns of the client's own 20 s timers after a queue's lock of 60 s has run out, on a busy machine. */
    static final long WAIT_MS = 120_000;
    /** For one request. */
    static final int CALL_MS = 30_000;
    private static final long POLL_MS = 50;
    private static final int SHOWN_CHARS = 600;

    private Expect() {
    }

    /** A check that did not hold. */
    static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;

        Failure(String expected, Object seen) {
            super("expected " + expected + ", saw " + shorten(seen));
        }
    }

    /** Something that may throw whatever the client throws. */
    interface Action {
        void run() throws Exception;
    }

    static void equal(String what, Object expected, Object seen) {
        if (!Objects.equals(expected, seen)) {
            throw new Failure(what + " to be " + shorten(expected), seen);
        }
    }

    static void holds(String expected, boolean condition, Object seen) {
        if (!condition) {
            throw new Failure(expected, seen);
        }
    }

    /** Waits until `probe` gives `expected`; an exception on the way counts as "not yet". */
    static void eventually(String what, Object expected, Callable<?> probe) throws InterruptedException {
        long deadline = System.nanoTime() + WAIT_MS * 1_000_000;
        while (true) {
            Object seen;
            try {
                seen = probe.call();
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                seen = e;
            }
            if (Objects.equals(expected, seen)) {
                return;
            }
            if (System.nanoTime() > deadline) {
                throw new Failure(what + " to become " + shorten(expected) + " within " + WAIT_MS / 1000 + " s", seen);
            }
            Thread.sleep(POLL_MS);
        }
    }

    /** Repeats an action that may fail while a server is away, until it succeeds. */
    static void eventuallySucceeds(String what, Action action) throws InterruptedException {
        eventually(what, "done", () -> {
            action.run();
            return "done";
        });
    }

    /** Expects an exception of this type and returns it. */
    static <E extends Exception> E refusal(String what, Class<E> type, Action action) {
        try {
            action.run();
        } catch (Exception e) {
            holds(what + " to be refused with " + type.getSimpleName(), type.isInstance(e), e);
            return type.cast(e);
        }
        throw new Failure(what + " to be refused with " + type.getSimpleName(), "success");
    }

    static String shorten(Object value) {
        String text = String.valueOf(value).replace('\n', ' ');
        return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "… (" + text.length() + " characters)";
    }
}
