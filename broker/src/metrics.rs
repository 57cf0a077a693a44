//! What monitoring sees: a page of metrics in Prometheus' text format, under Apache's names and labels so that its boards and alerts
//! go on working, and two pages of health; a collector of OpenTelemetry is sent the same. Nothing is counted here: [`collect`] asks the
//! other rooms when somebody looks.

mod clients;
mod collect;
pub(crate) mod endpoint;
pub(crate) mod exporter;
mod exposition;
mod otlp;
#[cfg(test)]
mod tests;
mod traffic;

#[cfg(test)]
pub(crate) use collect::collect;
