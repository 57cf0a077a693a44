//! Progress of long calls: one line on standard error that is overwritten, and only on a terminal.

use std::io::{IsTerminal, Write};

/// How far something has got; the line goes when this does.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        Self { what, total, shown: std::io::stderr().is_terminal() }
    }

    /// So many are done.
    pub(crate) fn at(&self, done: usize) {
        if self.shown {
            // Progress that cannot be shown is not missed.
            let _ = write!(std::io::stderr(), "\r{} {done} of {}", self.what, self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
