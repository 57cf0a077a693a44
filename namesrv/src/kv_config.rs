//! The key-value configuration that operators keep on name servers: namespaces of keys with text values. Its one user in
//! RocketMQ itself is the order configuration of topics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The namespace of the topics' order configurations.
pub(crate) const ORDER_TOPIC_CONFIG: &str = "ORDER_TOPIC_CONFIG";

/// How many bytes the names and values may have altogether; the whole table is written as one file on every change.
const MAX_BYTES: usize = 16 << 20;

/// A change that would make the table larger than it may be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-value configuration may have {MAX_BYTES} bytes, and is full")]
pub(crate) struct Full;

/// The table. Its serialized form is that of Apache's `kvConfig.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KvConfig {
    config_table: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(skip)]
    bytes: usize,
}

impl KvConfig {
    /// Reads the file's content.
    pub(crate) fn from_json(content: &[u8]) -> serde_json::Result<Self> {
        let mut table: Self = serde_json::from_slice(content)?;
        let size = |(namespace, keys): (&String, &BTreeMap<String, String>)| {
            namespace.len() + keys.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
        };
        table.bytes = table.config_table.iter().map(size).sum();
        Ok(table)
    }

    /// The file's content.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Maps of texts have no way to fail.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Sets a key.
    pub(crate) fn put(&mut self, namespace: &str, key: &str, value: &str) -> Result<(), Full> {
        let known = self.config_table.get(namespace);
        let replaced = known.and_then(|keys| keys.get(key)).map(|old| key.len() + old.len()).unwrap_or_default();
        let name = if known.is_none() { namespace.len() } else { 0 };
        let bytes = self.bytes - replaced + name + key.len() + value.len();
        if bytes > MAX_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        self.config_table.entry(namespace.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Removes a key. The namespace stays, as with Apache: an emptied one still answers with an empty list.
    pub(crate) fn delete(&mut self, namespace: &str, key: &str) {
        if let Some(old) = self.config_table.get_mut(namespace).and_then(|keys| keys.remove(key)) {
            self.bytes -= key.len() + old.len();
        }
    }

    /// A key's value.
    pub(crate) fn get(&self, namespace: &str, key: &str) -> Option<&str> {
        self.config_table.get(namespace)?.get(key).map(String::as_str)
    }

    /// All keys of a namespace.
    pub(crate) fn list(&self, namespace: &str) -> Option<&BTreeMap<String, String>> {
        self.config_table.get(namespace)
    }
}

#[cfg(test)]
mod tests;
