//! The list of delays (`messageDelayLevel`).

use bolide_remoting::keys::{Allowed, Value};

/// Delays by level; the first level is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayLevels {
    /// As the operator wrote it.
    text: String,
    /// Milliseconds, the first level first; never empty.
    delays: Vec<i64>,
}

impl Default for DelayLevels {
    /// Apache's list.
    fn default() -> Self {
        const TEXT: &str = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h";
        Self::parse(TEXT).unwrap_or_else(|error| unreachable!("the default list is sound: {error}"))
    }
}

impl Value for DelayLevels {
    const ALLOWED: Allowed = Allowed::Form("1 to 18 delays such as 1s 5m 2h, separated by blanks");

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}

/// Why a list of delays cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// A word that is no duration.
    #[error("{0:?} is no delay: write a number and one of s, m, h, d")]
    NoDelay(String),
    /// No level at all.
    #[error("the list names no delay")]
    Empty,
    /// More levels than the schedule topic has queues for.
    #[error("the list names {0} delays, but at most 18 are served")]
    TooMany(usize),
}

/// The schedule topic has a queue for each of these.
const MOST: usize = 18;

impl DelayLevels {
    /// Reads a list such as `1s 5s 10m 2h`.
    pub fn parse(text: &str) -> Result<Self, LevelError> {
        let delays: Vec<i64> = text.split_whitespace().map(parse_delay).collect::<Result<_, _>>()?;
        match delays.len() {
            0 => Err(LevelError::Empty),
            count if count > MOST => Err(LevelError::TooMany(count)),
            _ => Ok(DelayLevels { text: text.to_owned(), delays }),
        }
    }

    /// How many levels there are.
    pub fn count(&self) -> i32 {
        self.delays.len() as i32
    }

    /// The delay of a level in milliseconds; of one that does not exist, that of the nearest.
    pub fn delay_ms(&self, level: i32) -> i64 {
        let index = usize::try_from(level - 1).unwrap_or(0).min(self.delays.len() - 1);
        self.delays[index]
    }

    /// All delays in milliseconds, the first level first.
    pub fn all_ms(&self) -> &[i64] {
        &self.delays
    }
}

fn parse_delay(word: &str) -> Result<i64, LevelError> {
    let wrong = || LevelError::NoDelay(word.to_owned());
    let unit_ms = match word.chars().last() {
        Some('s') => 1_000,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: i64 = word[..word.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit_ms).filter(|delay| *delay >= 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
