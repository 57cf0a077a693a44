//! `mqbench`: reads the command line, runs, and writes the result to standard output.

use std::process::ExitCode;

use bolide_benches::failure::Failure;
use bolide_benches::options::{Arguments, Command, Run};
use bolide_benches::report::Report;
use bolide_benches::{ready, session};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mqbench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Produce(options) => conduct(&options.run, session::produce(options)),
        Command::Consume(options) => conduct(&options.run, session::consume(options)),
        Command::E2e(options) => conduct(&options.run, session::end_to_end(options)),
        Command::Ready(options) => {
            let waited = runtime(1)?.block_on(ready::wait(options))?;
            println!("ready after {:.0} ms", waited.as_secs_f64() * 1e3);
            Ok(())
        }
    }
}

fn conduct(options: &Run, session: impl Future<Output = Result<Report, Failure>>) -> Result<(), Failure> {
    let report = runtime(options.threads)?.block_on(session)?;
    if options.json {
        println!("{}", report.to_json());
    } else {
        print!("{}", report.to_text());
    }
    Ok(())
}

/// One thread is the cheapest: nothing is handed from one to another.
fn runtime(threads: u16) -> Result<Runtime, Failure> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(usize::from(threads)).enable_all().build().map_err(Failure::system("cannot start a runtime"))
}
