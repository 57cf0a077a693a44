//! What a broker registers with name servers: its topics. As JSON, or compressed, which is
//!
//! ```text
//! zlib of:  i32 length, data version (JSON)
//!           i32 count, each topic: i32 length, "name readQueues writeQueues perm filterType attributes"
//!           i32 length, filter servers (JSON)
//!           i32 count, each static topic: i32 length, mapping (JSON)      (brokers from 5.0 on)
//! ```

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::bodies;
use super::mapping::TopicQueueMappingInfo;
use super::topic::{TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicFilterType};
use crate::java_json::{self, JsonError};

/// What a compressed registration may come to: two million topics, roughly.
pub const MAX_REGISTRATION_BYTES: u64 = 256 << 20;

bodies! {
    /// The body of REGISTER_BROKER (103).
    #[derive(Default)]
    RegisterBrokerBody {
        topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper,
        filter_server_list: Vec<String>,
    }
}

/// Why a registration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Some part of it is not JSON, or has another shape.
    #[error("the registration cannot be read: {0}")]
    Json(#[from] JsonError),
    /// It is not what zlib wrote, or breaks off.
    #[error("the registration cannot be decompressed: {0}")]
    Compression(#[from] io::Error),
    /// It decompresses to more than [`MAX_REGISTRATION_BYTES`].
    #[error("the registration decompresses to more than {MAX_REGISTRATION_BYTES} bytes")]
    TooLong,
    /// A length or a topic in it is not what it should be.
    #[error("the registration is malformed: {0}")]
    Malformed(String),
}

impl RegisterBrokerBody {
    /// Reads a body; `compressed` is what the header says.
    ///
    /// # Errors
    /// When it cannot be read. Nothing is allocated for what is only claimed.
    pub fn decode(body: &[u8], compressed: bool) -> Result<Self, RegistrationError> {
        if !compressed {
            return Ok(java_json::from_slice(body)?);
        }
        let mut bytes = Vec::new();
        ZlibDecoder::new(body).take(MAX_REGISTRATION_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_REGISTRATION_BYTES {
            return Err(RegistrationError::TooLong);
        }
        Self::decode_parts(&mut Parts(&bytes))
    }

    fn decode_parts(parts: &mut Parts<'_>) -> Result<Self, RegistrationError> {
        let mut body = Self::default();
        let wrapper = &mut body.topic_config_serialize_wrapper;
        wrapper.data_version = java_json::from_slice(parts.part()?)?;
        for _ in 0..parts.number()? {
            let topic = decode_topic(parts.part()?)?;
            wrapper.topic_config_table.insert(topic.topic_name.clone(), topic);
        }
        body.filter_server_list = java_json::from_slice(parts.part()?)?;
        if !parts.0.is_empty() {
            for _ in 0..parts.number()? {
                let mapping: TopicQueueMappingInfo = java_json::from_slice(parts.part()?)?;
                wrapper.topic_queue_mapping_info_map.insert(mapping.topic.clone(), mapping);
            }
        }
        Ok(body)
    }

    /// Writes the body in the compressed form.
    pub fn encode_compressed(&self) -> Bytes {
        let wrapper = &self.topic_config_serialize_wrapper;
        let mut bytes = Vec::new();
        push_part(&mut bytes, &super::encode(&wrapper.data_version));
        bytes.extend_from_slice(&(wrapper.topic_config_table.len() as u32).to_be_bytes());
        for topic in wrapper.topic_config_table.values() {
            push_part(&mut bytes, encode_topic(topic).as_bytes());
        }
        push_part(&mut bytes, &super::encode(&self.filter_server_list));
        bytes.extend_from_slice(&(wrapper.topic_queue_mapping_info_map.len() as u32).to_be_bytes());
        for mapping in wrapper.topic_queue_mapping_info_map.values() {
            push_part(&mut bytes, &super::encode(mapping));
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).and_then(|()| encoder.finish()).expect("a Vec takes every write").into()
    }
}

fn push_part(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// What is left to read.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number(&mut self) -> Result<usize, RegistrationError> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(|| malformed("it ends within a number"))?;
        self.0 = rest;
        usize::try_from(i32::from_be_bytes(*number)).map_err(|_| malformed("a number is negative"))
    }

    fn part(&mut self) -> Result<&'a [u8], RegistrationError> {
        let length = self.number()?;
        let (part, rest) =
            self.0.split_at_checked(length).ok_or_else(|| malformed("a part is longer than the rest"))?;
        self.0 = rest;
        Ok(part)
    }
}

fn malformed(what: impl Into<String>) -> RegistrationError {
    RegistrationError::Malformed(what.into())
}

fn encode_topic(topic: &TopicConfig) -> String {
    let attributes = super::encode(&topic.attributes);
    format!(
        "{} {} {} {} {} {}",
        topic.topic_name,
        topic.read_queue_nums,
        topic.write_queue_nums,
        topic.perm,
        topic.topic_filter_type.name(),
        String::from_utf8_lossy(&attributes),
    )
}

fn decode_topic(part: &[u8]) -> Result<TopicConfig, RegistrationError> {
    let wrong = || malformed(format!("a topic reads {:?}", String::from_utf8_lossy(&part[..part.len().min(200)])));
    let text = str::from_utf8(part).map_err(|_| wrong())?;
    let mut words = text.splitn(6, ' ');
    let mut word = || words.next().ok_or_else(wrong);
    let number = |text: &str| text.parse().map_err(|_| wrong());
    let topic = TopicConfig {
        topic_name: word()?.to_owned(),
        read_queue_nums: number(word()?)?,
        write_queue_nums: number(word()?)?,
        perm: number(word()?)?,
        topic_filter_type: TopicFilterType::from_name(word()?).ok_or_else(wrong)?,
        ..TopicConfig::default()
    };
    // Old brokers do not have attributes.
    let attributes = match word() {
        Ok(json) if !json.is_empty() => java_json::from_slice(json.as_bytes())?,
        _ => Default::default(),
    };
    Ok(TopicConfig { attributes, ..topic })
}
