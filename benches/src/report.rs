//! The result of a run, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::process::Usage;
use crate::quantity::grouped;
use crate::tally::Tally;
use crate::window::Measured;

/// The result of a run. With `--json` it is written as it stands here.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `produce`, `consume` or `e2e`.
    pub mode: &'static str,
    /// The topic.
    pub topic: String,
    /// What the load was, in words.
    pub load: String,
    /// How long was measured.
    pub seconds: f64,
    /// Messages that were stored (`produce`) or pulled.
    pub messages: u64,
    /// The same per second.
    pub messages_per_second: f64,
    /// Mebibytes of bodies per second.
    pub mebibytes_per_second: f64,
    /// Requests that brought them.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Messages that were due but not sent before the end, because every slot was busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u64>,
    /// Messages that were stored and did not come out at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// How long a send, a pull or the whole way took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Of `e2e`, how long a send took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_latency: Option<Latency>,
    /// What the server used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// Seconds of processor time that mqbench itself used for a million messages.
    pub own_cpu_seconds_per_million: f64,
}

/// Latencies in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Average.
    pub mean_us: f64,
    /// Median.
    pub p50_us: f64,
    /// 90 of 100 are below.
    pub p90_us: f64,
    /// 99 of 100 are below.
    pub p99_us: f64,
    /// 999 of 1000 are below.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// What the server's processes used.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Seconds of processor time.
    pub cpu_seconds: f64,
    /// The same for a million messages.
    pub cpu_seconds_per_million: f64,
    /// Memory in RAM at the end, mapped files included.
    pub rss_bytes: u64,
    /// The part of it that is not backed by files.
    pub rss_anon_bytes: u64,
    /// The most memory in RAM at any second.
    pub rss_peak_bytes: u64,
}

impl Report {
    /// The result for the first group of loads.
    pub fn new(mode: &'static str, topic: &str, load: String, measured: &Measured) -> Self {
        let tally = &measured.tallies[0];
        let server = measured.server.map(|cost| Server {
            cpu_seconds: cost.cpu_seconds,
            cpu_seconds_per_million: per_million(cost.cpu_seconds, tally.messages),
            rss_bytes: cost.end.rss_bytes,
            rss_anon_bytes: cost.end.rss_anon_bytes,
            rss_peak_bytes: cost.peak_rss_bytes,
        });
        Self {
            mode,
            topic: topic.to_owned(),
            load,
            seconds: measured.seconds,
            messages: tally.messages,
            messages_per_second: ratio(tally.messages as f64, measured.seconds),
            mebibytes_per_second: ratio(tally.bytes as f64 / f64::from(1 << 20), measured.seconds),
            requests: tally.requests,
            failures: measured.tallies.iter().map(|tally| tally.failures).sum(),
            unsent: None,
            lost: None,
            latency: Latency::of(tally),
            send_latency: None,
            server,
            own_cpu_seconds_per_million: per_million(measured.own_cpu_seconds, tally.messages),
        }
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts have a form in JSON")
    }

    /// A few lines for people.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  topic {}  {}\n", self.mode, self.topic, self.load);
        let mut line = |name: &str, rest: String| {
            let _ = writeln!(text, "  {name:<9} {rest}");
        };
        line("messages", self.counts());
        if let Some(latency) = &self.latency {
            line("latency", latency.to_text());
        }
        if let Some(latency) = &self.send_latency {
            line("sending", latency.to_text());
        }
        if let Some(server) = &self.server {
            line("server", server.to_text());
        }
        line("mqbench", format!("{:.2} CPU-s per million messages", self.own_cpu_seconds_per_million));
        text
    }

    fn counts(&self) -> String {
        let mut text = format!(
            "{} in {:.2} s   {}/s   {:.1} MiB/s   {} requests   {} failures",
            grouped(self.messages),
            self.seconds,
            grouped(self.messages_per_second.round() as u64),
            self.mebibytes_per_second,
            grouped(self.requests),
            grouped(self.failures),
        );
        for (count, what) in [(self.unsent, "could not be sent in time"), (self.lost, "lost")] {
            if let Some(count) = count.filter(|count| *count > 0) {
                let _ = write!(text, "   {} {what}", grouped(count));
            }
        }
        text
    }
}

impl Latency {
    /// Of all that was recorded; `None` if nothing was.
    pub fn of(tally: &Tally) -> Option<Self> {
        let us = |quantile: f64| tally.quantile_ns(quantile).map(|ns| ns as f64 / 1e3);
        Some(Self {
            count: tally.latencies(),
            mean_us: tally.mean_ns()? / 1e3,
            p50_us: us(0.5)?,
            p90_us: us(0.9)?,
            p99_us: us(0.99)?,
            p999_us: us(0.999)?,
            max_us: us(1.0)?,
        })
    }

    fn to_text(&self) -> String {
        let parts = [
            ("mean", self.mean_us),
            ("p50", self.p50_us),
            ("p90", self.p90_us),
            ("p99", self.p99_us),
            ("p99.9", self.p999_us),
            ("max", self.max_us),
        ];
        parts.map(|(name, us)| format!("{name} {}", time_text(us))).join("   ")
    }
}

impl Server {
    fn to_text(&self) -> String {
        format!(
            "{:.2} CPU-s per million messages   {:.2} CPU-s in all   RSS {} (anonymous {}, peak {})",
            self.cpu_seconds_per_million,
            self.cpu_seconds,
            memory_text(self.rss_bytes),
            memory_text(self.rss_anon_bytes),
            memory_text(self.rss_peak_bytes),
        )
    }
}

/// How it goes: what was counted in the last `seconds`, and the processor time that the server used meanwhile.
pub fn progress_line(at: Duration, phase: &str, tally: &Tally, seconds: f64, server: Option<(f64, Usage)>) -> String {
    let mut text = format!(
        "{:6.1} s  {:>10} msg/s  {:7.1} MiB/s",
        at.as_secs_f64(),
        grouped(ratio(tally.messages as f64, seconds).round() as u64),
        ratio(tally.bytes as f64 / f64::from(1 << 20), seconds),
    );
    if let Some(latency) = Latency::of(tally) {
        let _ = write!(text, "  p50 {}  p99 {}", time_text(latency.p50_us), time_text(latency.p99_us));
    }
    if tally.failures > 0 {
        let _ = write!(text, "  {} failures", grouped(tally.failures));
    }
    if let Some((cpu_seconds, usage)) = server {
        let cores = ratio(cpu_seconds, seconds);
        let cost = per_million(cpu_seconds, tally.messages);
        let rss = memory_text(usage.rss_bytes);
        let _ = write!(text, "  server {cores:.2} cores, {cost:.2} CPU-s/M, RSS {rss}");
    }
    if !phase.is_empty() {
        let _ = write!(text, "  ({phase})");
    }
    text
}

fn per_million(amount: f64, messages: u64) -> f64 {
    ratio(amount * 1e6, messages as f64)
}

/// Zero where there is nothing to divide by.
fn ratio(amount: f64, by: f64) -> f64 {
    if by > 0.0 { amount / by } else { 0.0 }
}

fn time_text(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} µs"),
        us if us < 1e5 => format!("{:.2} ms", us / 1e3),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

fn memory_text(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::ServerCost;

    fn measured(messages: u64) -> Measured {
        let mut tally = Tally::default();
        for _ in 0..messages {
            tally.count(1, 1 << 20);
            tally.record_latency(2_000_000);
        }
        let end = Usage { cpu_seconds: 9.0, rss_bytes: 64 << 20, rss_anon_bytes: 32 << 20 };
        let server = Some(ServerCost { cpu_seconds: 0.5, end, peak_rss_bytes: 96 << 20 });
        Measured { tallies: vec![tally], seconds: 2.0, server, own_cpu_seconds: 0.25 }
    }

    #[test]
    fn figures_are_per_second_and_per_million() {
        let report = Report::new("produce", "T", "load".to_owned(), &measured(1000));
        assert_eq!((report.messages_per_second, report.mebibytes_per_second), (500.0, 500.0));
        assert_eq!(report.own_cpu_seconds_per_million, 250.0);
        let server = report.server.as_ref().expect("a server");
        assert_eq!((server.cpu_seconds_per_million, server.rss_peak_bytes), (500.0, 96 << 20));
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(json["messages"], 1000);
        assert_eq!(json["latency"]["count"], 1000);
        assert!(json.get("lost").is_none() && json.get("send_latency").is_none());
        let text = report.to_text();
        assert!(text.contains("1,000 in 2.00 s   500/s") && text.contains("p99.9 2.00 ms"), "{text}");
    }

    #[test]
    fn nothing_measured_is_no_division_by_zero() {
        let report = Report::new("consume", "T", String::new(), &measured(0));
        assert_eq!((report.messages_per_second, report.own_cpu_seconds_per_million), (0.0, 0.0));
        assert_eq!(report.latency, None);
        assert!(!report.to_json().contains("null"), "{}", report.to_json());
    }

    #[test]
    fn times_are_readable() {
        let texts = [12.4, 1_234.0, 123_456.0, 2_500_000.0].map(time_text);
        assert_eq!(texts, ["12 µs", "1.23 ms", "123 ms", "2.50 s"]);
    }
}
