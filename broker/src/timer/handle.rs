//! The handle with which a producer takes back a message that waits: URL-safe Base64 of
//! `v1 topic broker-name time unique-key`, the time being the slot of the message plus one millisecond.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const VERSION: &str = "v1";
/// Written with padding, read with or without, as Java does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a handle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecallHandle {
    /// The topic that the message is for.
    pub(crate) topic: String,
    /// The broker that keeps it.
    pub(crate) broker: String,
    /// A time within its slot, in milliseconds since 1970; nothing usable is -1.
    pub(crate) time_ms: i64,
    /// Its unique key.
    pub(crate) unique_key: String,
}

impl RecallHandle {
    /// The handle of a message whose `TIMER_OUT_MS` is `out_ms`.
    pub(crate) fn encode(topic: &str, broker: &str, out_ms: i64, unique_key: &str) -> String {
        BASE64.encode(format!("{VERSION} {topic} {broker} {} {unique_key}", out_ms + 1))
    }

    /// Reads a handle; `None`: it is none.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
        let mut parts = text.split(' ');
        if parts.next() != Some(VERSION) {
            return None;
        }
        Some(RecallHandle {
            topic: parts.next()?.to_owned(),
            broker: parts.next()?.to_owned(),
            time_ms: parts.next()?.parse().unwrap_or(-1),
            unique_key: parts.next().filter(|key| !key.is_empty())?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
