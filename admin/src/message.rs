//! How messages are shown: one in full, or one a line.

use crate::failure::Failure;
use crate::record::{StoredMessage, UNIQUE_KEY};
use crate::report::{Cell, Report, object};
use crate::row;
use crate::session::{Answer, Session};
use crate::table::Column;
use crate::time;

/// A message's fields, in JSON everywhere the same.
pub(crate) const COLUMNS: &[Column] = &[
    ("OffsetID", "offsetId"),
    ("UniqueKey", "uniqueKey"),
    ("Topic", "topic"),
    ("Tags", "tags"),
    ("Keys", "keys"),
    ("Queue ID", "queueId"),
    ("Queue Offset", "queueOffset"),
    ("CommitLog Offset", "commitLogOffset"),
    ("Reconsume Times", "reconsumeTimes"),
    ("Born Timestamp", "bornTimestamp"),
    ("Store Timestamp", "storeTimestamp"),
    ("Born Host", "bornHost"),
    ("Store Host", "storeHost"),
    ("System Flag", "systemFlag"),
    ("Flag", "flag"),
    ("Properties", "properties"),
    ("Message Body", "body"),
];

/// How bytes become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    #[default]
    Utf8,
    Latin1,
}

impl Charset {
    /// The charset of this name, or UTF-8 where none is named.
    pub(crate) fn named(name: Option<&str>) -> Result<Self, Failure> {
        match name.unwrap_or("UTF-8").to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "US-ASCII" => Ok(Self::Utf8),
            "ISO-8859-1" => Ok(Self::Latin1),
            other => Err(Failure::usage(format!("charset {other} is not known here; UTF-8 and ISO-8859-1 are"))),
        }
    }

    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
        }
    }
}

/// A message as a row of [`COLUMNS`]; without a charset the body stays out.
pub(crate) fn cells(message: &StoredMessage, charset: Option<Charset>) -> Vec<Cell> {
    row![
        message.offset_id(),
        message.properties.get(UNIQUE_KEY),
        &message.topic,
        message.tags(),
        message.keys(),
        message.queue_id,
        message.queue_offset,
        message.physical_offset,
        message.reconsume_times,
        Cell::Time(message.born_ms),
        Cell::Time(message.store_ms),
        message.born_host.to_string(),
        message.store_host.to_string(),
        message.sys_flag,
        message.flag,
        message.properties.clone(),
        charset.map(|charset| charset.decode(&message.body)),
    ]
}

/// A message in full.
pub(crate) fn in_full(key: &str, message: &StoredMessage, charset: Charset) -> Report {
    Report::default().with_record(key, COLUMNS, cells(message, Some(charset)))
}

/// Writes a message as one line, at once.
pub(crate) fn write_line(session: &Session, message: &StoredMessage, charset: Option<Charset>) -> Result<(), Failure> {
    if session.json() {
        return session.write(&format!("{}\n", object(COLUMNS, &cells(message, charset))));
    }
    let body = charset.map_or_else(|| "NOT PRINT BODY".to_owned(), |charset| charset.decode(&message.body));
    session.write(&format!(
        "MSGID: {} topic={} queueId={} queueOffset={} stored={} properties={} BODY: {body}\n",
        message.id(),
        message.topic,
        message.queue_id,
        message.queue_offset,
        time::local(message.store_ms),
        Cell::from(message.properties.clone()).to_text(),
    ))
}

/// The messages in an answer.
pub(crate) fn in_answer(answer: &Answer) -> Result<Vec<StoredMessage>, Failure> {
    StoredMessage::parse_all(answer.bytes())
        .map_err(|problem| Failure::Record { server: answer.server.clone(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_as_asked() {
        assert_eq!(Charset::named(None).unwrap().decode("ä".as_bytes()), "ä");
        assert_eq!(Charset::named(Some("iso-8859-1")).unwrap().decode(&[0xE4]), "ä");
        assert!(Charset::named(Some("EBCDIC")).unwrap_err().to_string().contains("ISO-8859-1"));
    }
}
