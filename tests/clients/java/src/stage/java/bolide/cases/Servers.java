package bolide.cases;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * The servers under test, as the name server describes them, and two clients that all cases share: an admin client and a
 * reader of whole topics. Both keep no state that a case could see.
 */
final class Servers implements AutoCloseable {
    private static final String CLUSTER = "DefaultCluster";

    final String nameServer;
    final DefaultMQAdminExt admin;
    final DefaultMQPullConsumer reader;
    /** Name and address of each broker of the cluster. */
    private final Map<String, String> brokers = new TreeMap<>();
    /** Name and address of each broker that the name server knows, in whatever cluster. */
    private final Map<String, String> addresses = new TreeMap<>();
    private final String restartable;
    private final String cold;

    Servers(Options options) throws Exception {
        nameServer = options.nameServer();
        restartable = options.restartable();
        cold = options.cold();
        admin = new DefaultMQAdminExt(Expect.CALL_MS);
        admin.setNamesrvAddr(nameServer);
        admin.setInstanceName("admin");
        admin.setMqClientApiTimeout(Expect.CALL_MS);
        admin.start();
        reader = new DefaultMQPullConsumer("reader-" + options.run());
        reader.setNamesrvAddr(nameServer);
        reader.setInstanceName("reader");
        reader.setMqClientApiTimeout(Expect.CALL_MS);
        reader.start();
        Expect.eventually("the cluster to have two brokers beside " + restartable, true, () -> {
            refresh();
            return brokers.size() >= 2 && (restartable == null || addresses.containsKey(restartable));
        });
    }

    private void refresh() throws Exception {
        var info = admin.examineBrokerClusterInfo();
        for (var broker : info.getBrokerAddrTable().values()) {
            addresses.put(broker.getBrokerName(), broker.getBrokerAddrs().get(0L));
            if (CLUSTER.equals(broker.getCluster())) {
                brokers.put(broker.getBrokerName(), broker.getBrokerAddrs().get(0L));
            }
        }
    }

    /** The broker that cases use unless they need another. */
    String broker() {
        return brokers.keySet().stream().filter(broker -> !broker.equals(cold)).findFirst().orElseThrow();
    }

    /** All brokers of the cluster. */
    List<String> cluster() {
        return List.copyOf(brokers.keySet());
    }

    /** The broker of the cluster that gives a transaction up after a few checks, and that is in the region test-region. */
    String impatient() {
        return brokers.keySet().stream().filter(broker -> !broker.equals(broker())).findFirst().orElseThrow();
    }

    /** The broker that counts no message as being in memory (accessMessageInMemoryMaxRatio=0). */
    String cold() {
        return cold;
    }

    /** The broker of this program alone, outside the cluster, which the runner restarts on demand. */
    String restartable() {
        return restartable;
    }

    String address(String broker) {
        return addresses.get(broker);
    }

    @Override
    public void close() {
        reader.shutdown();
        admin.shutdown();
    }
}
