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
mod tests {
    use super::*;

    fn hours(text: &str) -> Option<DeleteHours> {
        DeleteHours::parse(text, &DeleteHours::ALLOWED)
    }

    #[test]
    fn hours_are_read_as_apache_writes_them() {
        let two = hours("04;16").unwrap();
        let day: Vec<bool> = (0..24).map(|hour| two.contains(hour)).collect();
        assert_eq!(day.iter().filter(|open| **open).count(), 2);
        assert!(day[4] && day[16]);
        assert_eq!(two.print(), "04;16");
        assert!(hours("").unwrap().contains(0), "no hour stands for all");
        assert!(DeleteHours::default().contains(1));
    }

    #[test]
    fn an_hour_is_that_of_the_zone_in_summer_and_in_winter() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(hour_in(&zone, 1_704_067_200_000), 1, "midnight of a first of January, by UTC");
        assert_eq!(hour_in(&zone, 1_719_792_000_000), 2, "midnight of a first of July, by UTC");
        assert_eq!(hour_in(&TimeZone::UTC, 1_704_067_200_000), 0);
        assert_eq!(hour_in(&zone, i64::MAX), 0);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(hours("24"), None);
        assert_eq!(hours("four"), None);
        assert_eq!(hours("04:30"), None);
    }
}
