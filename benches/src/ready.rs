//! Waits for a server to come up, as a client that wants to use it would.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bolide_remoting::Encoding;

use crate::cluster::{NameServer, connect, producer_heartbeat, send_heartbeat};
use crate::failure::Failure;
use crate::options::Ready;

/// How often to try.
const POLL: Duration = Duration::from_millis(5);

/// Waits until the name server lists a broker that accepts a client. Returns how long that took.
///
/// # Errors
/// With the last obstacle, when it takes too long.
pub async fn wait(options: &Ready) -> Result<Duration, Failure> {
    let began = Instant::now();
    loop {
        match attempt(&options.namesrv).await {
            Ok(()) => return Ok(began.elapsed()),
            Err(failure) if began.elapsed() >= options.timeout => return Err(failure),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

async fn attempt(name_servers: &str) -> Result<(), Failure> {
    let name_server = NameServer::connect(name_servers, Encoding::Json).await?;
    let heartbeat = producer_heartbeat(format!("mqbench-ready@{}", std::process::id()), "mqbench");
    for address in name_server.masters().await? {
        let broker = connect(&address, Encoding::Json, Arc::new(())).await?;
        send_heartbeat(&broker, &heartbeat).await?;
    }
    Ok(())
}
