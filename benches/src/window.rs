//! Conducts a run: lets it warm up, measures for a while, tells how it goes. What is measured is what happens
//! between two moments, on the loads' side and in the server's processes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::control::{Control, Load};
use crate::failure::Failure;
use crate::options::Run;
use crate::process::Usage;
use crate::report::progress_line;
use crate::tally::Tally;

/// How often progress is told.
const TICK: Duration = Duration::from_secs(1);
/// How long answers are waited for when a run is over.
pub const DRAIN: Duration = Duration::from_secs(5);
/// How often it is looked whether they are there.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// How a run is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long to wait before measuring.
    pub warmup: Duration,
    /// How long to measure; `None`: until the loads are done.
    pub duration: Option<Duration>,
    /// The server's processes.
    pub server_pids: Vec<u32>,
    /// Whether to tell how it goes.
    pub progress: bool,
}

impl Plan {
    /// What the command line says. `until_done`: not for a time, but until the loads are done.
    pub fn of(options: &Run, until_done: bool) -> Self {
        Self {
            warmup: if until_done { Duration::ZERO } else { options.warmup },
            duration: (!until_done).then_some(options.duration),
            server_pids: options.server_pid.clone(),
            progress: !options.quiet,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What the loads counted, group by group.
    pub tallies: Vec<Tally>,
    /// For how long.
    pub seconds: f64,
    /// What the server used in that time, if we were told where it is.
    pub server: Option<ServerCost>,
    /// Seconds of processor time that mqbench used itself.
    pub own_cpu_seconds: f64,
}

/// What the server's processes used, all together.
#[derive(Clone, Copy, Debug)]
pub struct ServerCost {
    /// Seconds of processor time.
    pub cpu_seconds: f64,
    /// How things stood at the end.
    pub end: Usage,
    /// The most memory at any tick.
    pub peak_rss_bytes: u64,
}

/// Loads that are counted together.
pub type Group = Vec<Arc<dyn Load>>;

/// Measures loads that have been started. They go on afterwards.
///
/// # Errors
/// When the run was given up, or the server's processes are gone.
pub async fn measure(control: &Control, groups: &[Group], plan: &Plan) -> Result<Measured, Failure> {
    let mut ticker = Ticker { control, groups, plan, peak_rss_bytes: 0 };
    if !plan.warmup.is_zero() {
        ticker.run(Some(plan.warmup), "warming up").await?;
    }
    let (server_before, own_before) = (ticker.server()?, Usage::of(std::process::id())?);
    let began = Instant::now();
    let tallies = ticker.run(plan.duration, "").await?;
    let seconds = began.elapsed().as_secs_f64();
    let (server_after, own_after) = (ticker.server()?, Usage::of(std::process::id())?);
    let server = server_before.zip(server_after).map(|(before, after)| ServerCost {
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
        end: after,
        peak_rss_bytes: ticker.peak_rss_bytes.max(after.rss_bytes),
    });
    Ok(Measured { tallies, seconds, server, own_cpu_seconds: own_after.cpu_seconds - own_before.cpu_seconds })
}

struct Ticker<'a> {
    control: &'a Control,
    groups: &'a [Group],
    plan: &'a Plan,
    peak_rss_bytes: u64,
}

impl Ticker<'_> {
    /// Counts for a time, or until all loads of the first group are done.
    async fn run(&mut self, duration: Option<Duration>, phase: &str) -> Result<Vec<Tally>, Failure> {
        let mut sums = vec![Tally::default(); self.groups.len()];
        let began = Instant::now();
        let end = duration.map(|duration| began + duration);
        let mut last = (began, self.server()?);
        loop {
            let tick = last.0 + TICK;
            // A call may have several reasons, or one that is seen to already: what matters is how things stand.
            if !self.is_done() {
                tokio::select! {
                    _ = sleep_until(end.map_or(tick, |end| end.min(tick))) => {}
                    _ = self.control.called() => {}
                }
            }
            if let Some(reason) = self.control.given_up() {
                return Err(Failure::GivenUp(reason));
            }
            let now = Instant::now();
            let over = end.is_some_and(|end| now >= end) || self.is_done();
            if !over && now < tick {
                continue;
            }
            let tallies: Vec<Tally> = self.groups.iter().map(take).collect();
            let server = self.server()?;
            self.peak_rss_bytes = self.peak_rss_bytes.max(server.map_or(0, |usage| usage.rss_bytes));
            if self.plan.progress && now > last.0 {
                let cpu_seconds = server.zip(last.1).map(|(after, before)| after.cpu_seconds - before.cpu_seconds);
                let seconds = (now - last.0).as_secs_f64();
                let usage = cpu_seconds.zip(server);
                eprintln!("{}", progress_line(now - began, phase, &tallies[0], seconds, usage));
            }
            sums.iter_mut().zip(&tallies).for_each(|(sum, tally)| sum.add(tally));
            if over {
                return Ok(sums);
            }
            last = (now, server);
        }
    }

    fn is_done(&self) -> bool {
        self.groups[0].iter().all(|load| load.is_done())
    }

    fn server(&self) -> Result<Option<Usage>, Failure> {
        let pids = &self.plan.server_pids;
        (!pids.is_empty()).then(|| Usage::of_all(pids)).transpose()
    }
}

/// What the loads of a group counted since the last time.
pub fn take(group: &Group) -> Tally {
    let mut sum = Tally::default();
    group.iter().for_each(|load| sum.add(&load.take()));
    sum
}

/// Stops loads and waits a while for the answers that are due.
pub async fn stop(group: &Group) {
    group.iter().for_each(|load| load.stop());
    wait_until(|| group.iter().all(|load| load.is_done())).await;
}

/// Waits a while for something to become true.
pub async fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DRAIN;
    while !condition() && Instant::now() < deadline {
        tokio::time::sleep(DRAIN_POLL).await;
    }
}
