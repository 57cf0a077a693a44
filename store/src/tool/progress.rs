//! How far long work is, for whoever waits at a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: usize = 30;
const STEP: Duration = Duration::from_millis(200);

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    first: u64,
    total: u64,
    shown: Option<Instant>,
    begun: Instant,
    is_shown: bool,
}

impl Progress {
    /// Begins to show work that goes from `first` to `end`.
    pub fn begin(what: &'static str, first: u64, end: u64) -> Self {
        let is_shown = io::stderr().is_terminal();
        Progress { what, first, total: end.saturating_sub(first), shown: None, begun: Instant::now(), is_shown }
    }

    /// The work has got this far.
    pub(super) fn at(&mut self, position: u64) {
        if !self.is_shown || self.shown.is_some_and(|shown| shown.elapsed() < STEP) {
            return;
        }
        self.shown = Some(Instant::now());
        let done = position.saturating_sub(self.first).min(self.total);
        let part = done as f64 / self.total.max(1) as f64;
        let filled = (part * WIDTH as f64) as usize;
        let elapsed = self.begun.elapsed().as_secs_f64();
        let left = if part > 0.0 { elapsed / part - elapsed } else { 0.0 };
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
        let _ = write!(io::stderr(), "\r{} [{bar}] {:3.0} %, {left:.0} s left  ", self.what, part * 100.0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r{}\r", " ".repeat(self.what.len() + WIDTH + 30));
        }
    }
}
