//! Does what users of the 5.x client for Rust do, against servers that are already there, and prints one line for each case: `ok NAME`
//! or `FAIL NAME: expected …, saw …`. Cases run side by side; each has topics and groups of its own.

mod cases;
mod remoting;
mod scene;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scene::{Place, Scene};

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Far above what a case takes on a busy machine, so that one that hangs is named.
const CASE_LIMIT: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|it| it == name).and_then(|at| arguments.get(at + 1)).cloned();
    let (Some(brokers), Some(broker)) = (option("--brokers"), option("--broker")) else {
        eprintln!("usage: cases --brokers NAME=REMOTING_ADDR/GRPC_ADDR,... --broker NAME [--only TEXT,...]");
        std::process::exit(2);
    };
    let mut places = brokers.split(',').filter_map(|it| it.split_once('='));
    let (_, addresses) = places.find(|(name, _)| *name == broker).expect("--broker is one of --brokers");
    let (remoting, grpc) = addresses.split_once('/').expect("a broker has two addresses");
    let run = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let place = Place { remoting: remoting.to_owned(), grpc: grpc.to_owned(), run: format!("{run:x}") };
    let only = option("--only").unwrap_or_default();
    let mut running = tokio::task::JoinSet::new();
    macro_rules! start {
        ($($case:ident)*) => {$(
            let name = stringify!($case).replace('_', "-");
            if only.split(',').any(|text| name.contains(text)) {
                running.spawn(run_case(cases::$case(Scene::new(name.clone(), place.clone())), name));
            }
        )*};
    }
    start! {
        acknowledged_messages_do_not_come_again transactions_end_or_are_checked delayed_message messages_of_a_group_come_in_order
        everything_of_a_message_arrives messages_are_sent_together filters
    }
    let passed = running.join_all().await.into_iter().all(|passed| passed);
    std::process::exit(i32::from(!passed));
}

async fn run_case(case: impl Future<Output = Outcome<()>>, name: String) -> bool {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(CASE_LIMIT, case).await;
    match &outcome {
        Ok(Ok(())) => println!("ok {name} ({:.1} s)", begun.elapsed().as_secs_f32()),
        Ok(Err(problem)) => println!("FAIL {name}: {}", problem.to_string().replace('\n', " ")),
        Err(_) => println!("FAIL {name}: expected to end within {CASE_LIMIT:?}, saw no end"),
    }
    matches!(outcome, Ok(Ok(())))
}
