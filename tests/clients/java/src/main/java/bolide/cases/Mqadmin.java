package bolide.cases;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs Apache's `mqadmin` many times in one process. Each line of the input is one command line, its arguments separated by tabs;
 * what the command writes is followed by a line with nothing but an EOT character.
 */
public final class Mqadmin {
    private static final char END = 4;

    private Mqadmin() {
    }

    public static void main(String[] arguments) throws Exception {
        // The clients write their logs below the home folder, and some commands files of their own.
        System.setProperty("user.home", arguments[0]);
        System.setProperty("java.io.tmpdir", arguments[0]);
        PrintStream answers = System.out;
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            var written = new ByteArrayOutputStream();
            var out = new PrintStream(written, true, StandardCharsets.UTF_8);
            System.setOut(out);
            System.setErr(out);
            MQAdminStartup.main0(line.isEmpty() ? new String[0] : line.split("\t"), null);
            out.flush();
            answers.print(written.toString(StandardCharsets.UTF_8));
            answers.println();
            answers.println(END);
            answers.flush();
        }
        // Some commands leave threads behind.
        System.exit(0);
    }
}
