//! The small JSON files under a store's `config` folder.

use bolide_remoting::body::{
    self, ConsumerOffsetSerializeWrapper, SubscriptionGroupWrapper, TopicConfigSerializeWrapper,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::java_value::JavaValue;
use crate::manifest::store_files;

/// What differs after a file went through its type.
fn differences<T: Serialize + DeserializeOwned>(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for store in ["ipv4", "ipv6"] {
        let files = store_files(store);
        let file = files.iter().find(|file| file.path == format!("config/{name}")).unwrap();
        let typed: T = body::decode(&file.bytes).unwrap_or_else(|e| panic!("{store} {name}: {e}"));
        let value = |bytes: &[u8]| JavaValue::parse(std::str::from_utf8(bytes).unwrap()).unwrap().without_nulls();
        found.extend(value(&file.bytes).differences(&value(&body::encode(&typed))));
    }
    found
}

#[test]
fn topics_come_back() {
    assert_eq!(differences::<TopicConfigSerializeWrapper>("topics.json"), Vec::<String>::new());
}

#[test]
fn groups_come_back() {
    assert_eq!(differences::<SubscriptionGroupWrapper>("subscriptionGroup.json"), Vec::<String>::new());
}

#[test]
fn offsets_come_back() {
    let mut found = differences::<ConsumerOffsetSerializeWrapper>("consumerOffset.json");
    // Derived from the offsets; Apache does not read it back.
    found.retain(|difference| !difference.starts_with(".\"groupTopicMap\""));
    assert_eq!(found, Vec::<String>::new());
}
