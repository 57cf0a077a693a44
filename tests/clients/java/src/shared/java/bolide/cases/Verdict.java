package bolide.cases;

/** What became of one attempt, as the process that started this one reads it: `served`, or `refused` and why. */
final class Verdict {
    private Verdict() {
    }

    /** Makes the attempt, prints what became of it, and ends the process: the clients' threads would go on. */
    static void of(Expect.Action attempt) {
        try {
            attempt.run();
            System.out.println("served");
        } catch (Exception error) {
            System.out.println("refused: " + reasons(error));
        }
        System.exit(0);
    }

    /** What went wrong, and why. */
    private static String reasons(Throwable error) {
        var text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(cause).append("; ");
        }
        return text.toString().replace('\n', ' ');
    }
}
