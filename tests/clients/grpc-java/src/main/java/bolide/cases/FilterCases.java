package bolide.cases;

import java.util.List;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;

/** Consumers that take some of a topic's messages. */
final class FilterCases {
    private FilterCases() {
    }

    static List<Case> all() {
        return List.of(new Case("filter-by-tag", FilterCases::tag), new Case("filter-by-sql", FilterCases::sql));
    }

    private static void tag(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 2);
        Inbox inbox = scene.push(scene.group(), topic, new FilterExpression("red || blue"));
        for (String tag : List.of("red", "green", "blue", "redder")) {
            for (int i = 0; i < 3; i++) {
                scene.producer().send(Scene.message(topic, tag + "-" + i).setTag(tag).build());
            }
        }
        scene.send(topic, List.of("untagged"));
        scene.producer().send(Scene.message(topic, "last").setTag("blue").build());
        inbox.awaitExactly(List.of("red-0", "red-1", "red-2", "blue-0", "blue-1", "blue-2", "last"));
    }

    private static void sql(Scene scene) throws Exception {
        String topic = scene.topic("NORMAL", 2);
        var filter = new FilterExpression("(size BETWEEN 3 AND 5 AND colour IN ('red', 'blue')) OR TAGS = 'always'", FilterExpressionType.SQL92);
        Inbox inbox = scene.push(scene.group(), topic, filter);
        for (int size = 0; size < 8; size++) {
            for (String colour : List.of("red", "green")) {
                scene.producer().send(Scene.message(topic, colour + "-" + size).addProperty("size", String.valueOf(size)).addProperty("colour", colour).build());
            }
        }
        scene.producer().send(Scene.message(topic, "last").setTag("always").build());
        inbox.awaitExactly(List.of("red-3", "red-4", "red-5", "last"));
    }
}
