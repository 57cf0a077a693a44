//! Configurations of topics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bodies;
use super::data_version::DataVersion;
use super::mapping::{TopicQueueMappingDetail, TopicQueueMappingInfo};

bodies! {
    /// One topic of a broker.
    #[derive(Eq)]
    TopicConfig {
        topic_name: String,
        read_queue_nums: i32,
        write_queue_nums: i32,
        /// Bits 4 read, 2 write, 1 inherit, 8 priority.
        perm: i32,
        topic_filter_type: TopicFilterType,
        topic_sys_flag: i32,
        order: bool,
        attributes: BTreeMap<String, String>,
    }

    /// All topics of a broker: `config/topics.json`, and the answer to GET_ALL_TOPIC_CONFIG (21).
    #[derive(Default)]
    TopicConfigSerializeWrapper {
        topic_config_table: BTreeMap<String, TopicConfig>,
        data_version: DataVersion,
    }

    /// All topics of a broker and its part of static topics, as registered with name servers.
    #[derive(Default)]
    TopicConfigAndMappingSerializeWrapper {
        topic_config_table: BTreeMap<String, TopicConfig>,
        data_version: DataVersion,
        topic_queue_mapping_info_map: BTreeMap<String, TopicQueueMappingInfo>,
        topic_queue_mapping_detail_map: BTreeMap<String, TopicQueueMappingDetail>,
        mapping_data_version: DataVersion,
    }

    /// Names of topics: the answer to GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206) and its kin.
    #[derive(Default, Eq)]
    TopicList {
        topic_list: Vec<String>,
        broker_addr: Option<String>,
    }

    /// The body of UPDATE_AND_CREATE_TOPIC_LIST (18).
    #[derive(Default)]
    CreateTopicListRequest {
        topic_config_list: Vec<TopicConfig>,
    }

    /// The body of DELETE_TOPIC_IN_BROKER_LIST (5002).
    #[derive(Default, Eq)]
    DeleteTopicListRequest {
        topic_list: Vec<String>,
    }
}

/// Whether messages of a topic have one tag or several. Nothing depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TopicFilterType {
    /// One tag.
    #[default]
    SingleTag,
    /// Several tags.
    MultiTag,
}

impl TopicFilterType {
    /// Apache's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleTag => "SINGLE_TAG",
            Self::MultiTag => "MULTI_TAG",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::SingleTag, Self::MultiTag].into_iter().find(|known| known.name() == name)
    }
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            topic_name: String::new(),
            read_queue_nums: 16,
            write_queue_nums: 16,
            perm: 6,
            topic_filter_type: TopicFilterType::SingleTag,
            topic_sys_flag: 0,
            order: false,
            attributes: BTreeMap::new(),
        }
    }
}
