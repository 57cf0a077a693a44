//! What monitoring sees: a page of metrics in Prometheus' text format, under Apache's names and labels so that its boards and alerts
//! go on working, and two pages of health. Nothing is counted here: [`collect`] asks the other rooms when somebody looks.

mod collect;
pub(crate) mod endpoint;
mod exposition;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use collect::collect;
