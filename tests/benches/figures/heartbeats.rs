//! Heartbeats: many of them at rest, pings as fast as they are answered, and a burst at a full
//! minute that a power cut follows.
//!
//! `VIGILMON_BENCH_HEARTBEATS` makes it smaller; half of them expect a ping every minute.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tonic::transport::Channel;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_service_client::HeartbeatServiceClient;
use vigilmon_proto::v1::heartbeat_spec::Schedule;
use vigilmon_tests::background::wait_for;
use vigilmon_tests::up::{Options, Up};

use crate::burst::{self, Burst};
use crate::usage::{cpu, peak, resident};
use crate::wrk::Load;
use crate::{api, given};

const HEARTBEATS: u64 = 100_000;
/// How long each load lasts.
const SPAN: Duration = Duration::from_secs(20);
/// How long it is watched at rest.
const REST: Duration = Duration::from_secs(30);
/// Connections of a load.
const CONNECTIONS: u32 = 128;
/// The grace of those that expect a ping every minute.
const GRACE_SECONDS: i64 = 30;
const DAY_SECONDS: i64 = 86_400;
const PAGE: i32 = 1000;
/// What Healthchecks, the open source, was seen to take in a second.
const HEALTHCHECKS: f64 = 250.0;

pub(crate) fn print() {
    let heartbeats = given("VIGILMON_BENCH_HEARTBEATS", HEARTBEATS);
    let options = Options::coordinator();
    let mut up = Up::start(&options);
    let start = Instant::now();
    let (daily, minutely) = wait_for(async {
        let channel = api::connect(&up).await;
        let token = api::token(&up);
        let half = heartbeats / 2;
        let daily = (0..half).map(|n| (format!("daily-{n}"), every_day()));
        let daily = add(channel.clone(), &token, daily).await;
        let minutely = (half..heartbeats).map(|n| (format!("minutely-{n}"), every_minute()));
        (daily, add(channel, &token, minutely).await)
    });
    let added = start.elapsed();
    println!("\n{heartbeats} heartbeats (added in {added:.1?}):");
    rest(&mut up);

    let live = vec!["/health/live".to_owned()];
    let live = Load::run(&mut up, &live, CONNECTIONS, SPAN);
    let all = Load::run(&mut up, &daily, CONNECTIONS, SPAN);
    let one = Load::run(&mut up, &daily[..1], CONNECTIONS, SPAN);
    report(
        "pings, stored before the answer",
        &all,
        "   (target p99 < 50 ms)",
    );
    report("pings of one heartbeat", &one, "   (target >= 20000/s)");
    report("/health/live, for comparison", &live, "");
    println!(
        "  {:.0} pings per CPU-second   (target >= 10000), {:.2} of /health/live's; {:.0} x the \
         {HEALTHCHECKS:.0}/s of Healthchecks",
        all.per_cpu(),
        all.per_cpu() / live.per_cpu(),
        all.rate() / HEALTHCHECKS,
    );
    let process = up.process().id();
    println!(
        "  memory: {:.1} MB, {:.1} MB at most",
        resident(process),
        peak(process)
    );
    full_minutes(&mut up, &options, &minutely);
}

/// Nothing is due, for nothing was ever pinged.
fn rest(up: &mut Up) {
    let process = up.process().id();
    let before = cpu(process);
    std::thread::sleep(REST);
    let spent = cpu(process) - before;
    println!(
        "  at rest: {:.2} % of a CPU, {:.1} MB",
        100.0 * spent / REST.as_secs_f64(),
        resident(process)
    );
}

/// All ping at a full minute, so that each is expected at the next one; then the burst that counts.
fn full_minutes(up: &mut Up, options: &Options, paths: &[String]) {
    let url = up.url("");
    let server = url.trim_start_matches("http://").parse();
    let server: SocketAddr = server.expect("it is an address");
    let first = wait_for(burst::at_the_full_minute(server, paths));
    let before = cpu(up.process().id());
    let second = wait_for(burst::at_the_full_minute(server, paths));
    let spent = cpu(up.process().id()) - before;
    let minute = full_minute(SystemTime::now() - second.took);
    // As a power cut would: what was answered must be there all the same.
    up.process().kill();
    let start = Instant::now();
    up.start_again(options);
    let started = start.elapsed();
    let heard = wait_for(heard_since(up, minute));
    println!(
        "  {} pings at a full minute, each by a connection of its own:",
        paths.len()
    );
    line("to be expected from then on", &first);
    line("a minute later", &second);
    let deadline = minute + Duration::from_secs(GRACE_SECONDS.unsigned_abs() + 5);
    let left = deadline.duration_since(SystemTime::now());
    std::thread::sleep(left.unwrap_or_default());
    let incidents = up.cli().rows(&["incident", "list"]).len();
    println!(
        "    {spent:.1} CPU-s; after a kill and a start of {started:.1?} {heard} of them are there; \
         {incidents} alarms"
    );
}

fn line(what: &str, burst: &Burst) {
    let at = |part: usize| {
        let place = (burst.each.len() * part / 100).min(burst.each.len().saturating_sub(1));
        burst.each.get(place).copied().unwrap_or_default()
    };
    println!(
        "    {what:<28} {} answered in {:.1?}, p50 {:.1?}, p99 {:.1?}",
        burst.answered,
        burst.took,
        at(50),
        at(99)
    );
}

fn report(what: &str, load: &Load, target: &str) {
    println!(
        "  {what:<32} {:>7.0}/s, {:>7.0} per CPU-second, p50 {:>6.1?}, p99 {:>6.1?}, {} lost{target}",
        load.rate(),
        load.per_cpu(),
        load.p50,
        load.p99,
        load.lost
    );
}

fn full_minute(at: SystemTime) -> SystemTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.expect("the clock is not before 1970").as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since / 60 * 60)
}

fn every_day() -> v1::HeartbeatSpec {
    v1::HeartbeatSpec {
        schedule: Some(Schedule::Every(seconds(DAY_SECONDS))),
        ..Default::default()
    }
}

fn every_minute() -> v1::HeartbeatSpec {
    let cron = v1::CronSchedule {
        expression: "* * * * *".to_owned(),
        ..Default::default()
    };
    v1::HeartbeatSpec {
        schedule: Some(Schedule::Cron(cron)),
        grace: Some(seconds(GRACE_SECONDS)),
        ..Default::default()
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// Saves heartbeats, each with a name and a specification; where their jobs ping.
async fn add(
    channel: Channel,
    token: &str,
    specs: impl Iterator<Item = (String, v1::HeartbeatSpec)>,
) -> Vec<String> {
    let calls = specs.map(|(name, spec)| {
        let heartbeat = v1::Heartbeat {
            name,
            spec: Some(spec),
            ..Default::default()
        };
        let ask = v1::CreateHeartbeatRequest {
            heartbeat: Some(heartbeat),
            ..Default::default()
        };
        let ask = api::authorised(ask, token);
        let mut heartbeats = HeartbeatServiceClient::new(channel.clone());
        async move {
            let made = heartbeats.create_heartbeat(ask).await?.into_inner();
            let path = made
                .ping_url
                .find("/ping/")
                .map(|at| made.ping_url[at..].to_owned());
            Ok(path.expect("its ping URL is answered"))
        }
    });
    api::all(calls).await
}

/// How many heartbeats have heard of their jobs since a time.
async fn heard_since(up: &Up, since: SystemTime) -> usize {
    let token = api::token(up);
    let mut heartbeats = HeartbeatServiceClient::new(api::connect(up).await);
    let since = since.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.expect("the clock is not before 1970").as_secs();
    let mut heard = 0;
    let mut page_token = String::new();
    loop {
        let ask = v1::ListHeartbeatsRequest {
            page_size: PAGE,
            page_token,
            ..Default::default()
        };
        let page = heartbeats
            .list_heartbeats(api::authorised(ask, &token))
            .await;
        let page = page.expect("heartbeats can be listed").into_inner();
        let states = page.heartbeats.into_iter().filter_map(|h| h.state);
        let pinged = states.filter_map(|state| state.last_ping_time);
        heard += pinged
            .filter(|at| at.seconds.unsigned_abs() >= since)
            .count();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return heard;
        }
    }
}
