//! The harness of the whole-system tests: it builds the servers, runs them as child processes on ports of their own, and runs the
//! clients' programs (`clients/`) against them. The tests themselves are in `tests/`; nothing here knows what a message is.
//!
//! With `BOLIDE_TEST_SERVERS=apache-5.5.0` (or another version that `peer/peer` knows) the same tests run against Apache's servers,
//! which is how the tests themselves are tested.

// A test ends with its first failure, so that the harness panics where a server would answer with an error.
#![allow(clippy::unwrap_used)]

pub mod authority;
pub mod binaries;
pub mod clients;
pub mod cluster;
pub mod folder;
pub mod grpc_clients;
pub mod history;
pub mod member;
pub mod mqadmin;
mod packages;
pub mod ports;
pub mod proxy;
pub mod remote;
pub mod server;
pub mod small_disk;
pub mod spring;
pub mod toolchain;
pub mod wire;
