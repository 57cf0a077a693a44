//! Families of samples, written as they come: in Prometheus' text format, version 0.0.4, as Apache's exporter does for whoever asks for
//! nothing else, or for OpenTelemetry.

use std::fmt::Write;

use super::otlp::Collected;
use crate::statistics::histogram::Counted;

/// The media type of the text format.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Labels of a sample: names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Grows from 0 for as long as the broker runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often something was how large.
    Histogram,
}

/// Metrics that are being written.
pub(super) struct Exposition {
    out: Out,
    /// What every sample says of the broker, as text.
    common: String,
}

enum Out {
    Text(String),
    OpenTelemetry(Collected),
}

/// The samples of one name.
pub(super) struct Family<'a> {
    page: &'a mut Exposition,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// There was a sample.
    has_begun: bool,
}

impl Exposition {
    /// An empty page; each of its samples will bear the `common` labels.
    pub(super) fn new(common: Labels<'_>) -> Self {
        let mut text = String::new();
        push_labels(&mut text, common);
        Exposition { out: Out::Text(String::new()), common: text }
    }

    /// The same for OpenTelemetry. What is counted is counted since `started_ms`.
    pub(super) fn open_telemetry(common: Labels<'_>, started_ms: i64, now_ms: i64) -> Self {
        Exposition { out: Out::OpenTelemetry(Collected::new(common, started_ms, now_ms)), common: String::new() }
    }

    /// Begins a family. Without samples it leaves no trace.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        Family { page: self, name, kind, help, has_begun: false }
    }

    /// A family with one sample that bears the common labels only.
    pub(super) fn single(&mut self, name: &'static str, kind: Kind, help: &'static str, value: f64) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// The page as text; empty where it is for OpenTelemetry.
    pub(super) fn into_text(self) -> String {
        match self.out {
            Out::Text(text) => text,
            Out::OpenTelemetry(_) => String::new(),
        }
    }

    /// What was collected for OpenTelemetry.
    pub(super) fn into_collected(self) -> Option<Collected> {
        match self.out {
            Out::Text(_) => None,
            Out::OpenTelemetry(collected) => Some(collected),
        }
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        let begins = !std::mem::replace(&mut self.has_begun, true);
        let Exposition { out, common } = &mut *self.page;
        match out {
            Out::Text(text) => {
                if begins {
                    push_head(text, self.name, self.kind, self.help);
                }
                push_sample(text, self.name, "", common, labels, value);
            }
            Out::OpenTelemetry(collected) => {
                if begins {
                    collected.begin(self.name, self.kind, self.help);
                }
                collected.number(labels, value);
            }
        }
    }

    /// Adds a sample of a histogram whose classes but the last have these upper ends.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, ends: &[u64], counted: &Counted) {
        let begins = !std::mem::replace(&mut self.has_begun, true);
        let Exposition { out, common } = &mut *self.page;
        match out {
            Out::Text(text) => {
                if begins {
                    push_head(text, self.name, self.kind, self.help);
                }
                let mut sum = 0;
                for (class, count) in counted.counts.iter().enumerate() {
                    sum += count;
                    let end = ends.get(class).map_or("+Inf".to_owned(), |end| format!("{:?}", *end as f64));
                    push_sample(text, self.name, "_bucket", common, &[labels, &[("le", &end)]].concat(), sum as f64);
                }
                push_sample(text, self.name, "_count", common, labels, sum as f64);
                push_sample(text, self.name, "_sum", common, labels, counted.sum as f64);
            }
            Out::OpenTelemetry(collected) => {
                if begins {
                    collected.begin(self.name, self.kind, self.help);
                }
                collected.histogram(labels, ends, counted);
            }
        }
    }
}

fn push_head(text: &mut String, name: &str, kind: Kind, help: &str) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    text.extend(["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
}

fn push_sample(text: &mut String, name: &str, suffix: &str, common: &str, labels: Labels<'_>, value: f64) {
    text.extend([name, suffix, "{", common]);
    if !labels.is_empty() {
        text.push(',');
        push_labels(text, labels);
    }
    // A number such as 6 is written 6.0, as Java does.
    let _ = writeln!(text, "}} {value:?}");
}

fn push_labels(text: &mut String, labels: Labels<'_>) {
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.extend([name, "=\""]);
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
}
