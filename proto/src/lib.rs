//! The messages and the service of RocketMQ's gRPC protocol, version 2, generated at build time from the `.proto` files beside this
//! crate. They are written here from the protocol's published names and numbers (`apache.rocketmq.v2` as of 2.1.2). So is what
//! metrics are sent with. No behaviour lives here.

mod codec;

/// The package `apache.rocketmq.v2`.
pub mod v2 {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]
    tonic::include_proto!("apache.rocketmq.v2");
}

/// What OpenTelemetry's collectors are sent: the package `opentelemetry.proto.collector.metrics.v1`, as of OTLP 1.0.
pub mod opentelemetry {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]
    tonic::include_proto!("opentelemetry.proto.collector.metrics.v1");
}

pub use prost_types::{Duration, Timestamp};

/// The compiled `.proto` files, for server reflection: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
