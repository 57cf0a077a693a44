//! Light queues (Apache's LMQ): a message that names some in its property `INNER_MULTI_DISPATCH` is in each of them as well as in
//! its own queue, though the log holds it once. The offset that it has in each stands in `INNER_MULTI_QUEUE_OFFSET`, both lists
//! separated by commas; the queues themselves are consume queues like all others.
//!
//! Offsets are written with all 19 digits that one can have: so the record's length is known before the offsets are, and they are
//! put in where the record gets its own. Apache's broker and clients read them as numbers.

use std::sync::LazyLock;

use memchr::memmem;

use crate::derived::SCHEDULE_TOPIC;
use crate::error::PutError;
use crate::message::NewMessage;
use crate::offset::{QueueId, QueueOffset};
use crate::record::{CRC_PROPERTY_BYTES, Properties, RecordView, properties, sys_flag};

/// What the topics of light queues begin with.
pub const LIGHT_PREFIX: &str = "%LMQ%";
/// The only queue of such a topic.
pub const LIGHT_QUEUE: QueueId = QueueId(0);

/// The property that names the light queues of a message.
pub const DISPATCH: &str = "INNER_MULTI_DISPATCH";
/// The property that says which offset it has in each.
const OFFSETS: &str = "INNER_MULTI_QUEUE_OFFSET";
/// What both have in common.
const COMMON: &[u8] = b"INNER_MULTI_";
/// Looks for that; made once, since every message passes here.
static SPEAKS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(COMMON));
const SEPARATOR: char = ',';
const DIGITS: usize = 19;
/// The longest name of a folder.
const MAX_NAME_BYTES: usize = 255;

/// Topics of the broker's own in which a message only waits to be stored anew.
const TRANSIT_TOPICS: [&str; 3] = [SCHEDULE_TOPIC, "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"];

/// Whether the topic is that of a light queue.
pub fn is_light(topic: &str) -> bool {
    topic.starts_with(LIGHT_PREFIX)
}

/// The offset that a message has in the queue of this topic that it was read from: its own, unless that is a light queue.
pub fn offset_in(record: &RecordView<'_>, topic: &str) -> QueueOffset {
    let light = is_light(topic) && record.topic() != topic;
    let found = light.then(|| entries(record).find(|(name, _)| *name == topic)).flatten();
    found.map_or(record.queue_offset(), |(_, offset)| offset)
}

/// Whether a record is the message of a light queue at this offset.
pub(crate) fn is_at(record: &RecordView<'_>, topic: &str, offset: QueueOffset) -> bool {
    let is_own = record.topic() == topic && record.queue() == LIGHT_QUEUE && record.queue_offset() == offset;
    is_own || entries(record).any(|entry| entry == (topic, offset))
}

/// The light queues that a record is in, and its offset in each.
pub(crate) fn entries<'a>(record: &RecordView<'a>) -> impl Iterator<Item = (&'a str, QueueOffset)> + use<'a> {
    let properties = record.properties();
    let enters = sys_flag::enters_queue(record.sys_flag()) && may_be_in_light_queues(record.topic());
    let list = |name| properties.get_str(name).filter(|_| enters).unwrap_or_default();
    let names = list(DISPATCH).split(SEPARATOR);
    names.zip(list(OFFSETS).split(SEPARATOR)).filter_map(|(name, offset)| {
        let offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
        (is_light(name) && is_folder_name(name)).then_some((name, QueueOffset(offset)))
    })
}

/// What is to be done for a message that speaks of light queues.
pub(crate) struct Plan {
    /// The message's properties, with room for the offsets at their end where it is in any queue.
    pub(crate) properties: Vec<u8>,
    /// The queues, and where in that room each offset goes.
    names: Vec<(String, usize)>,
    room_bytes: usize,
}

impl Plan {
    /// `None`: the message speaks of no light queues. Offsets that it brings along are taken out.
    pub(crate) fn of(message: &NewMessage<'_>) -> Result<Option<Self>, PutError> {
        if SPEAKS.find(message.properties).is_none() {
            return Ok(None);
        }
        let mut properties = Vec::with_capacity(message.properties.len() + 64);
        Properties(message.properties).copy_without(&[OFFSETS], &mut properties);
        let mut plan = Plan { properties, names: Vec::new(), room_bytes: 0 };
        if !sys_flag::enters_queue(message.sys_flag) || !may_be_in_light_queues(message.topic) {
            return Ok(Some(plan));
        }
        let mut room = String::new();
        for (index, name) in
            Properties(message.properties).get_str(DISPATCH).unwrap_or_default().split(SEPARATOR).enumerate()
        {
            if index > 0 {
                room.push(SEPARATOR);
            }
            // A name that is no light queue's has no offset, nor has one that stands there twice.
            let is_own = name == message.topic && message.queue == LIGHT_QUEUE;
            if !is_light(name) || is_own || plan.names.iter().any(|(known, _)| known == name) {
                continue;
            }
            if !is_folder_name(name) {
                return Err(PutError::BadLightQueue { name: name.to_owned() });
            }
            plan.names.push((name.to_owned(), room.len()));
            room.extend(std::iter::repeat_n('0', DIGITS));
        }
        if !plan.names.is_empty() {
            plan.room_bytes = room.len();
            properties::push(&mut plan.properties, OFFSETS, room);
        }
        Ok(Some(plan))
    }

    /// The light queues, each with the place of its offset in the buffer that `record_end` is the end of the encoded record in.
    pub(crate) fn slots(self, record_end: usize, has_crc: bool) -> impl Iterator<Item = LightSlot> {
        // The room is all but the last thing in the record: its own end mark follows, and the checksum if there is one.
        let room_at = record_end - if has_crc { CRC_PROPERTY_BYTES } else { 0 } - 1 - self.room_bytes;
        self.names.into_iter().map(move |(name, at)| LightSlot { name, at: room_at + at })
    }
}

/// A light queue that an encoded record enters.
pub(crate) struct LightSlot {
    pub(crate) name: String,
    at: usize,
}

impl LightSlot {
    /// Puts the offset in.
    pub(crate) fn fill(&self, records: &mut [u8], offset: QueueOffset) {
        let mut rest = offset.0.unsigned_abs();
        for digit in records[self.at..self.at + DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

/// Whether messages of a topic are put into light queues: not those that wait or come again.
fn may_be_in_light_queues(topic: &str) -> bool {
    const PREFIXES: [&str; 3] = ["%RETRY%", "%DLQ%", "rmq_sys_"];
    !PREFIXES.iter().any(|prefix| topic.starts_with(prefix)) && !TRANSIT_TOPICS.contains(&topic)
}

fn is_folder_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && !name.contains(['/', '\0'])
}
