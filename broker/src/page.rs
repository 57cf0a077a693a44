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
mod tests;
