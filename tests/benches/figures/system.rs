//! The whole system at work: a coordinator and an agent in each of three regions, as processes of
//! their own, that check many monitors for minutes. What they use is the system's own account.
//!
//! The targets are real connections to a tiny server in this process, on many addresses of
//! loopback, so that no bound of one destination is reached. `VIGILMON_BENCH_MONITORS` and
//! `VIGILMON_BENCH_MINUTES` make it larger or longer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vigilmon_proto::v1;
use vigilmon_tests::agent::Agent;
use vigilmon_tests::background::wait_for;
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::wait;

use crate::usage::{cpu, peak, resident};
use crate::{api, given, pages};

const MONITORS: u64 = 10_000;
const MINUTES: u64 = 2;
const EVERY_SECONDS: i64 = 30;
/// How many hosts there are to check.
const HOSTS: u8 = 100;
/// Longest request of an agent that the server reads.
const REQUEST_MAX: usize = 4096;
/// By then each monitor was checked everywhere, and the pace of the slots is reached.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
/// What Uptime Kuma was seen to do in one CPU-second, on a machine of two cores.
const KUMA: f64 = 392.0;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"ok\"}";

pub(crate) fn print() {
    let monitors = given("VIGILMON_BENCH_MONITORS", MONITORS);
    let span = Duration::from_secs(60 * given("VIGILMON_BENCH_MINUTES", MINUTES));
    let regions = REGIONS.len() as u64;
    let site = Site::start();
    let mut coordinator = Up::start(&Options::coordinator());
    let mut agents = REGIONS.map(|region| Agent::start(&coordinator, region));
    let start = Instant::now();
    wait_for(async {
        let channel = api::connect(&coordinator).await;
        let specs = (0..monitors).map(|n| (format!("load-{n}"), site.spec(n)));
        api::add_monitors(channel, &api::token(&coordinator), specs).await;
    });
    let added = start.elapsed();
    wait::until_true("every region checks at its slots", SETTLED_WITHIN, || {
        site.checks() >= monitors * regions * 2
    });

    let mut processes = vec![("coordinator", coordinator.process().id())];
    for (region, agent) in REGIONS.iter().zip(&mut agents) {
        processes.push((region, agent.process().id()));
    }
    let used = || -> Vec<f64> { processes.iter().map(|(_, process)| cpu(*process)).collect() };
    let (before, first) = (used(), site.checks());
    std::thread::sleep(span);
    let (after, checks) = (used(), (site.checks() - first) as f64);
    let spent: Vec<f64> = before.iter().zip(after).map(|(b, a)| a - b).collect();

    println!(
        "\nthe whole system: {monitors} monitors x {regions} regions x {EVERY_SECONDS} s, for \
         {span:.0?} (added in {added:.1?}):"
    );
    println!(
        "  checks: {:.0}/s of {:.0}/s due",
        checks / span.as_secs_f64(),
        (monitors * regions) as f64 / EVERY_SECONDS as f64
    );
    for ((name, process), spent) in processes.iter().zip(&spent) {
        report(name, *process, *spent, checks);
    }
    println!(
        "  in all {:.0} checks per CPU-second   (target >= {:.0}: 20 x Uptime Kuma)",
        checks / spent.iter().sum::<f64>(),
        KUMA * 20.0
    );
    pages::report(&coordinator);
}

/// One process: what it holds, and what it spent on each thousand of the checks.
fn report(name: &str, process: u32, spent: f64, checks: f64) {
    let target = match name {
        "coordinator" => "target < 250 MB at 10000 monitors",
        _ => "target < 30 MB at 5000 monitors",
    };
    println!(
        "  {name:<13} {:>6.1} MB, {:>6.1} MB at most, {:>6.3} CPU-s per 1000 checks of all   ({target})",
        resident(process),
        peak(process),
        spent / checks * 1000.0,
    );
}

/// What is checked.
struct Site {
    hosts: Vec<SocketAddr>,
    checks: Arc<AtomicU64>,
}

impl Site {
    fn start() -> Self {
        let checks = Arc::<AtomicU64>::default();
        let hosts = wait_for(async {
            let mut hosts = Vec::new();
            for host in 1..=HOSTS {
                let address = (Ipv4Addr::new(127, 0, 1, host), 0);
                let listener = TcpListener::bind(address).await.expect("it is loopback");
                hosts.push(listener.local_addr().expect("a listener has an address"));
                tokio::spawn(serve(listener, Arc::clone(&checks)));
            }
            hosts
        });
        Self { hosts, checks }
    }

    fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Watches one of the hosts.
    fn spec(&self, n: u64) -> v1::MonitorSpec {
        let host = self.hosts[n as usize % self.hosts.len()];
        let http = v1::HttpSpec {
            url: format!("http://{host}/health/{n}"),
            json: vec![r#"$.status == "ok""#.to_owned()],
            ..Default::default()
        };
        v1::MonitorSpec {
            interval: Some(prost_types::Duration {
                seconds: EVERY_SECONDS,
                nanos: 0,
            }),
            regions: REGIONS.map(str::to_owned).to_vec(),
            kind: Some(v1::monitor_spec::Kind::Http(http)),
            ..Default::default()
        }
    }
}

async fn serve(listener: TcpListener, checks: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let checks = Arc::clone(&checks);
        tokio::spawn(async move {
            if answer(stream).await.is_some() {
                checks.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

/// One request, one answer.
async fn answer(mut stream: TcpStream) -> Option<()> {
    let mut request = [0; REQUEST_MAX];
    let mut read = 0;
    while !request[..read].ends_with(b"\r\n\r\n") {
        match stream.read(&mut request[read..]).await {
            Ok(more) if more > 0 => read += more,
            _ => return None,
        }
    }
    stream.write_all(ANSWER).await.ok()
}
