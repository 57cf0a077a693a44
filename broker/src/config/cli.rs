//! The command line of `mqbroker`: Apache's flags, and `-d`.

use std::path::PathBuf;

use clap::Parser;

/// A RocketMQ broker.
///
/// Without -c, -n and NAMESRV_ADDR it serves this machine only: it listens on 127.0.0.1, starts its own name server on port
/// 9876 and keeps its data in ./data. Every other start listens on all addresses and keeps its data in $HOME/store. A name
/// server is started in this process exactly when no address of one is given by -n, by the key namesrvAddr or by NAMESRV_ADDR.
#[derive(Debug, Clone, Default, PartialEq, Eq, Parser)]
#[command(name = "mqbroker", version, after_help = "Ctrl-C or SIGTERM stops the broker cleanly.")]
pub struct Arguments {
    /// Configuration file, with the keys of Apache's broker.conf
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// Name servers to register with, as host:port;host:port
    #[arg(short = 'n', long = "namesrvAddr", value_name = "ADDRS")]
    pub namesrv_addr: Option<String>,

    /// Folder for all data; comes before the key storePathRootDir
    #[arg(short = 'd', long = "dataDir", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Print all keys with their values and exit
    #[arg(short = 'p', long = "printConfigItem")]
    pub print_config: bool,

    /// Print the important keys with their values and exit
    #[arg(short = 'm', long = "printImportantConfig")]
    pub print_important_config: bool,

    /// Print the reference page of all keys, as Markdown, and exit
    #[arg(long = "reference")]
    pub print_reference: bool,
}
