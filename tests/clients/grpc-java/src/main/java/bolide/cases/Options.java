package bolide.cases;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The command line.
 *
 * @param nameServer  host:port of the name server
 * @param brokers     name of each broker, with where the two protocols reach it
 * @param broker      broker that cases use unless they need another
 * @param restartable broker of another cluster that the runner restarts when asked on the standard output, or null
 * @param pair        two brokers of one cluster of which the runner kills one when asked, or empty
 * @param durable     whether a broker that was restarted knows what it had handed out before
 * @param lite        whether the brokers serve lite topics
 * @param gzip        whether consumers over remoting can read what was compressed with GZIP
 * @param only        runs the cases whose name contains this, or one of several between commas; all when null
 * @param work        folder for the clients' logs
 * @param run         makes the names of this run's topics and groups unique
 * @param topic       of the child process that leaves a transaction behind
 */
record Options(String nameServer, Map<String, Address> brokers, String broker, String restartable, List<String> pair,
    boolean durable, boolean lite, boolean gzip, String only, String work, String run, String topic) {
    static final String USAGE = """
        usage: cases  --namesrv ADDR --brokers NAME=REMOTING_ADDR/GRPC_ADDR,... --broker NAME [--restartable NAME]
                      [--pair NAME,NAME] [--durable yes] [--lite yes] [--gzip yes] [--only TEXT] [--work DIR]
               orphan --brokers NAME=REMOTING_ADDR/GRPC_ADDR --broker NAME --topic TOPIC [--work DIR]""";

    /** Where a broker listens: host:port for the remoting protocol and for gRPC. */
    record Address(String remoting, String grpc) {
        static Address parse(String text) {
            String[] both = text.split("/");
            if (both.length != 2) {
                throw new IllegalArgumentException("no two addresses: " + text + "\n" + USAGE);
            }
            return new Address(both[0], both[1]);
        }
    }

    static Options parse(String[] arguments) {
        if (arguments.length % 2 == 0) {
            throw new IllegalArgumentException(USAGE);
        }
        var values = new TreeMap<String, String>();
        for (int i = 1; i < arguments.length; i += 2) {
            values.put(arguments[i], arguments[i + 1]);
        }
        var brokers = new TreeMap<String, Address>();
        for (String broker : values.getOrDefault("--brokers", "").split(",")) {
            String[] pair = broker.split("=");
            if (pair.length == 2) {
                brokers.put(pair[0], Address.parse(pair[1]));
            }
        }
        String pair = values.get("--pair");
        var options = new Options(values.get("--namesrv"), brokers, values.get("--broker"), values.get("--restartable"),
            pair == null ? List.of() : List.of(pair.split(",")), "yes".equals(values.get("--durable")),
            "yes".equals(values.get("--lite")), "yes".equals(values.get("--gzip")), values.get("--only"),
            values.getOrDefault("--work", System.getProperty("java.io.tmpdir")),
            Long.toString(System.currentTimeMillis() % 1_000_000_000, 36) + Long.toString(ProcessHandle.current().pid(), 36),
            values.get("--topic"));
        boolean complete = arguments[0].equals("orphan") ? options.topic != null : options.nameServer != null;
        if (!complete || !brokers.containsKey(options.broker)) {
            throw new IllegalArgumentException(USAGE);
        }
        return options;
    }
}
