package bolide.cases;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An endpoint as the managed service gives it to a tenant, `http://MQ_INST_….…`: the client takes the namespace from the
 * host's first label, and dials the host.
 */
final class Endpoint {
    private static final String DOMAIN = ".endpoint.test";

    private Endpoint() {
    }

    /** Two instances of the service. */
    static final String FIRST_INSTANCE = "MQ_INST_1234567890_AbCdEf01";
    static final String SECOND_INSTANCE = "MQ_INST_1234567890_AbCdEf02";

    /** The endpoint of an instance, at the name server under test. */
    static String of(String instance, Options options) {
        String address = options.nameServer();
        return "http://" + instance + DOMAIN + address.substring(address.lastIndexOf(':'));
    }

    /** Gives the hosts of the endpoints the name server's address. The JVM reads this setting once, with its first look-up of a host. */
    static void resolve(Options options) throws IOException {
        String address = options.nameServer();
        String host = address.substring(0, address.lastIndexOf(':'));
        Path hosts = Path.of(options.work(), "hosts");
        String own = System.getenv().getOrDefault("HOSTNAME", "localhost");
        Files.writeString(hosts, """
            127.0.0.1 localhost
            127.0.0.1 %s
            %s %s
            %s %s
            """.formatted(own, host, FIRST_INSTANCE + DOMAIN, host, SECOND_INSTANCE + DOMAIN));
        System.setProperty("jdk.net.hosts.file", hosts.toString());
        InetAddress.getByName(FIRST_INSTANCE + DOMAIN);
    }
}
