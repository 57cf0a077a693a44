package bolide.cases;

import java.util.List;

/**
 * The command line.
 *
 * @param nameServer  host:port of the name server
 * @param cold        broker of the cluster that was started with accessMessageInMemoryMaxRatio=0, or null
 * @param restartable broker outside the cluster that the runner restarts when asked on the standard output, or null
 * @param only        runs the cases whose name contains this, or all when null
 * @param work        folder for the clients' logs and local offsets
 * @param run         makes the names of this run's topics and groups unique
 * @param topic       of the child process that is a member of a group
 * @param group       of the child process that is a member of a group
 */
record Options(String nameServer, String cold, String restartable, String only, String work, String run, String topic, String group) {
    static final String USAGE = """
        usage: cases  --namesrv ADDR [--cold-broker NAME] [--restartable NAME] [--only TEXT] [--work DIR]
               member --namesrv ADDR --topic TOPIC --group GROUP [--work DIR]""";

    static Options parse(String[] arguments) {
        String nameServer = null;
        String cold = null;
        String restartable = null;
        String only = null;
        String work = System.getProperty("java.io.tmpdir");
        String run = Long.toString(System.currentTimeMillis() % 1_000_000_000, 36) + Long.toString(ProcessHandle.current().pid(), 36);
        String topic = null;
        String group = null;
        if (arguments.length % 2 == 0 || !List.of("cases", "member").contains(arguments[0])) {
            throw new IllegalArgumentException(USAGE);
        }
        for (int i = 1; i < arguments.length; i += 2) {
            String value = arguments[i + 1];
            switch (arguments[i]) {
                case "--namesrv" -> nameServer = value;
                case "--cold-broker" -> cold = value;
                case "--restartable" -> restartable = value;
                case "--only" -> only = value;
                case "--work" -> work = value;
                case "--topic" -> topic = value;
                case "--group" -> group = value;
                default -> throw new IllegalArgumentException("unknown option " + arguments[i] + "\n" + USAGE);
            }
        }
        if (nameServer == null || arguments[0].equals("member") && (topic == null || group == null)) {
            throw new IllegalArgumentException(USAGE);
        }
        return new Options(nameServer, cold, restartable, only, work, run, topic, group);
    }
}
