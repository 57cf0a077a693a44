package bolide.cases;

import com.aliyun.openservices.ons.api.Admin;
import com.aliyun.openservices.ons.api.Consumer;
import com.aliyun.openservices.ons.api.Message;
import com.aliyun.openservices.ons.api.ONSFactory;
import com.aliyun.openservices.ons.api.Producer;
import com.aliyun.openservices.ons.api.PropertyKeyConst;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;

/** A user of the service in one case: where it connects to, and which of its clients are shut down when the case ends. */
final class Tenant {
    private final Scene scene;
    private final String endpoint;
    private Producer producer;

    Tenant(Scene scene) {
        this(scene, scene.servers.nameServer);
    }

    Tenant(Scene scene, String endpoint) {
        this.scene = scene;
        this.endpoint = endpoint;
    }

    /** What each client is made from; further settings as names and values by turns. */
    Properties settings(String group, String... further) {
        return settingsAt(endpoint, group, further);
    }

    static Properties settingsAt(String endpoint, String group, String... further) {
        var settings = new Properties();
        settings.put(PropertyKeyConst.NAMESRV_ADDR, endpoint);
        settings.put(PropertyKeyConst.AccessKey, "key of a tenant");
        settings.put(PropertyKeyConst.SecretKey, "secret of a tenant");
        settings.put(PropertyKeyConst.GROUP_ID, group);
        settings.put(PropertyKeyConst.SendMsgTimeoutMillis, String.valueOf(Expect.CALL_MS));
        for (int i = 0; i < further.length; i += 2) {
            settings.put(further[i], further[i + 1]);
        }
        return settings;
    }

    /** Starts a client, which is shut down when the case ends. */
    <C extends Admin> C start(C client) {
        client.start();
        scene.closing(client::shutdown);
        return client;
    }

    /** The tenant's one ordinary producer. */
    Producer producer() {
        if (producer == null) {
            producer = start(ONSFactory.createProducer(settings(scene.unique("producer"))));
        }
        return producer;
    }

    void send(String topic, List<String> bodies) {
        bodies.forEach(body -> producer().send(message(topic, "tag", body)));
    }

    static Message message(String topic, String tag, String body) {
        return new Message(topic, tag, "key-" + body, body.getBytes(StandardCharsets.UTF_8));
    }

    /** Starts a consumer that succeeds with every message. */
    Reception receive(String group, String topic, String expression, String... further) {
        var reception = new Reception();
        Consumer consumer = ONSFactory.createConsumer(settings(group, further));
        consumer.subscribe(topic, expression, reception);
        start(consumer);
        return reception;
    }
}
