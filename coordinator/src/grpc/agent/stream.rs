//! One session's stream: the loop around [`CoordinatorEnd`].
//!
//! `select` chooses what happened, `apply` lets the machine decide and performs what follows.
//! Batches are handed to the engine in their order, several may be on their way to the disk, and
//! one ack covers all that have become durable meanwhile.

use std::future::ready;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt};
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use vigilmon_common::id::{AgentId, SessionId};
use vigilmon_common::name::Region;
use vigilmon_common::result::CheckResult;
use vigilmon_common::session::admission;
use vigilmon_common::session::assignment::Snapshot;
use vigilmon_common::session::coordinator::{
    Admitted, Closed, CoordinatorEnd, Effect, Input, Judge,
};
use vigilmon_common::session::messages::{AgentMessage, CoordinatorMessage, Hello, Leave};
use vigilmon_common::time::Time;
use vigilmon_proto::convert::session::{agent_message_from_wire, coordinator_message_to_wire};
use vigilmon_proto::v1;
use vigilmon_runtime::clock::SharedClock;
use vigilmon_runtime::{fault, random};

use super::{Door, Live, first, malformed, refused};
use crate::engine::{Arrival, CommandError, SESSION_QUEUE, ToAgent};
use crate::grpc::error;
use crate::store::AgentTokenRecord;

/// Batches of one agent that may be on their way to the disk; more wait on the stream.
const BATCHES_ON_THEIR_WAY: usize = 64;
/// How long a writer may be stuck before its agent counts as gone.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// How long results that came before a stop may take to be acked.
const DRAIN_WAIT: Duration = Duration::from_secs(2);
/// A wall clock that differs from the monotonic one by more has been set.
const STEP: Duration = Duration::from_secs(1);

type Outbound = mpsc::Sender<Result<v1::CoordinatorMessage, Status>>;
type OnItsWay = Either<std::future::Ready<Stored>, BoxFuture<'static, Stored>>;
/// The number of the last result of a batch that is durable.
type Stored = Result<u64, CommandError>;

/// Serves one session until it ends, and tells the agent why when it was not its own wish.
pub(super) async fn serve(
    door: Arc<Door>,
    token: AgentTokenRecord,
    mut inbound: Streaming<v1::AgentMessage>,
    out: Outbound,
) {
    let served = async {
        let hello = hello(&door, &mut inbound).await?;
        let (session, effects) = Session::open(&door, &token, hello, inbound, out.clone()).await?;
        let (agent, id) = (session.agent, session.id);
        let ended = session.run(effects).await;
        door.live().remove(&id);
        door.engine.disconnect(agent, id).await;
        ended
    };
    if let Err(status) = served.await {
        tracing::info!(region = %token.region, error = status.message(), "agent session ended");
        // Where the agent has gone there is nobody to tell.
        let _ = out.try_send(Err(status));
    }
}

async fn hello(door: &Door, inbound: &mut Streaming<v1::AgentMessage>) -> Result<Hello, Status> {
    let wire = first(inbound, "Hello").await?;
    let now = door.engine.clock().now();
    let nobody_yet = AgentId::from_bytes([0; 16]);
    match agent_message_from_wire(wire, nobody_yet, now) {
        Ok(AgentMessage::Hello(hello)) => Ok(hello),
        Ok(_) => Err(Status::invalid_argument("the first message must be Hello")),
        Err(invalid) => Err(malformed(&invalid)),
    }
}

struct Session {
    door: Arc<Door>,
    agent: AgentId,
    id: SessionId,
    region: Region,
    end: CoordinatorEnd,
    clock: Steps,
    inbound: Streaming<v1::AgentMessage>,
    out: Outbound,
    from_engine: mpsc::Receiver<ToAgent>,
    judges: mpsc::Receiver<oneshot::Sender<Judge>>,
    on_their_way: FuturesOrdered<OnItsWay>,
    snapshot: Option<BoxFuture<'static, Result<Snapshot, CommandError>>>,
    stop: CancellationToken,
    /// Since when, by the monotonic clock, nothing new is taken.
    draining: Option<Duration>,
}

/// What happened.
enum Event {
    Message(Result<Option<v1::AgentMessage>, Status>),
    Engine(Option<ToAgent>),
    Stored(Stored),
    Snapshot(Result<Snapshot, CommandError>),
    Judge(oneshot::Sender<Judge>),
    Time,
    Stop,
    Gone,
}

impl Session {
    async fn open(
        door: &Arc<Door>,
        token: &AgentTokenRecord,
        hello: Hello,
        inbound: Streaming<v1::AgentMessage>,
        out: Outbound,
    ) -> Result<(Self, Vec<Effect>), Status> {
        let protocol = admission::check(&hello, &token.region).map_err(|r| refused(&r))?;
        let clock = Steps::new(Arc::clone(door.engine.clock()));
        let (at, bytes) = random::for_id(clock.wall());
        let arrival = Arrival {
            token: token.id,
            name: hello.name.clone(),
            region: hello.region.clone(),
            boot: hello.boot,
            build: hello.build.clone(),
            session: SessionId::new(at, bytes),
        };
        let (agent, id) = (arrival.agent(), arrival.session);
        let admitted = door.fences().admit(agent, hello.boot);
        admitted.map_err(|r| refused(&r))?;
        let (to_session, from_engine) = mpsc::channel(SESSION_QUEUE);
        let assignment = door.engine.connect(arrival, to_session).await;
        let assignment = assignment.map_err(error::status)?;
        let (judge, judges) = mpsc::channel(1);
        let live = Live {
            agent,
            token: token.id,
            judge,
        };
        door.live().insert(id, live);
        let mut effects = Vec::new();
        let admitted = Admitted {
            agent,
            session: id,
            protocol,
            assignment,
        };
        let end = CoordinatorEnd::open(&hello, admitted, clock.wall(), &mut effects);
        let session = Self {
            door: Arc::clone(door),
            agent,
            id,
            region: hello.region,
            end,
            clock,
            inbound,
            out,
            from_engine,
            judges,
            on_their_way: FuturesOrdered::new(),
            snapshot: None,
            stop: door.tasks.stop_token(),
            draining: None,
        };
        Ok((session, effects))
    }

    async fn run(mut self, mut effects: Vec<Effect>) -> Result<(), Status> {
        if self.perform(&mut effects).await?.is_break() {
            return Ok(());
        }
        loop {
            let event = self.select().await;
            if self.apply(event, &mut effects).await?.is_break() {
                return Ok(());
            }
        }
    }

    async fn select(&mut self) -> Event {
        let takes = self.draining.is_none();
        let reads = takes && self.on_their_way.len() < BATCHES_ON_THEIR_WAY;
        let wait = self.next_wake();
        tokio::select! {
            // What the engine says comes first: after it let the session go, nothing that the
            // agent said before counts any more.
            biased;
            said = self.from_engine.recv(), if takes => Event::Engine(said),
            Some(stored) = self.on_their_way.next() => Event::Stored(stored),
            message = self.inbound.message(), if reads => Event::Message(message),
            fetched = fetched(&mut self.snapshot) => Event::Snapshot(fetched),
            Some(ask) = self.judges.recv() => Event::Judge(ask),
            () = self.stop.cancelled(), if takes => Event::Stop,
            () = self.out.closed() => Event::Gone,
            () = tokio::time::sleep(wait) => Event::Time,
        }
    }

    fn next_wake(&self) -> Duration {
        let now = self.clock.wall();
        let due = self.end.next_wake().map_or(WRITE_WAIT, |at| at.since(now));
        let drained = self.draining.map(|since| {
            let over = since + DRAIN_WAIT;
            over.saturating_sub(self.clock.monotonic())
        });
        drained.map_or(due, |left| left.min(due))
    }

    async fn apply(
        &mut self,
        event: Event,
        effects: &mut Vec<Effect>,
    ) -> Result<ControlFlow<()>, Status> {
        let (now, stepped) = self.clock.now();
        if let Some(by_millis) = stepped {
            self.end.clock_stepped(by_millis);
        }
        let input = match event {
            Event::Message(Ok(Some(wire))) => {
                let message = agent_message_from_wire(wire, self.agent, now);
                Input::Received(message.map_err(|invalid| malformed(&invalid))?)
            }
            Event::Message(Ok(None)) | Event::Gone => return Ok(ControlFlow::Break(())),
            Event::Message(Err(status)) => return Err(status),
            Event::Engine(Some(said)) => self.said(said),
            Event::Engine(None) => {
                return Err(Status::aborted(
                    "a newer session took over, or this one was too slow",
                ));
            }
            Event::Stored(stored) => self.durable(stored)?,
            Event::Snapshot(snapshot) => {
                self.snapshot = None;
                Input::Snapshot(snapshot.map_err(error::status)?)
            }
            Event::Judge(ask) => {
                // Whoever asked may have gone.
                let _ = ask.send(self.end.judge().clone());
                return Ok(ControlFlow::Continue(()));
            }
            Event::Stop => self.drain(),
            Event::Time => Input::Tick,
        };
        self.end.on(input, now, effects);
        if self.perform(effects).await?.is_break() || self.is_drained() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn said(&mut self, said: ToAgent) -> Input {
        match said {
            ToAgent::Delta(delta) => Input::Delta(delta),
            ToAgent::CheckNow(ask) => Input::CheckNow(ask),
            ToAgent::AskSummary(monitors) => Input::AskSummary(monitors),
            ToAgent::Close(Leave::Drain) => self.drain(),
            ToAgent::Close(why) => Input::Leave(why),
        }
    }

    /// One ack for this batch and all behind it that are durable too.
    fn durable(&mut self, stored: Stored) -> Result<Input, Status> {
        let mut seq = stored.map_err(error::status)?;
        while let Some(Some(next)) = self.on_their_way.next().now_or_never() {
            seq = next.map_err(error::status)?;
        }
        fault::point("before-ack");
        Ok(Input::Durable(seq))
    }

    fn drain(&mut self) -> Input {
        self.draining.get_or_insert(self.clock.monotonic());
        Input::Leave(Leave::Drain)
    }

    fn is_drained(&self) -> bool {
        self.draining.is_some_and(|since| {
            self.end.is_settled() || self.clock.monotonic() >= since + DRAIN_WAIT
        })
    }

    async fn perform(&mut self, effects: &mut Vec<Effect>) -> Result<ControlFlow<()>, Status> {
        let engine = &self.door.engine;
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(message) => send(&self.out, &message).await?,
                Effect::Results { results, seq } => {
                    let handed_over = hand_over(&self.door, &self.region, results, seq).await?;
                    self.on_their_way.push_back(handed_over);
                }
                Effect::Summary(entries) => {
                    let heard = engine.summary(self.agent, entries).await;
                    heard.map_err(error::status)?;
                }
                Effect::Rejected(rejects) => engine.agent_said(self.agent, None, Some(rejects)),
                Effect::Health(health) => engine.agent_said(self.agent, Some(health), None),
                Effect::Gap(gap) => tracing::warn!(
                    agent = %self.agent, monitor = %gap.monitor, reason = gap.why.as_str(),
                    from = %gap.from, to = %gap.to, count = gap.count, "slots without result"
                ),
                Effect::Answer { nonce, answer } => engine.answer(nonce, answer.map(|r| *r)),
                Effect::WantSnapshot => {
                    let (engine, agent) = (engine.clone(), self.agent);
                    let fetch = async move { engine.snapshot(agent).await };
                    self.snapshot = Some(fetch.boxed());
                }
                Effect::ClockOff(Some(by_millis)) => {
                    tracing::warn!(agent = %self.agent, by_millis, "the agent's clock is off");
                }
                Effect::ClockOff(None) => {
                    tracing::info!(agent = %self.agent, "the agent's clock is right again");
                }
                Effect::Close(why) => return closed(why),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The engine takes the results now and says later when they are durable.
async fn hand_over(
    door: &Door,
    region: &Region,
    results: Vec<CheckResult>,
    seq: u64,
) -> Result<OnItsWay, Status> {
    if results.is_empty() {
        return Ok(Either::Left(ready(Ok(seq))));
    }
    let handed_over = door.engine.results(region, results).await;
    let handed_over = handed_over.map_err(error::status)?;
    let durable = async move { handed_over.durable().await.map(|()| seq) };
    Ok(Either::Right(durable.boxed()))
}

async fn send(out: &Outbound, message: &CoordinatorMessage) -> Result<(), Status> {
    let wire = coordinator_message_to_wire(message);
    let sent = tokio::time::timeout(WRITE_WAIT, out.send(Ok(wire))).await;
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Status::cancelled("the agent has gone")),
        Err(_) => Err(Status::deadline_exceeded("the agent does not read")),
    }
}

/// The snapshot that is being fetched; without one, never.
async fn fetched(
    snapshot: &mut Option<BoxFuture<'static, Result<Snapshot, CommandError>>>,
) -> Result<Snapshot, CommandError> {
    match snapshot {
        Some(fetch) => fetch.await,
        None => std::future::pending().await,
    }
}

fn closed(why: Closed) -> Result<ControlFlow<()>, Status> {
    match why {
        // GoAway has said why.
        Closed::Left(_) => Ok(ControlFlow::Break(())),
        Closed::Silent => Err(Status::deadline_exceeded(why.to_string())),
        Closed::OutOfOrder { .. } | Closed::BeyondCredits | Closed::SecondHello => {
            Err(Status::invalid_argument(why.to_string()))
        }
    }
}

/// The wall clock, and whether it was set since one last looked.
struct Steps {
    clock: SharedClock,
    wall: Time,
    monotonic: Duration,
}

impl Steps {
    fn new(clock: SharedClock) -> Self {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        Self {
            clock,
            wall,
            monotonic,
        }
    }

    fn wall(&self) -> Time {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The time, and by how many milliseconds the wall clock was set forward.
    fn now(&mut self) -> (Time, Option<i64>) {
        let (wall, monotonic) = (self.clock.now(), self.clock.monotonic());
        let expected = self.wall + monotonic.saturating_sub(self.monotonic);
        let by_millis = wall.as_millis().saturating_sub(expected.as_millis());
        let is_step = u128::from(by_millis.unsigned_abs()) > STEP.as_millis();
        (self.wall, self.monotonic) = (wall, monotonic);
        (wall, is_step.then_some(by_millis))
    }
}
