package bolide.cases;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The process that started this one: it reads our lines, and restarts a server when a line `CONTROL restart NAME` asks for
 * it, which it confirms with a line `done`.
 */
final class Runner {
    private final PrintStream out;
    private final BufferedReader in;

    Runner(PrintStream out, InputStream in) {
        this.out = out;
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    }

    synchronized void say(String line) {
        out.println(line);
        out.flush();
    }

    /** Returns when the server is ready again. */
    void restart(String broker) throws IOException {
        say("CONTROL restart " + broker);
        String answer = in.readLine();
        Expect.equal("the runner's answer to the restart", "done", answer);
    }
}
