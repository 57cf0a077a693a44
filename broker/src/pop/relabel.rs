//! Retries as clients see them: the record of a message that waited on a retry topic, with the topic that the client asked for and
//! the message's handle. Only topic, properties and lengths change; everything else is copied as it is stored.

use bolide_store::record::RecordView;
use bolide_store::record::properties::push;

/// Magic number of records whose topic has up to 127 bytes, which one byte tells.
const MAGIC_V1: u32 = 0xDAA3_20A7;
/// Magic number of records with a longer topic, whose length two bytes tell.
const MAGIC_V2: u32 = 0xDAA3_20AB;
/// The longest topic of a record of the first kind.
const MAX_V1_TOPIC_BYTES: usize = 127;

/// Writes the record with another topic and one more property to `out`; `false`, writing nothing, where the properties would become
/// longer than a record can hold.
pub(super) fn relabel(view: &RecordView<'_>, topic: &str, property: (&str, &str), out: &mut Vec<u8>) -> bool {
    let record = view.bytes();
    let body_end = view.body().as_ptr_range().end as usize - record.as_ptr() as usize;
    let mut properties = Vec::with_capacity(view.properties().0.len() + property.1.len() + 16);
    view.properties().copy_without(&[property.0], &mut properties);
    if properties.last().is_some_and(|last| *last != 2) {
        properties.push(2);
    }
    push(&mut properties, property.0, property.1);
    let Ok(properties_len) = i16::try_from(properties.len()) else { return false };
    let Ok(topic_len) = i16::try_from(topic.len()) else { return false };
    let start = out.len();
    out.extend_from_slice(&record[..body_end]);
    let is_v1 = topic.len() <= MAX_V1_TOPIC_BYTES;
    out[start + 4..start + 8].copy_from_slice(&if is_v1 { MAGIC_V1 } else { MAGIC_V2 }.to_be_bytes());
    // The low byte is all of a short length.
    out.extend_from_slice(&topic_len.to_be_bytes()[usize::from(is_v1)..]);
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&properties_len.to_be_bytes());
    out.extend_from_slice(&properties);
    let Ok(size) = i32::try_from(out.len() - start) else {
        out.truncate(start);
        return false;
    };
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    true
}

#[cfg(test)]
mod tests;
