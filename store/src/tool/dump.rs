//! `dump`: records as JSON, one a line.

use std::fmt::Write as _;
use std::io::Write;

use super::folder::{Folder, FolderError};
use super::progress::Progress;
use super::walk::{Met, walk};
use crate::record::{RecordView, encode_message_id};

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct DumpFilter {
    /// The log's offset to begin with; it must be a record's.
    pub from: Option<i64>,
    /// Only messages of this topic.
    pub topic: Option<String>,
    /// Only messages of this queue.
    pub queue: Option<i32>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// Writes records to `out`, oldest first; answers how many. What is damaged is left out, with a line on standard error.
///
/// # Errors
/// When a file cannot be read or `out` not written.
pub fn dump(folder: &Folder, filter: &DumpFilter, out: &mut dyn Write) -> Result<u64, FolderError> {
    let first = folder.segments.first().map_or(0, |segment| segment.start);
    let from = filter.from.unwrap_or(first).max(first);
    let mut progress = Progress::begin("records", from as u64, first as u64 + folder.log_bytes());
    let mut count = 0;
    let limit = filter.limit.unwrap_or(u64::MAX);
    walk(folder, from, &mut progress, |met| {
        let record = match met {
            Met::Record(record) => record,
            Met::Damage { offset, problem, .. } => {
                eprintln!("the record at {offset} is left out: {problem}");
                return Ok(());
            }
        };
        let is_wanted = filter.topic.as_ref().is_none_or(|topic| topic == record.topic())
            && filter.queue.is_none_or(|queue| queue == record.queue().0);
        if count < limit && is_wanted {
            count += 1;
            writeln!(out, "{}", json(&record)).map_err(FolderError::Output)?;
        }
        Ok(())
    })?;
    Ok(count)
}

/// A record as a JSON object.
pub(super) fn json(record: &RecordView<'_>) -> String {
    let mut text = String::from("{");
    let mut field = |name: &str, value: &str| {
        let comma = if text.len() > 1 { "," } else { "" };
        let _ = write!(text, "{comma}\"{name}\":{value}");
    };
    field("msgId", &quoted(&encode_message_id(record.store_host(), record.physical_offset())));
    field("topic", &quoted(record.topic()));
    field("queueId", &record.queue().0.to_string());
    field("queueOffset", &record.queue_offset().0.to_string());
    field("commitLogOffset", &record.physical_offset().0.to_string());
    field("storeSize", &record.size().to_string());
    field("sysFlag", &record.sys_flag().to_string());
    field("flag", &record.flag().to_string());
    field("bornTimestamp", &record.born_ms().to_string());
    field("bornHost", &quoted(&record.born_host().to_string()));
    field("storeTimestamp", &record.store_ms().to_string());
    field("storeHost", &quoted(&record.store_host().to_string()));
    field("reconsumeTimes", &record.reconsume_times().to_string());
    field("preparedTransactionOffset", &record.prepared_offset().to_string());
    let lossy = |bytes: &[u8]| quoted(&String::from_utf8_lossy(bytes));
    let properties: Vec<_> =
        record.properties().iter().map(|(name, value)| format!("{}:{}", lossy(name), lossy(value))).collect();
    field("properties", &format!("{{{}}}", properties.join(",")));
    match std::str::from_utf8(record.body()) {
        Ok(body) => field("body", &quoted(body)),
        Err(_) => field("bodyHex", &quoted(&hex(record.body()))),
    }
    text.push('}');
    text
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
