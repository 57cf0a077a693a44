//! `mqadmin`: asks and changes a running cluster, with the names and flags of Apache's tool. Here a command line becomes a report on
//! standard output; what the commands do is in one file for each noun, and [`command`] lists them all.

mod acl;
mod arguments;
mod broker;
mod cluster;
mod command;
mod consumer;
mod credentials;
mod export;
mod failure;
mod group;
mod message;
mod name_server;
mod offset;
mod print;
mod producer;
mod progress;
mod query;
mod queue;
mod record;
mod report;
mod running_info;
mod send;
mod session;
mod statistics;
mod table;
mod time;
mod topic;
mod user;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use arguments::Arguments;
use command::{COMMANDS, Command};
use failure::Failure;
use session::Session;

fn main() -> ExitCode {
    let matches = command::parser().get_matches();
    let Some((name, matches)) = matches.subcommand() else {
        // Nobody is there to be told that the listing cannot be written.
        let _ = std::io::stdout().write_all(command::listing().as_bytes());
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().flat_map(|(_, commands)| *commands).find(|command| command.name == name) else {
        eprintln!("mqadmin: {name} is no command; `mqadmin` lists them");
        return ExitCode::FAILURE;
    };
    match run(command, &Arguments::new(matches.clone())) {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mqadmin {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command once, or again and again where an interval is asked for.
fn run(command: &Command, arguments: &Arguments) -> Result<(), Failure> {
    let interval = arguments.optional_number("interval").map(|seconds| Duration::from_secs(seconds.max(1) as u64));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let session = Session::new(arguments)?;
        loop {
            let report = (command.run)(&session, arguments).await?;
            session.show(&report)?;
            match interval {
                Some(interval) => tokio::time::sleep(interval).await,
                None => return Ok(()),
            }
        }
    })
}
