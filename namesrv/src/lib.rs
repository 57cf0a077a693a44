//! The RocketMQ name server: brokers register here, clients ask here where topics are.
//!
//! [`RouteTable`] decides, purely; [`NameServer`] runs it behind remoting. The binary `mqnamesrv` is a thin shell around
//! [`NameServer`], and `mqbroker` embeds one. Nothing here knows how messages are stored.

mod config;
mod file;
mod kv_config;
mod notifier;
mod route_table;
mod server;
mod service;
mod storage;

pub use config::{LiveConfig, NameServerConfig};
pub use route_table::{Effect, MinBrokerIdChange, RegisterError, Registered, Registration, RouteTable};
pub use server::{NameServer, StartError};
