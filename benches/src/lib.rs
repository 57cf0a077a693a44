//! `mqbench`, a load generator that drives any RocketMQ server over the remoting protocol or over gRPC, so that
//! servers are measured by one and the same program. It sends what Java clients send and uses one connection as they
//! do; it keeps its own cost low, because it usually shares its processors with the server.
//!
//! Start reading at [`session`] (what a run is made of), then [`producer`] and [`consumer`] (the two loads);
//! [`grpc`] has the same for the other protocol.

pub mod cluster;
pub mod consumer;
pub mod control;
pub mod failure;
pub mod grpc;
pub mod options;
pub mod pacer;
pub mod payload;
pub mod process;
pub mod producer;
pub mod quantity;
pub mod ready;
pub mod records;
pub mod report;
pub mod schedule;
pub mod session;
pub mod tally;
pub mod window;
