use std::fs;

use super::*;

#[test]
fn keys_and_values_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("namesrv/kvConfig.json");
    let path = path.to_str().unwrap();
    let storage = KvStorage::open(path).unwrap();
    storage.table.write().put("n", "k", "v").unwrap();
    storage.save().unwrap();
    assert_eq!(KvStorage::open(path).unwrap().table.read().get("n", "k"), Some("v"));
    fs::write(path, "{").unwrap();
    assert!(KvStorage::open(path).is_err());
}

#[test]
fn without_a_path_nothing_is_written() {
    let storage = KvStorage::open("").unwrap();
    storage.table.write().put("n", "k", "v").unwrap();
    storage.save().unwrap();
}

#[test]
fn changes_reach_the_operators_file_and_leave_the_rest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("namesrv.conf");
    fs::write(&path, "# mine\nenableTopicList = true\nlistenPort=1\n").unwrap();
    let config = NameServerConfig { config_store_path: path.display().to_string(), ..NameServerConfig::default() };
    let settings = Settings::new(Loaded::new(config));
    let update =
        settings.update(&Properties::from_iter([("enableTopicList", "false"), ("supportActingMaster", "true")]));
    settings.save(&update.unwrap().properties()).unwrap();
    let content = fs::read_to_string(&path).unwrap();
    assert_eq!(content, "# mine\nenableTopicList=false\nlistenPort=1\nsupportActingMaster=true\n");
    assert!(!settings.live.get().enable_topic_list);
}
