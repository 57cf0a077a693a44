//! `mqnamesrv`: a name server as a process of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bolide_namesrv::{NameServer, NameServerConfig};
use bolide_remoting::keys::{self, KeyError, Loaded};
use bolide_remoting::{log_options, logs};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A RocketMQ name server.
///
/// Brokers register with it, clients ask it where topics are. Without -c it listens on port 9876 of all addresses.
#[derive(Debug, Parser)]
#[command(
    name = "mqnamesrv",
    version,
    after_help = "Ctrl-C or SIGTERM stops the name server cleanly. RUST_LOG sets what is logged."
)]
struct Arguments {
    /// Configuration file, with the keys of Apache's namesrv.conf
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// Print all keys with their values and exit
    #[arg(short = 'p', long = "printConfigItem")]
    print_config: bool,

    /// Print the reference page of all keys, as Markdown, and exit
    #[arg(long = "reference")]
    print_reference: bool,
}

/// How the reference page begins.
const REFERENCE_TITLE: &str = "Keys of the name server";

#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mqnamesrv: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if arguments.print_reference {
        print!("{}", keys::reference_page::<NameServerConfig>(REFERENCE_TITLE));
        return Ok(());
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let loaded = load(arguments.config_file.as_deref(), home.as_deref())?;
    if arguments.print_config {
        print!("{}", loaded.properties());
        return Ok(());
    }
    logs::begin(&log_options!(loaded.values, "namesrv"))?;
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(loaded))
}

fn load(file: Option<&Path>, home: Option<&Path>) -> Result<Loaded<NameServerConfig>, ConfigError> {
    let mut loaded = Loaded::new(NameServerConfig::default());
    if let Some(path) = file {
        let content = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let path = path.display().to_string();
        loaded.read(&content, &path)?;
        loaded.values.config_store_path = path;
    }
    loaded.values.fill_in(home);
    Ok(loaded)
}

async fn serve(loaded: Loaded<NameServerConfig>) -> Result<(), Box<dyn std::error::Error>> {
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let name_server = NameServer::start(loaded).await?;
    // Apache's words, because scripts wait for them.
    println!("The Name Server boot success. serializeType=JSON, address {}", name_server.local_addr());
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    name_server.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn load_text(text: &str) -> Result<Loaded<NameServerConfig>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("namesrv.conf");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), Some(Path::new("/home/operator")))
    }

    #[test]
    fn without_a_file_there_are_the_defaults() {
        let config = load(None, Some(Path::new("/home/operator"))).unwrap().values;
        assert_eq!((config.bind_address.as_str(), config.listen_port), ("0.0.0.0", 9876));
        assert_eq!(config.kv_config_path, "/home/operator/namesrv/kvConfig.json");
        assert_eq!(config.config_store_path, "");
    }

    #[test]
    fn the_file_counts_and_is_where_changes_go() {
        let loaded = load_text("listenPort=9877\nkvConfigPath=/k\nconfigStorePath=/elsewhere\n").unwrap();
        assert_eq!((loaded.values.listen_port, loaded.values.kv_config_path.as_str()), (9877, "/k"));
        assert!(loaded.values.config_store_path.ends_with("namesrv.conf"));
    }

    #[test]
    fn a_bad_start_has_one_clear_line() {
        for (text, end) in [
            ("listenPort=x", "namesrv.conf:1: listenPort is \"x\", but must be a whole number from 0 to 65535"),
            (
                "enableControllerInNamesrv=true",
                "namesrv.conf:1: enableControllerInNamesrv=true is not served: there is no controller yet; only false is",
            ),
        ] {
            let error = load_text(text).unwrap_err().to_string();
            assert!(error.ends_with(end), "{error}");
        }
        let error = load(Some(Path::new("/no/such/file")), None).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/file: "), "{error}");
    }

    /// `cargo run -p bolide-namesrv -- --reference > conf/REFERENCE-namesrv.md` writes it anew.
    #[test]
    fn the_reference_page_is_up_to_date() {
        let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/REFERENCE-namesrv.md"));
        let page = keys::reference_page::<NameServerConfig>(REFERENCE_TITLE);
        assert!(kept.is_ok_and(|kept| kept == page), "stale: cargo run -p bolide-namesrv -- --reference writes it");
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
