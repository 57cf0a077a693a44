//! Bolide against what Apache RocketMQ's own jars put on the wire and on the disk (`tests/golden`, whose README says how it was recorded):
//! binary things must survive decoding and encoding byte for byte, JSON and header fields in content and in Java's syntax.

// A fixture that is missing or torn is a failed test.
#![allow(clippy::unwrap_used)]

mod bodies;
mod config;
mod frames;
mod headers;
mod java_value;
mod manifest;
mod store;
