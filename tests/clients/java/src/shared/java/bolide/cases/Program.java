package bolide.cases;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * A program of cases: runs what users of a client do against servers that are already there, and prints one line for each case:
 * `ok NAME`, `FAIL NAME: expected …, saw …`, or `skip NAME: needs …`. Cases run side by side; each has topics and groups of its own.
 */
final class Program {
    private Program() {
    }

    /** Reads the command line, and ends the process when it cannot be read. */
    static Options options(String[] arguments) {
        try {
            Options options = Options.parse(arguments);
            // The clients write their logs, and the offsets of broadcasting consumers, below the home folder.
            System.setProperty("user.home", options.work());
            return options;
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            throw e;
        }
    }

    /** Runs the selected ones of all cases and ends the process: well when none of them failed. */
    static void run(List<Case> all, Options options) throws Exception {
        System.exit(runAll(all, options) == 0 ? 0 : 1);
    }

    private static int runAll(List<Case> all, Options options) throws Exception {
        PrintStream out = System.out;
        var runner = new Runner(out, System.in);
        List<Case> cases = new ArrayList<>(all);
        cases.removeIf(one -> options.only() != null && Stream.of(options.only().split(",")).noneMatch(one.name()::contains));
        long started = System.nanoTime();
        cases.removeIf(one -> {
            String lacking = one.lacking(options);
            if (lacking != null) {
                runner.say("skip %s: needs %s".formatted(one.name(), lacking));
            }
            return lacking != null;
        });
        int failed = 0;
        try (Servers servers = new Servers(options)) {
            ExecutorService pool = Executors.newFixedThreadPool(Case.AT_ONCE);
            var results = new ArrayList<Future<Boolean>>();
            for (Case one : cases) {
                results.add(pool.submit(() -> run(one, servers, options, runner)));
            }
            pool.shutdown();
            for (Future<Boolean> result : results) {
                failed += result.get() ? 0 : 1;
            }
        }
        runner.say("%d cases, %d failed, %.1f s".formatted(cases.size(), failed, seconds(started)));
        return failed;
    }

    private static boolean run(Case one, Servers servers, Options options, Runner runner) {
        long started = System.nanoTime();
        try (Scene scene = new Scene(one.name(), servers, options, runner)) {
            one.body().run(scene);
            runner.say("ok %s (%.1f s)".formatted(one.name(), seconds(started)));
            return true;
        } catch (Expect.Failure e) {
            runner.say("FAIL %s: %s%s".formatted(one.name(), e.getMessage(), place(e)));
        } catch (Throwable e) {
            runner.say("FAIL %s: expected no exception, saw %s%s".formatted(one.name(), Expect.shorten(e), place(e)));
        }
        return false;
    }

    /** The line of the case that was reached, which tells checks with the same words apart. */
    private static String place(Throwable e) {
        for (StackTraceElement frame : e.getStackTrace()) {
            if (frame.getClassName().endsWith("Cases")) {
                return " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")";
            }
        }
        return "";
    }

    private static double seconds(long started) {
        return (System.nanoTime() - started) / 1e9;
    }
}
