//! `mqbroker`: reads the command line, starts a name server where none is named, and runs a broker until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use bolide_broker::broker::Opening;
use bolide_broker::config::{Arguments, Environment, NameServerPlan, Plan, Start};
use bolide_broker::server::BrokerServer;
use bolide_namesrv::{NameServer, NameServerConfig};
use bolide_remoting::keys::Loaded;
use bolide_remoting::{log_options, logs};
use bolide_store::{RealDisk, SystemClock};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Whatever stops the broker; the operator reads one line.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mqbroker: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let file = match &arguments.config_file {
        Some(path) => std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?,
        None => Vec::new(),
    };
    match Start::decide(&arguments, &Environment::of_process(), &file)? {
        Start::Print(text) => {
            print!("{text}");
            Ok(())
        }
        Start::Run(plan) => {
            logs::begin(&log_options!(plan.config, "broker"))?;
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(*plan))
        }
    }
}

/// Runs the planned servers until SIGINT or SIGTERM; a second one ends the process at once, as a kill does.
async fn serve(plan: Plan) -> Result<(), Failure> {
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    let bare = plan.bare;
    if !bare && !plan.config.authentication_enabled && !plan.config.acl_enable {
        tracing::warn!("nothing authenticates clients: whoever reaches this broker may read and write every topic");
    }
    let (name_server, addresses) = start_name_server(&plan.name_servers).await?;
    let opening = Opening {
        listen_port: plan.config.listen_port,
        config: Loaded { inert: plan.inert, ..Loaded::new(plan.config) },
        config_path: plan.config_file,
        name_servers: addresses,
    };
    let broker = BrokerServer::start(opening, Arc::new(RealDisk), Arc::new(SystemClock)).await?;
    announce(bare, name_server.as_ref(), &broker)?;
    let mut told_to_stop = async || {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    };
    told_to_stop().await;
    tracing::info!("stopping; a second signal stops at once");
    let stop = async {
        broker.shutdown().await?;
        if let Some(name_server) = name_server {
            name_server.shutdown().await;
        }
        Ok(())
    };
    tokio::select! {
        stopped = stop => stopped,
        () = told_to_stop() => {
            tracing::warn!("stopped at once: the next start recovers what a kill leaves");
            std::process::exit(1);
        }
    }
}

/// Starts the name server of this process, if there is to be one; answers the addresses to register with.
async fn start_name_server(plan: &NameServerPlan) -> Result<(Option<NameServer>, Vec<String>), Failure> {
    match plan {
        NameServerPlan::At(addresses) => Ok((None, addresses.clone())),
        NameServerPlan::None => Ok((None, Vec::new())),
        NameServerPlan::Embedded { bind_address, port, kv_config_path, tls_server_mode, tls_config_file } => {
            let config = NameServerConfig {
                bind_address: bind_address.clone(),
                listen_port: *port,
                kv_config_path: kv_config_path.display().to_string(),
                tls_server_mode: *tls_server_mode,
                tls_config_file: tls_config_file.clone(),
                ..NameServerConfig::default()
            };
            let started = NameServer::start(config).await;
            let server = started.map_err(|error| format!("{error} (here: key namesrvListenPort)"))?;
            let loopback = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
            let ip = server.local_addr().ip();
            let address = if ip.is_unspecified() { loopback } else { server.local_addr() };
            Ok((Some(server), vec![address.to_string()]))
        }
    }
}

/// Prints one line per address that is ready.
fn announce(bare: bool, name_server: Option<&NameServer>, broker: &BrokerServer) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if let Some(server) = name_server {
        writeln!(out, "name server ready on {}", server.local_addr())?;
    }
    for address in broker.local_addrs() {
        writeln!(out, "broker ready on {address}")?;
    }
    for address in broker.grpc_addrs() {
        writeln!(out, "gRPC ready on {address}")?;
    }
    if let Some(address) = broker.metrics_addr() {
        writeln!(out, "metrics and health ready on {address}")?;
    }
    if bare {
        writeln!(out, "serving this machine only (loopback); start with -c, -n or NAMESRV_ADDR to serve others")?;
    }
    out.flush()
}
