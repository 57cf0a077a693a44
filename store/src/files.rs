//! A bounded set of open files, so that neither many queues nor a long log need many descriptors.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::DiskFile;

/// Keeps the most recently used files open.
pub(crate) struct OpenFiles<K> {
    limit: usize,
    inner: Mutex<Inner<K>>,
}

struct Inner<K> {
    files: HashMap<K, Used>,
    /// Counts uses; a file's rank is the count at its last one.
    uses: u64,
}

struct Used {
    file: Arc<dyn DiskFile>,
    last: u64,
}

impl<K: Copy + Eq + Hash> OpenFiles<K> {
    /// Keeps at most `limit` files, but at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), inner: Mutex::new(Inner { files: HashMap::new(), uses: 0 }) }
    }

    /// The file of `key`, opened by `open` if it is not there yet.
    pub(crate) fn get(
        &self,
        key: K,
        open: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Arc<dyn DiskFile>> {
        {
            let mut inner = self.inner.lock();
            inner.uses += 1;
            let now = inner.uses;
            if let Some(used) = inner.files.get_mut(&key) {
                used.last = now;
                return Ok(Arc::clone(&used.file));
            }
        }
        let file = open()?;
        self.insert(key, Arc::clone(&file));
        Ok(file)
    }

    /// Closes the files whose keys `gone` names, once their last user is done.
    pub(crate) fn forget(&self, gone: impl Fn(&K) -> bool) {
        self.inner.lock().files.retain(|key, _| !gone(key));
    }

    fn insert(&self, key: K, file: Arc<dyn DiskFile>) {
        let mut inner = self.inner.lock();
        if inner.files.len() >= self.limit {
            inner.drop_oldest();
        }
        let last = inner.uses;
        inner.files.insert(key, Used { file, last });
    }
}

impl<K> Inner<K> {
    /// Drops the older half, so that the search for old ones is paid for by many insertions.
    fn drop_oldest(&mut self) {
        let mut ranks: Vec<u64> = self.files.values().map(|used| used.last).collect();
        let middle = ranks.len() / 2;
        let (_, &mut median, _) = ranks.select_nth_unstable(middle);
        self.files.retain(|_, used| used.last > median);
    }
}
