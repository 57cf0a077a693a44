//! Temporary folders that stay when the test that made them failed.

use std::path::Path;

use tempfile::TempDir;

/// A temporary folder, removed at the end unless the thread panics.
#[derive(Debug)]
pub struct Folder(Option<TempDir>);

impl Folder {
    /// A new folder whose name begins with `bolide-PURPOSE`.
    pub fn new(purpose: &str) -> Self {
        let prefix = format!("bolide-{purpose}-");
        Self(Some(tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder can be made")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("the folder is there until it is dropped").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let folder = self.0.take().expect("a folder is dropped once");
        if std::thread::panicking() {
            eprintln!("data and logs are kept in {}", folder.keep().display());
        }
    }
}
