//! The hours at which expired files are deleted (`deleteWhen`).

use bolide_remoting::keys::{Allowed, Value};

const HOUR_MS: i64 = 3_600_000;

/// Hours of the day, by UTC; none stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteHours {
    /// As the operator wrote it.
    text: String,
    hours: Vec<i64>,
}

impl DeleteHours {
    /// Whether the hour of this moment is among them.
    pub fn contains(&self, now_ms: i64) -> bool {
        let hour = now_ms.div_euclid(HOUR_MS).rem_euclid(24);
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
        let at = |hour: i64| two.contains(1_700_006_400_000 + hour * HOUR_MS);
        let day: Vec<bool> = (0..24).map(at).collect();
        assert_eq!(day.iter().filter(|open| **open).count(), 2);
        assert!(day[4] && day[16]);
        assert_eq!(two.print(), "04;16");
        assert!(hours("").unwrap().contains(0), "no hour stands for all");
        assert!(DeleteHours::default().contains(HOUR_MS));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(hours("24"), None);
        assert_eq!(hours("four"), None);
        assert_eq!(hours("04:30"), None);
    }
}
