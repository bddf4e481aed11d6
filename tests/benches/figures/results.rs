//! Results through the coordinator, over loopback TLS: decoded, decided, durable, acknowledged.
//!
//! A second process plays an agent with many monitors and sends batches of 64 at a steady pace. What
//! counts is the coordinator's own CPU time, as the system accounts it.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_message::Message as Say;
use vigilmon_proto::v1::agent_service_client::AgentServiceClient;
use vigilmon_proto::v1::coordinator_message::Message as Heard;
use vigilmon_tests::background::wait_for;
use vigilmon_tests::up::{Options, Up};

use crate::api::{self, authorised};
use crate::usage::cpu;

const REGION: &str = "load";
const MONITORS: usize = 1000;
const BATCH: usize = 64;
const SPAN: Duration = Duration::from_secs(10);
/// Results a second, one pace after the other.
const PACES: [u64; 3] = [10_000, 30_000, 60_000];
/// How often the sender looks at the clock.
const TICK: Duration = Duration::from_millis(2);

pub(crate) fn print() {
    let mut up = Up::start(&Options::new());
    let token = up
        .cli()
        .json(&["agent", "token", "add", "--region", REGION]);
    let token = token["token"]
        .as_str()
        .expect("the token is printed once")
        .to_owned();
    let coordinator = up.process().id();
    println!("\nresults through the coordinator ({MONITORS} monitors, batches of {BATCH}):");
    wait_for(async {
        let channel = api::connect(&up).await;
        add_monitors(&up, channel.clone()).await;
        let mut agent = Agent::join(channel, &token).await;
        for pace in PACES {
            let before = cpu(coordinator);
            let start = Instant::now();
            let acked = agent.run(pace, SPAN).await;
            let (spent, took) = (cpu(coordinator) - before, start.elapsed().as_secs_f64());
            println!(
                "  {pace:>6}/s asked, {:>6.0}/s acked: {:>8.0} per CPU-second   (target >= 300000)",
                acked as f64 / took,
                acked as f64 / spent,
            );
        }
    });
}

async fn add_monitors(up: &Up, channel: Channel) {
    let token = api::token(up);
    let second = prost_types::Duration {
        seconds: 1,
        nanos: 0,
    };
    let http = v1::HttpSpec {
        url: "http://127.0.0.1:9/".to_owned(),
        ..Default::default()
    };
    let spec = v1::MonitorSpec {
        interval: Some(second),
        timeout: Some(second),
        regions: vec![REGION.to_owned()],
        kind: Some(v1::monitor_spec::Kind::Http(http)),
        ..Default::default()
    };
    let specs = (0..MONITORS).map(|n| (format!("load-{n}"), spec.clone()));
    api::add_monitors(channel, &token, specs).await;
}

/// The played agent.
struct Agent {
    say: mpsc::Sender<v1::AgentMessage>,
    hear: tonic::Streaming<v1::CoordinatorMessage>,
    monitors: Vec<(Bytes, u64)>,
    next: usize,
    sent: u64,
    acked: u64,
    credits: u64,
}

impl Agent {
    /// Connects and takes its assignment.
    async fn join(channel: Channel, token: &str) -> Self {
        let (say, said) = mpsc::channel(1024);
        let mut client = AgentServiceClient::new(channel);
        let hello = v1::Hello {
            name: "load".to_owned(),
            boot_id: vec![7; 16].into(),
            build: "bench".to_owned(),
            protocol_min: 1,
            protocol_max: 1,
            capabilities: vec!["http".to_owned()],
            region: REGION.to_owned(),
            wall_clock_ms: wall_clock(),
            ..Default::default()
        };
        let first = v1::AgentMessage {
            message: Some(Say::Hello(hello)),
        };
        say.send(first).await.expect("the stream is open");
        let opened = client
            .session(authorised(ReceiverStream::new(said), token))
            .await;
        let hear = opened.expect("the session is accepted").into_inner();
        let mut agent = Self {
            say,
            hear,
            monitors: vec![],
            next: 0,
            sent: 0,
            acked: 0,
            credits: 0,
        };
        while agent.monitors.len() < MONITORS {
            agent.hear_one().await;
        }
        agent
    }

    async fn hear_one(&mut self) {
        let heard = self
            .hear
            .message()
            .await
            .expect("the session stands")
            .expect("it goes on");
        match heard.message.expect("a message says something") {
            Heard::Welcome(welcome) => {
                self.credits = welcome.credits.into();
                let done = v1::VoteSummary {
                    last: true,
                    ..Default::default()
                };
                self.tell(Say::VoteSummary(done)).await;
            }
            Heard::SnapshotBegin(begin) => self.applied(begin.state).await,
            Heard::SnapshotPart(part) => self.take(part.monitors),
            Heard::Delta(delta) => {
                self.take(delta.upserts);
                self.applied(delta.state).await;
            }
            Heard::Ack(ack) => {
                assert!(ack.refused.is_empty(), "refused: {:?}", ack.refused);
                self.acked = ack.seq;
                self.credits = ack.credits.into();
            }
            Heard::Pulse(_) => {
                let pulse = v1::AgentPulse {
                    wall_clock_ms: wall_clock(),
                    ..Default::default()
                };
                self.tell(Say::Pulse(pulse)).await;
            }
            _ => {}
        }
    }

    fn take(&mut self, monitors: Vec<v1::Assignment>) {
        self.monitors
            .extend(monitors.into_iter().map(|one| (one.monitor, one.meaning)));
    }

    async fn applied(&mut self, state: Option<v1::AssignmentState>) {
        self.tell(Say::AssignmentAck(v1::AssignmentAck {
            applied: state,
            rejected: vec![],
        }))
        .await;
    }

    async fn tell(&mut self, message: Say) {
        let message = v1::AgentMessage {
            message: Some(message),
        };
        self.say.send(message).await.expect("the session stands");
    }

    /// Sends at a pace for a while and waits until all is acknowledged; how many results that were.
    async fn run(&mut self, pace: u64, span: Duration) -> u64 {
        let (start, first) = (Instant::now(), self.sent);
        let mut tick = tokio::time::interval(TICK);
        let mut due = VecDeque::new();
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let by_now = start.elapsed().min(span).as_millis() as u64 * pace / 1000;
                    while self.sent + due.len() as u64 * BATCH as u64 + BATCH as u64 <= first + by_now {
                        due.push_back(());
                    }
                    while !due.is_empty() && self.sent + BATCH as u64 <= self.acked + self.credits {
                        due.pop_front();
                        self.send_batch().await;
                    }
                    if start.elapsed() >= span && due.is_empty() && self.acked == self.sent {
                        return self.sent - first;
                    }
                }
                () = self.hear_one() => {}
            }
        }
    }

    async fn send_batch(&mut self) {
        let slot = wall_clock();
        let mut results = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            let (monitor, meaning) = &self.monitors[self.next];
            self.next = (self.next + 1) % self.monitors.len();
            results.push(v1::Result {
                monitor: monitor.clone(),
                meaning: *meaning,
                run: Some(v1::result::Run::SlotMs(slot)),
                age_ms: 1,
                took_us: 12_345,
                lateness_us: 200,
                outcome: v1::Outcome::Up.into(),
                phases: Some(v1::Phases {
                    dns_us: Some(300),
                    connect_us: Some(4000),
                    first_byte_us: Some(8000),
                    transfer_us: Some(45),
                    ..Default::default()
                }),
                ..Default::default()
            });
        }
        let batch = v1::ResultBatch {
            first_seq: self.sent + 1,
            results,
        };
        self.sent += BATCH as u64;
        self.tell(Say::Results(batch)).await;
    }
}

fn wall_clock() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    i64::try_from(now.as_millis()).expect("it is not that late")
}
