//! Metrics in the form of OpenTelemetry's protocol (OTLP): names and units are those that Apache's broker gives its instruments, of which
//! the names for Prometheus are made. Sending them is in [`super::exporter`].

use bolide_proto::opentelemetry::metric::Data;
use bolide_proto::opentelemetry::{
    AggregationTemporality, AnyValue, ExportMetricsServiceRequest, Gauge, Histogram, HistogramDataPoint,
    InstrumentationScope, KeyValue, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, any_value,
    number_data_point,
};

use super::exposition::{Kind, Labels};
use crate::statistics::histogram::Counted;

/// As Apache calls its meter.
const SCOPE: &str = "broker-meter";
/// The most samples of one request: collectors take messages of 4 MiB unless told otherwise.
const MOST_SAMPLES: usize = 10_000;
/// What names for Prometheus end with, and the unit that stands for.
const UNITS: [(&str, &str); 3] = [("_milliseconds", "milliseconds"), ("_seconds", "seconds"), ("_size_bytes", "bytes")];

/// Metrics that are being collected.
pub(super) struct Collected {
    common: Vec<KeyValue>,
    started_nanos: u64,
    now_nanos: u64,
    /// With how many samples each has.
    metrics: Vec<(Metric, usize)>,
}

impl Collected {
    /// Nothing yet. What is counted is counted since `started_ms`.
    pub(super) fn new(common: Labels<'_>, started_ms: i64, now_ms: i64) -> Self {
        let nanos = |ms: i64| ms.max(0).unsigned_abs() * 1_000_000;
        Collected {
            common: common.iter().map(attribute).collect(),
            started_nanos: nanos(started_ms),
            now_nanos: nanos(now_ms),
            metrics: Vec::new(),
        }
    }

    /// Begins a family.
    pub(super) fn begin(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        let unit = UNITS.into_iter().find(|(ending, _)| name.ends_with(ending));
        let cut = unit.map_or(0, |(_, unit)| unit.len() + 1);
        let cumulative = AggregationTemporality::Cumulative.into();
        let data = match kind {
            Kind::Gauge => Data::Gauge(Gauge::default()),
            Kind::Counter => {
                Data::Sum(Sum { data_points: Vec::new(), aggregation_temporality: cumulative, is_monotonic: true })
            }
            Kind::Histogram => {
                Data::Histogram(Histogram { data_points: Vec::new(), aggregation_temporality: cumulative })
            }
        };
        let metric = Metric {
            name: name[..name.len() - cut].to_owned(),
            description: help.to_owned(),
            unit: unit.map_or("", |(_, unit)| unit).to_owned(),
            data: Some(data),
        };
        self.metrics.push((metric, 0));
    }

    /// Adds a sample to the family that began last.
    pub(super) fn number(&mut self, labels: Labels<'_>, value: f64) {
        let point = NumberDataPoint {
            start_time_unix_nano: self.started_nanos,
            time_unix_nano: self.now_nanos,
            attributes: self.attributes(labels),
            value: Some(number_data_point::Value::AsDouble(value)),
        };
        let Some((metric, samples)) = self.metrics.last_mut() else { return };
        *samples += 1;
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.push(point),
            Some(Data::Sum(sum)) => sum.data_points.push(point),
            Some(Data::Histogram(_)) | None => {}
        }
    }

    /// Adds a sample to the family that began last, which is one of histograms.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, ends: &[u64], counted: &Counted) {
        let point = HistogramDataPoint {
            start_time_unix_nano: self.started_nanos,
            time_unix_nano: self.now_nanos,
            count: counted.counts.iter().sum(),
            sum: Some(counted.sum as f64),
            bucket_counts: counted.counts.clone(),
            explicit_bounds: ends.iter().map(|end| *end as f64).collect(),
            attributes: self.attributes(labels),
        };
        if let Some((Metric { data: Some(Data::Histogram(histogram)), .. }, samples)) = self.metrics.last_mut() {
            histogram.data_points.push(point);
            *samples += ends.len();
        }
    }

    /// What a collector is to be sent, in pieces that it can take.
    pub(super) fn into_requests(self) -> Vec<ExportMetricsServiceRequest> {
        let mut pieces = vec![Vec::new()];
        let mut size = 0;
        for (metric, samples) in self.metrics {
            if size > 0 && size + samples > MOST_SAMPLES {
                pieces.push(Vec::new());
                size = 0;
            }
            size += samples;
            if let Some(piece) = pieces.last_mut() {
                piece.push(metric);
            }
        }
        let request = |metrics| {
            let scope = Some(InstrumentationScope { name: SCOPE.to_owned() });
            let scope_metrics = vec![ScopeMetrics { scope, metrics }];
            ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { scope_metrics }] }
        };
        pieces.into_iter().map(request).collect()
    }

    fn attributes(&self, labels: Labels<'_>) -> Vec<KeyValue> {
        self.common.iter().cloned().chain(labels.iter().map(attribute)).collect()
    }
}

/// A label, in the type that Apache gives it.
fn attribute((name, value): &(&str, &str)) -> KeyValue {
    let value = match (*name, value.parse(), value.parse()) {
        ("queue_id", Ok(number), _) => any_value::Value::IntValue(number),
        (name, _, Ok(truth)) if name.starts_with("is_") => any_value::Value::BoolValue(truth),
        _ => any_value::Value::StringValue((*value).to_owned()),
    };
    KeyValue { key: (*name).to_owned(), value: Some(AnyValue { value: Some(value) }) }
}
