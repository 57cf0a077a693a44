//! The stream between a client and the broker: settings in both directions, and what the broker asks of the client.

use std::sync::Arc;

use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{self, Settings, TelemetryCommand};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::permission::{Guest, Needs};
use super::session::{Answered, Commands, MAX_WAITING_COMMANDS};
use super::{Caller, Fault, heartbeat, ok, settings};
use crate::broker::Broker;

/// Telemetry: what goes to the client.
pub(super) fn serve(
    broker: &Arc<Broker>,
    caller: Caller,
    guest: Option<Guest>,
    incoming: Streaming<TelemetryCommand>,
) -> ReceiverStream<Result<TelemetryCommand, Status>> {
    let (commands, outgoing) = mpsc::channel(MAX_WAITING_COMMANDS);
    tokio::spawn(listen(broker.clone(), caller, guest, incoming, commands));
    ReceiverStream::new(outgoing)
}

/// Takes in what the client says until it, or the broker, ends the stream.
async fn listen(
    broker: Arc<Broker>,
    caller: Caller,
    guest: Option<Guest>,
    mut incoming: Streaming<TelemetryCommand>,
    commands: Commands,
) {
    // Some clients that come back do not send their settings again.
    if let Some(known) = broker.grpc.sessions.get(&caller.client_id) {
        let settings = Settings::clone(&known.settings());
        if let Err(fault) = take_settings(&broker, &caller, guest.as_ref(), settings, &commands) {
            tracing::debug!(client = caller.client_id, "what is known of the client is of no use: {}", fault.message);
        }
    }
    loop {
        let command = tokio::select! {
            command = incoming.message() => command,
            () = commands.closed() => break,
        };
        // A broken stream is one that has ended.
        let Ok(Some(command)) = command else { break };
        if let Err(fault) = hear(&broker, &caller, guest.as_ref(), command, &commands).await {
            let text = format!("process client telemetryCommand failed. {}", fault.message);
            // The client may be gone already.
            let _ = commands.send(Err(Status::invalid_argument(text))).await;
            break;
        }
    }
    broker.grpc.sessions.detach(&caller.client_id, &commands);
}

async fn hear(
    broker: &Arc<Broker>,
    caller: &Caller,
    guest: Option<&Guest>,
    command: TelemetryCommand,
    commands: &Commands,
) -> Result<(), Fault> {
    let status = command.status.unwrap_or_default();
    match command.command {
        Some(Command::Settings(settings)) => {
            let merged = take_settings(broker, caller, guest, settings, commands)?;
            let command = TelemetryCommand { status: ok(), command: Some(Command::Settings(merged)) };
            // Fails only where the client is gone.
            let _ = commands.send(Ok(command)).await;
        }
        Some(Command::ThreadStackTrace(trace)) => {
            answered(broker, caller, &trace.nonce, status, trace.thread_stack_trace);
        }
        Some(Command::VerifyMessageResult(result)) => answered(broker, caller, &result.nonce, status, None),
        // The others are the broker's to say.
        _ => {}
    }
    Ok(())
}

fn take_settings(
    broker: &Arc<Broker>,
    caller: &Caller,
    guest: Option<&Guest>,
    settings: Settings,
    commands: &Commands,
) -> Result<Settings, Fault> {
    if let Some(guest) = guest {
        guest.may(broker, "TelemetryCommand", || settings.needs())?;
    }
    settings::check(&settings)?;
    let limit = broker.config.get().server_max_connections.unsigned_abs() as usize;
    let (commands, now_ms) = (Some(commands.clone()), broker.clock.now_ms());
    let session = broker.grpc.sessions.attach(caller, settings, commands, limit, now_ms);
    let session = session.ok_or_else(|| Fault::new(v2::Code::TooManyRequests, "too many clients are connected"))?;
    let settings = session.settings();
    heartbeat::join(broker, &session, &settings)?;
    Ok(settings::merged(broker, &settings))
}

fn answered(broker: &Broker, caller: &Caller, nonce: &str, status: v2::Status, stack: Option<String>) {
    if let Some(session) = broker.grpc.sessions.get(&caller.client_id) {
        session.answered(nonce, Answered { status, stack });
    }
}
