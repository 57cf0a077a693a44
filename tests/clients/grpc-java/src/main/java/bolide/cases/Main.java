package bolide.cases;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Runs what users of the 5.x Java client do against servers that are already there, and prints one line for each case:
 * `ok NAME`, `FAIL NAME: expected …, saw …`, or `skip NAME: needs …`. Cases run side by side; each has topics and groups of its own.
 */
public final class Main {
    /** Cases mostly wait, so many more of them than processors run at once. */
    private static final int AT_ONCE = 12;

    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0) {
            System.err.println(Options.USAGE);
            System.exit(2);
        }
        Options options;
        try {
            options = Options.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        // The clients write their logs below the home folder.
        System.setProperty("user.home", options.work());
        switch (arguments[0]) {
            case "cases" -> System.exit(runAll(options) == 0 ? 0 : 1);
            case "orphan" -> TransactionCases.leaveBehind(options);
            default -> {
                System.err.println(Options.USAGE);
                System.exit(2);
            }
        }
    }

    private static List<Case> selected(Options options) {
        var cases = new ArrayList<Case>();
        // The longest first, so that none of them is the only one left at the end.
        cases.addAll(FailureCases.all());
        cases.addAll(SimpleCases.all());
        cases.addAll(PushCases.all());
        cases.addAll(LiteCases.all());
        cases.addAll(TransactionCases.all());
        cases.addAll(TimerCases.all());
        cases.addAll(CrossCases.all());
        cases.addAll(FilterCases.all());
        cases.addAll(SendCases.all());
        cases.addAll(RefusalCases.all());
        cases.removeIf(one -> options.only() != null && Stream.of(options.only().split(",")).noneMatch(one.name()::contains));
        return cases;
    }

    private static int runAll(Options options) throws Exception {
        PrintStream out = System.out;
        var runner = new Runner(out, System.in);
        List<Case> cases = selected(options);
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
            ExecutorService pool = Executors.newFixedThreadPool(AT_ONCE);
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
