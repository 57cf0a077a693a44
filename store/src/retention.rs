//! Decides which segment of the commit log goes next, and whether the disk is too full for more messages: a pure
//! function of the configuration, the oldest segment, the disk and the time. What is removed how is elsewhere.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::disk::Space;

/// Between two segments that expired, so that a backlog of them does not keep the disk busy.
const SPREAD_MS: u64 = 1_000;

/// What an operator can set about keeping messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRules {
    /// How long messages are kept, in milliseconds (`fileReservedTime`).
    pub reserved_ms: i64,
    /// Whether this is an hour at which expired segments go (`deleteWhen`).
    pub is_time: bool,
    /// Percentage of the disk beyond which expired segments go at any hour (`diskMaxUsedSpaceRatio`).
    pub max_used_percent: u32,
    /// Percentage of the disk beyond which segments go before they expire (`diskSpaceCleanForciblyRatio`).
    pub clean_forcibly_percent: u32,
    /// Whether they do (`cleanFileForciblyEnable`).
    pub clean_forcibly: bool,
    /// Percentage of the disk beyond which messages are refused (`diskSpaceWarningLevelRatio`).
    pub refuse_percent: u32,
    /// Pause between two segments that go (`deleteCommitLogFilesInterval`). Expired ones take at least a second each.
    pub segment_pause_ms: u64,
    /// Pause between two looks while nothing is to go (`cleanResourceInterval`).
    pub look_pause_ms: u64,
    /// Topics whose messages are kept for another time (attribute `reserve.time`), in milliseconds. Shorter: they cannot be
    /// read any more after it. Longer: the segments that have them stay, unless the disk forces their deletion.
    pub topics: Vec<(Arc<str>, i64)>,
}

impl RetentionRules {
    /// Topics whose messages stay readable for a shorter time than the log keeps them.
    pub(crate) fn shorter(&self) -> impl Iterator<Item = &(Arc<str>, i64)> {
        self.topics.iter().filter(|(_, reserved_ms)| *reserved_ms < self.reserved_ms)
    }

    /// Topics that ask for their segments to be kept longer.
    pub(crate) fn longer(&self) -> impl Iterator<Item = &(Arc<str>, i64)> {
        self.topics.iter().filter(|(_, reserved_ms)| *reserved_ms > self.reserved_ms)
    }
}

/// The oldest segment that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oldest {
    /// Its first offset.
    pub(crate) start: i64,
    /// The offset after it.
    pub(crate) end: i64,
    /// A time at or after which nothing was stored in it; `None`: unknown, for nothing has been stored since.
    pub(crate) last_store_ms: Option<i64>,
}

/// Why a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// All its messages are older than they have to become.
    Expired,
    /// The disk is too full to keep it.
    Forced,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Why the oldest segment is to go; `None`: it stays.
    pub(crate) remove: Option<Reason>,
    /// Whether messages are refused.
    pub(crate) refuse: bool,
}

/// Decides what to do at `now_ms`. `is_kept` tells whether a topic of its own rules still needs the oldest segment; it is
/// asked only about one that expired.
pub(crate) fn decide(
    rules: &RetentionRules,
    space: Space,
    oldest: Option<Oldest>,
    now_ms: i64,
    is_kept: impl FnOnce() -> bool,
) -> Verdict {
    let is_forced =
        rules.clean_forcibly && (space.exceeds(rules.clean_forcibly_percent) || space.exceeds(rules.refuse_percent));
    let may_expire = rules.is_time || is_forced || space.exceeds(rules.max_used_percent);
    let is_expired =
        |oldest: Oldest| oldest.last_store_ms.is_some_and(|last_ms| now_ms.saturating_sub(last_ms) > rules.reserved_ms);
    let remove = match oldest {
        Some(oldest) if may_expire && is_expired(oldest) && !is_kept() => Some(Reason::Expired),
        Some(_) if is_forced => Some(Reason::Forced),
        _ => None,
    };
    Verdict { remove, refuse: space.exceeds(rules.refuse_percent) }
}

/// How long to wait after a segment went for this reason.
pub(crate) fn pause_ms(rules: &RetentionRules, reason: Reason) -> u64 {
    match reason {
        Reason::Expired => rules.segment_pause_ms.max(SPREAD_MS),
        Reason::Forced => rules.segment_pause_ms,
    }
}
