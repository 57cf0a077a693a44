package bolide.cases;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;

/** What operators do with the admin client: topics, groups, routes, the cluster. */
final class AdminCases {
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int READ_ONLY = 4;

    private AdminCases() {
    }

    static List<Case> all() {
        return List.of(
            new Case("admin-topic", AdminCases::topic),
            new Case("admin-group", AdminCases::group),
            new Case("admin-group-deleted", AdminCases::deletedGroup),
            new Case("admin-cluster", AdminCases::cluster),
            new Case("admin-settings-in-the-name-server", AdminCases::settings),
            new Case("route", AdminCases::route));
    }

    private static void topic(Scene scene) throws Exception {
        var admin = scene.servers.admin;
        String broker = scene.servers.broker();
        String address = scene.servers.address(broker);
        String topic = scene.topic(3);
        TopicConfig created = admin.examineTopicConfig(address, topic);
        Expect.equal("the queues of the new topic", List.of(3, 3, 6), List.of(created.getReadQueueNums(), created.getWriteQueueNums(), created.getPerm()));
        Expect.holds("the new topic in the name server's list", admin.fetchAllTopicList().getTopicList().contains(topic), "a list without it");
        Expect.holds("the new topic in the broker's list", listed(scene, address, topic), "a list without it");

        admin.createAndUpdateTopicConfig(address, new TopicConfig(topic, 5, 4, READ_ONLY));
        TopicConfig updated = admin.examineTopicConfig(address, topic);
        Expect.equal("the changed topic", List.of(5, 4, READ_ONLY), List.of(updated.getReadQueueNums(), updated.getWriteQueueNums(), updated.getPerm()));
        Expect.eventually("the changed route", List.of(5, 4, READ_ONLY), () -> {
            var queue = admin.examineTopicRouteInfo(topic).getQueueDatas().get(0);
            return List.of(queue.getReadQueueNums(), queue.getWriteQueueNums(), queue.getPerm());
        });
        Expect.refusal("a send to a topic that cannot be written", Exception.class, () -> scene.send(topic, List.of("never")));

        admin.deleteTopicInBroker(Set.of(address), topic);
        Dialect.forgetTopic(admin, Set.of(scene.servers.nameServer), topic);
        Expect.holds("the deleted topic not in the broker's list", !listed(scene, address, topic), "a list with it");
        Expect.eventually("the deleted topic in the name server's list", false, () -> admin.fetchAllTopicList().getTopicList().contains(topic));
        MQClientException unknown = Expect.refusal("the route of a deleted topic", MQClientException.class, () -> admin.examineTopicRouteInfo(topic));
        Expect.equal("the code", TOPIC_NOT_EXIST, unknown.getResponseCode());
    }

    private static boolean listed(Scene scene, String address, String topic) throws Exception {
        return scene.servers.admin.getAllTopicConfig(address, Expect.CALL_MS).getTopicConfigTable().containsKey(topic);
    }

    private static void group(Scene scene) throws Exception {
        var admin = scene.servers.admin;
        String address = scene.servers.address(scene.servers.broker());
        String group = scene.group();
        Dialect.putGroup(admin, address, group, 3);
        Expect.equal("the retries of the new group", 3, admin.examineSubscriptionGroupConfig(address, group).getRetryMaxTimes());
        Dialect.putGroup(admin, address, group, 5);
        Expect.equal("the retries of the changed group", 5, admin.examineSubscriptionGroupConfig(address, group).getRetryMaxTimes());
        Expect.holds("the group in the list", listedGroup(scene, address, group), "a list without it");
    }

    /** Apache's 5.5.0 broker fails this with the 4.9.8 client: it deletes the group and at once creates it again. */
    private static void deletedGroup(Scene scene) throws Exception {
        var admin = scene.servers.admin;
        String address = scene.servers.address(scene.servers.broker());
        String group = scene.group();
        Dialect.putGroup(admin, address, group, 3);
        Expect.holds("the group in the list", listedGroup(scene, address, group), "a list without it");
        admin.deleteSubscriptionGroup(address, group, true);
        Expect.holds("the deleted group not in the list", !listedGroup(scene, address, group), "a list with it");
    }

    private static boolean listedGroup(Scene scene, String address, String group) throws Exception {
        return scene.servers.admin.getAllSubscriptionGroup(address, Expect.CALL_MS).getSubscriptionGroupTable().containsKey(group);
    }

    private static void cluster(Scene scene) throws Exception {
        var info = scene.servers.admin.examineBrokerClusterInfo();
        Expect.equal("the brokers of the cluster", new HashSet<>(scene.servers.cluster()), info.getClusterAddrTable().get("DefaultCluster"));
        for (String broker : scene.servers.cluster()) {
            var data = info.getBrokerAddrTable().get(broker);
            Expect.equal("the name", broker, data.getBrokerName());
            Expect.equal("the ids of its addresses", Set.of(0L), data.getBrokerAddrs().keySet());
        }
    }

    private static void settings(Scene scene) throws Exception {
        var admin = scene.servers.admin;
        String namespace = scene.unique("namespace");
        admin.createAndUpdateKvConfig(namespace, "colour", "grün=ja;\"x\"");
        Expect.equal("the stored value", "grün=ja;\"x\"", admin.getKVConfig(namespace, "colour"));
        Expect.equal("all values", "{colour=grün=ja;\"x\"}", admin.getKVListByNamespace(namespace).getTable().toString());
        admin.deleteKvConfig(namespace, "colour");
        Expect.refusal("a deleted value", MQClientException.class, () -> admin.getKVConfig(namespace, "colour"));
    }

    private static void route(Scene scene) throws Exception {
        var brokers = scene.servers.cluster().toArray(String[]::new);
        String topic = scene.createTopic(scene.unique("topic"), 3, brokers);
        var route = scene.servers.admin.examineTopicRouteInfo(topic);
        for (var broker : route.getBrokerDatas()) {
            Expect.equal("the cluster of " + broker.getBrokerName(), "DefaultCluster", broker.getCluster());
            Expect.equal("the address of " + broker.getBrokerName(), scene.servers.address(broker.getBrokerName()), broker.getBrokerAddrs().get(0L));
        }
        for (var queue : route.getQueueDatas()) {
            Expect.equal("the queues on " + queue.getBrokerName(), List.of(3, 3, 6),
                List.of(queue.getReadQueueNums(), queue.getWriteQueueNums(), queue.getPerm()));
        }
        Expect.equal("the writable queues", 3 * brokers.length, scene.producer().fetchPublishMessageQueues(topic).size());
        Expect.equal("the brokers of the queues", new HashSet<>(Arrays.asList(brokers)), scene.routedBrokers(topic));
    }
}
