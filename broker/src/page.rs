//! Pages of a long table, for requests that list topics or groups a few thousand at a time.

use std::collections::BTreeMap;

use bolide_remoting::body;
use bolide_remoting::body::DataVersion;

/// The most entries of one page (`splitMetadataSize`).
const PAGE: usize = 2_000;

/// The entries from number `first` on, at most `most`. A caller that names neither wants the whole table. One whose earlier pages
/// were of another version than the table has now gets the first page again.
pub(crate) fn page<T>(
    table: BTreeMap<String, T>,
    first: Option<i32>,
    most: Option<i32>,
    version: Option<&str>,
    now: DataVersion,
) -> BTreeMap<String, T> {
    if first.is_none() && most.is_none() && version.is_none() {
        return table;
    }
    let known: Option<DataVersion> = version.and_then(|version| body::decode(version.as_bytes()).ok());
    let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(0);
    let first = if known == Some(now) { first } else { 0 };
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE);
    table.into_iter().skip(first).take(most.min(PAGE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> BTreeMap<String, usize> {
        (0..5_000).map(|number| (format!("topic-{number:04}"), number)).collect()
    }

    #[test]
    fn pages_follow_each_other_while_the_version_stands() {
        let now = DataVersion { counter: 7, ..DataVersion::default() };
        let version = String::from_utf8(body::encode(&now).to_vec()).unwrap();
        let mut seen = BTreeMap::new();
        while seen.len() < 5_000 {
            let next = page(table(), Some(seen.len() as i32), Some(3_000), Some(&version), now);
            assert!(!next.is_empty() && next.len() <= PAGE);
            seen.extend(next);
        }
        assert_eq!(seen, table());
    }

    #[test]
    fn a_changed_table_is_listed_from_its_start() {
        let now = DataVersion { counter: 7, ..DataVersion::default() };
        let other = page(table(), Some(2_000), Some(10), Some("{\"counter\":6}"), now);
        assert_eq!(other.values().next(), Some(&0));
        assert_eq!(page(table(), None, None, None, now).len(), 5_000);
    }
}
