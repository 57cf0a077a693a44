//! Topics and groups of a cluster in one file, in Apache's form.

use std::collections::BTreeMap;
use std::path::Path;

use bolide_remoting::body::{
    SubscriptionGroupConfig, SubscriptionGroupWrapper, TopicConfig, TopicConfigSerializeWrapper, TopicList,
};
use bolide_remoting::{Body, RequestCode};
use serde_json::{Map, json};

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;
use crate::time::now_ms;
use crate::topic::is_of_a_group;

const DEFAULT_FOLDER: &str = "/tmp/rocketmq/export";

commands! {
    "exportMetadata": "Write topics and consumer groups of a broker or a cluster to a file", [
        CLUSTER,
        BROKER,
        Flag::text('f', "filePath", "The folder for metadata.json; /tmp/rocketmq/export"),
        Flag::switch('t', "topic", "Only topics"),
        Flag::switch('g', "subscriptionGroup", "Only groups"),
        Flag::switch('s', "specialTopic", "With the system's topics and those of groups"),
    ],
        export();
}

async fn export(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let special = arguments.has("specialTopic");
    let (mut topics, mut groups) = (BTreeMap::new(), BTreeMap::new());
    for broker in session.place(arguments).await? {
        topics_of(session, &broker.address, special, &mut topics).await?;
        let code = RequestCode::GET_ALL_SUBSCRIPTIONGROUP_CONFIG;
        let answer = session.ask(&broker.address, code, &(), Body::Empty).await?;
        let known: SubscriptionGroupWrapper = answer.body()?;
        for (name, group) in known.subscription_group_table {
            let _: &mut SubscriptionGroupConfig = groups.entry(name).or_insert(group);
        }
    }
    let mut content = Map::new();
    if !arguments.has("subscriptionGroup") {
        content.insert("topicConfigTable".to_owned(), json!(topics));
    }
    if !arguments.has("topic") {
        content.insert("subscriptionGroupTable".to_owned(), json!(groups));
    }
    content.insert("exportTime".to_owned(), json!(now_ms()));
    let folder = Path::new(arguments.optional("filePath").unwrap_or(DEFAULT_FOLDER));
    let path = folder.join("metadata.json");
    let text = format!("{:#}\n", serde_json::Value::Object(content));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|source| Failure::File { path: path.display().to_string(), source })?;
    Ok(Report::done(format!("export {} success", path.display())))
}

/// Adds a broker's topics; of one that others have too the queues are counted together.
async fn topics_of(
    session: &Session,
    address: &str,
    special: bool,
    topics: &mut BTreeMap<String, TopicConfig>,
) -> Result<(), Failure> {
    let answer = session.ask(address, RequestCode::GET_ALL_TOPIC_CONFIG, &(), Body::Empty).await?;
    let known: TopicConfigSerializeWrapper = answer.body()?;
    let code = RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_BROKER;
    let of_the_system = session.ask(address, code, &(), Body::Empty).await?.body::<TopicList>()?.topic_list;
    for (name, topic) in known.topic_config_table {
        if !special && (of_the_system.contains(&name) || is_of_a_group(&name)) {
            continue;
        }
        match topics.get_mut(&name) {
            Some(together) => {
                together.read_queue_nums += topic.read_queue_nums;
                together.write_queue_nums += topic.write_queue_nums;
            }
            None => {
                topics.insert(name, topic);
            }
        }
    }
    Ok(())
}
