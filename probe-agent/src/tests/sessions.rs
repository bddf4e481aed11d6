//! An agent within the process, with a probe that answers as the test says.

use std::sync::Arc;
use std::time::Duration;

use crate::probe::{Checked, Probe};
use crate::{Agent, Coordinators, Options};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::id::MonitorId;
use vigilmon_common::identity::Place;
use vigilmon_common::monitor::{HttpSpec, Kind, Meaning};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::{Assignment, CheckSpec, Limits};
use vigilmon_common::session::messages::{CheckNow, CoordinatorMessage, Leave, Sync, Target};
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_message::Message;
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::supervisor::Supervisor;

use super::fake::{Fake, PATIENCE, TOKEN};

/// What a check does, by the target's host.
struct Scripted;

impl Probe for Scripted {
    async fn check(&self, spec: &CheckSpec, _timeout: Duration) -> Checked {
        let Kind::Http(http) = &spec.kind;
        match http.url.host_str().unwrap() {
            "down.example" => {
                let reason = Reason::new(ReasonCode::HttpStatus, "503 Service Unavailable");
                Checked::bare(Outcome::Down(reason))
            }
            "broken.example" => panic!("on purpose"),
            "hanging.example" => std::future::pending().await,
            _ => Checked::bare(Outcome::Up),
        }
    }
}

fn start(fake: &Fake, token: &str) -> (Agent, Supervisor) {
    let supervisor = Supervisor::new(Default::default());
    let options = Options {
        coordinators: Coordinators::parse(&[fake.url()]).unwrap(),
        region: Region::parse("eu-west").unwrap(),
        name: Name::parse("eu-west-1").unwrap(),
        token: Secret::new(token),
        ca: Some(fake.ca.clone()),
        addresses: AddressPolicy::new(Vec::new()),
        limits: Limits::default(),
    };
    let agent = Agent::start_with(options, Scripted, SystemClock::shared(), &supervisor);
    (agent.unwrap(), supervisor)
}

fn check(url: &str) -> Arc<CheckSpec> {
    Arc::new(CheckSpec {
        kind: Kind::Http(Box::new(HttpSpec::to(url.parse().unwrap()))),
        timeout: Duration::from_secs(10),
    })
}

fn monitor(n: u8, url: &str) -> Assignment {
    Assignment {
        monitor: MonitorId::from_bytes([n; 16]),
        meaning: Meaning(u64::from(n)),
        spec_hash: u64::from(n),
        interval: Duration::from_secs(3600),
        place: Place::ALONE,
        check: check(url),
    }
}

async fn connected(agent: &Agent, wanted: bool) {
    let mut status = agent.status();
    let changed = status.wait_for(|status| status.connected == wanted);
    tokio::time::timeout(PATIENCE, changed)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_agent_takes_its_assignment_and_streams_what_it_sees() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    assert_eq!(session.hello.name, "eu-west-1");
    assert_eq!(session.hello.region, "eu-west");
    assert!(session.hello.have.is_empty());
    session.welcome(Sync::Snapshot).await;
    session
        .assign(vec![monitor(1, "https://down.example/health").into()])
        .await;
    let ack = session.hear(assignment_ack).await;
    assert_eq!(ack.applied.unwrap().revision, 1);
    assert!(ack.rejected.is_empty());
    let result = session.result().await;
    assert_eq!(result.monitor[..], [1; 16]);
    assert_eq!(result.outcome, i32::from(v1::Outcome::Down));
    assert_eq!(result.reason.unwrap().text, "503 Service Unavailable");
    session.ack(1).await;
    connected(&agent, true).await;
    assert_eq!(agent.status().borrow().monitors, 1);
    assert!(agent.stop().await);
    session.closed().await;
}

#[tokio::test]
async fn what_was_not_acked_comes_over_backfill_after_a_reconnect() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    session
        .assign(vec![monitor(1, "https://up.example/").into()])
        .await;
    let seen = session.result().await;
    drop(session);
    let session = fake.session().await;
    assert_eq!(session.hello.have.len(), 1);
    assert_eq!(session.hello.spool.unwrap().results, 1);
    session.welcome(Sync::Resume).await;
    let mut backfill = fake.backfill().await;
    assert_eq!(backfill.open.session[..], [5; 16]);
    let again = backfill.results().await;
    assert_eq!(again.len(), 1);
    assert_eq!(
        (&again[0].monitor, &again[0].run),
        (&seen.monitor, &seen.run)
    );
    backfill.ack(1).await;
    backfill.closed().await;
    assert!(agent.stop().await);
}

#[tokio::test]
async fn a_check_asked_for_with_an_inline_specification_is_answered() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    session
        .say(CoordinatorMessage::CheckNow(CheckNow {
            nonce: 77,
            count: 1,
            spacing: Duration::ZERO,
            delay: Duration::ZERO,
            timeout: None,
            what: Target::Inline(Some(check("https://down.example/"))),
            answer: true,
        }))
        .await;
    let answer = session
        .hear(|message| match message {
            Message::CheckAnswer(answer) => Some(answer),
            _ => None,
        })
        .await;
    assert_eq!(answer.nonce, 77);
    let Some(v1::check_answer::Answer::Result(result)) = answer.answer else {
        panic!("a result is expected");
    };
    assert_eq!(result.outcome, i32::from(v1::Outcome::Down));
    assert!(agent.stop().await);
}

#[tokio::test]
async fn a_check_that_breaks_is_the_agents_fault_and_the_agent_goes_on() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    session
        .assign(vec![monitor(1, "https://broken.example/").into()])
        .await;
    let result = session.result().await;
    assert_eq!(result.outcome, i32::from(v1::Outcome::Inconclusive));
    session.ack(1).await;
    connected(&agent, true).await;
    assert!(agent.stop().await);
}

#[tokio::test]
async fn a_target_by_a_denied_address_is_rejected_by_name() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    let denied = monitor(1, "http://127.0.0.1:9/");
    let fine = monitor(2, "https://up.example/");
    session.assign(vec![denied.into(), fine.into()]).await;
    let ack = session.hear(assignment_ack).await;
    assert_eq!(ack.rejected.len(), 1);
    assert_eq!(ack.rejected[0].monitor[..], [1; 16]);
    let expected = i32::from(v1::RejectionReason::AddressDenied);
    assert_eq!(ack.rejected[0].reason, expected);
    assert_eq!(session.result().await.monitor[..], [2; 16]);
    session.ack(1).await;
    assert!(agent.stop().await);
}

#[tokio::test]
async fn an_agent_that_was_replaced_leaves_for_good() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    let (window, why) = (Duration::ZERO, Leave::Replaced);
    session
        .say(CoordinatorMessage::GoAway { window, why })
        .await;
    session.closed().await;
    let left = tokio::time::timeout(PATIENCE, agent.left()).await;
    assert_eq!(left.unwrap(), Some(Leave::Replaced));
    assert!(agent.stop().await);
}

#[tokio::test]
async fn a_check_that_hangs_does_not_hold_up_the_end() {
    let mut fake = Fake::start().await;
    let (agent, _supervisor) = start(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    session
        .assign(vec![monitor(1, "https://hanging.example/").into()])
        .await;
    session.hear(assignment_ack).await;
    assert!(agent.stop().await);
    session.closed().await;
}

fn assignment_ack(message: Message) -> Option<v1::AssignmentAck> {
    match message {
        Message::AssignmentAck(ack) => Some(ack),
        _ => None,
    }
}
