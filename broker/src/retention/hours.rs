//! The hours at which expired files are deleted (`deleteWhen`).

use bolide_remoting::keys::{Allowed, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Hours of the day, by the machine's time zone; none stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteHours {
    /// As the operator wrote it.
    text: String,
    hours: Vec<i8>,
}

/// The hour of a moment in the machine's time zone: that of the environment's `TZ`, or of `/etc/localtime`.
pub fn local_hour(now_ms: i64) -> i8 {
    hour_in(&TimeZone::system(), now_ms)
}

fn hour_in(zone: &TimeZone, now_ms: i64) -> i8 {
    Timestamp::from_millisecond(now_ms).map_or(0, |now| zone.to_datetime(now).hour())
}

impl DeleteHours {
    /// Whether this hour is among them.
    pub fn contains(&self, hour: i8) -> bool {
        self.hours.is_empty() || self.hours.contains(&hour)
    }
}

impl Value for DeleteHours {
    const ALLOWED: Allowed = Allowed::Form("hours from 00 to 23 such as 04 or 04;16, or nothing");

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        let words = text.split(';').map(str::trim).filter(|word| !word.is_empty());
        let hours = words.map(|word| word.parse().ok().filter(|hour| (0..24).contains(hour)));
        Some(DeleteHours { text: text.to_owned(), hours: hours.collect::<Option<_>>()? })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests;
