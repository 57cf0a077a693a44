//! What a process costs, from Linux's `/proc`: processor time and memory.

use std::fs;
use std::io;

use crate::failure::Failure;

/// What a process had used at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds of processor time since it was started, in user and kernel mode, all threads together.
    pub cpu_seconds: f64,
    /// Memory that is in RAM, mapped files included.
    pub rss_bytes: u64,
    /// The part of it that is not backed by files.
    pub rss_anon_bytes: u64,
}

impl Usage {
    /// Of one process.
    ///
    /// # Errors
    /// When there is no such process, or no `/proc`.
    pub fn of(pid: u32) -> Result<Self, Failure> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
        let usage = || -> io::Result<Self> {
            let malformed = || io::Error::from(io::ErrorKind::InvalidData);
            let ticks = cpu_ticks(&read("stat")?).ok_or_else(malformed)?;
            let status = read("status")?;
            Ok(Self {
                cpu_seconds: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
                rss_bytes: status_bytes(&status, "VmRSS:").ok_or_else(malformed)?,
                rss_anon_bytes: status_bytes(&status, "RssAnon:").ok_or_else(malformed)?,
            })
        };
        usage().map_err(|source| Failure::Process { pid, source })
    }

    /// Of several processes together.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn of_all(pids: &[u32]) -> Result<Self, Failure> {
        pids.iter().try_fold(Self::default(), |sum, &pid| {
            let usage = Self::of(pid)?;
            Ok(Self {
                cpu_seconds: sum.cpu_seconds + usage.cpu_seconds,
                rss_bytes: sum.rss_bytes + usage.rss_bytes,
                rss_anon_bytes: sum.rss_anon_bytes + usage.rss_anon_bytes,
            })
        })
    }
}

/// `utime` and `stime` in `/proc/PID/stat`, the 14th and 15th field. The second one, the program's name in
/// parentheses, may contain blanks and parentheses itself.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// A line of `/proc/PID/status` that is given in kB.
fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_an_odd_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 1 2 3 4 1234 66 7 8 20 0 1 0 99 0 0";
        assert_eq!(cpu_ticks(stat), Some(1300));
        assert_eq!(cpu_ticks("42 (a S 1"), None);
        assert_eq!(cpu_ticks("42 (a) S 1 2"), None);
    }

    #[test]
    fn memory_is_in_kibibytes() {
        let status = "Name:\tx\nVmRSS:\t   590 kB\nRssAnon:\t     12 kB\n";
        assert_eq!(status_bytes(status, "VmRSS:"), Some(590 << 10));
        assert_eq!(status_bytes(status, "RssAnon:"), Some(12 << 10));
        assert_eq!(status_bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let usage = Usage::of(std::process::id()).expect("we exist");
        assert!(usage.rss_bytes >= usage.rss_anon_bytes && usage.rss_anon_bytes > 0, "{usage:?}");
        let twice = Usage::of_all(&[std::process::id(), std::process::id()]).expect("we exist");
        assert!(twice.rss_bytes > usage.rss_anon_bytes, "{twice:?}");
        assert!(Usage::of(u32::MAX).is_err());
    }
}
