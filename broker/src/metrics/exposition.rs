//! Prometheus' text format, version 0.0.4: families of samples, each with a line that says what it is. Apache's exporter writes the
//! same to whoever asks for nothing else.

use std::fmt::Write;

/// The media type of the format.
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
}

/// A page of metrics that is being written.
pub(super) struct Exposition {
    text: String,
    /// What every sample says of the broker.
    common: String,
}

/// The samples of one name.
pub(super) struct Family<'a> {
    page: &'a mut Exposition,
    name: &'static str,
    /// The line that goes before the first sample.
    head: Option<(Kind, &'static str)>,
}

impl Exposition {
    /// An empty page; each of its samples will bear the `common` labels.
    pub(super) fn new(common: Labels<'_>) -> Self {
        let mut text = String::new();
        push_labels(&mut text, common);
        Exposition { text: String::new(), common: text }
    }

    /// Begins a family. Without samples it leaves no trace.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        Family { page: self, name, head: Some((kind, help)) }
    }

    /// A family with one sample that bears the common labels only.
    pub(super) fn single(&mut self, name: &'static str, kind: Kind, help: &'static str, value: f64) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        let text = &mut self.page.text;
        if let Some((kind, help)) = self.head.take() {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            text.extend(["# HELP ", self.name, " ", help, "\n# TYPE ", self.name, " ", kind, "\n"]);
        }
        text.extend([self.name, "{", &self.page.common]);
        if !labels.is_empty() {
            text.push(',');
            push_labels(text, labels);
        }
        // A number such as 6 is written 6.0, as Java does.
        let _ = writeln!(text, "}} {value:?}");
    }
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
