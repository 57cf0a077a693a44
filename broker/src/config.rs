//! The broker's configuration: its keys, what the command line asks for, and the start that follows from both.
//!
//! [`BrokerConfig`] is the table of keys; [`Start`] is what a command line, the environment and a configuration file come to,
//! decided purely. Nothing here opens a socket; only [`Environment::of_process`] looks at the machine.

mod cli;
mod environment;
mod inert;
mod keys;
mod secret;
mod start;
#[cfg(test)]
mod tests;

pub use cli::Arguments;
pub use environment::Environment;
pub use keys::{BrokerConfig, FlushDiskType, MetricsExporter, RequestMode};
pub use start::{ConfigError, NameServerPlan, Plan, Start};

/// The configuration in use: read at every request, changed by code 25.
pub type LiveConfig = bolide_remoting::keys::Live<BrokerConfig>;
