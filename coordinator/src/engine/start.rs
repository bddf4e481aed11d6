//! The start of the engine: what was stored becomes owners, what was stored and not yet applied is
//! applied, effects included.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::decide::{MonitorState, Tie};
use vigilmon_common::fleet::presence::Presence;
use vigilmon_common::fleet::system;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::notify::plan;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::SharedClock;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use super::answers::Answers;
use super::applied::Applied;
use super::board::SharedBoard;

use super::directory::{Directory, SharedDirectory};
use super::dispatch::Dispatch;
use super::env::{Env, Notifier, RowIds};
use super::events::Events;
use super::fleet::{Fleet, MAILBOX as FLEET_MAILBOX, assign::Assignments, assign::Moved};
use super::handle::{Handle, owner_of};
use super::heartbeats::{self, Hearing, Heartbeats, OwnDowntime};
use super::incidents::SharedIncidents;
use super::janitor;
use super::owner::{MAILBOX, Owner, ShardMessage, TieChange};
use crate::metrics::Metrics;
use crate::store::{State, Stores};

/// More rows than one commit makes, as a power of two.
const ROWS_OF_A_COMMIT: u32 = 16;
/// Groups of results that are read at once when they are applied again.
const REPLAY_STEP: usize = 256;

/// What the engine needs.
pub struct Options {
    /// Where it keeps things.
    pub stores: Stores,
    /// By which it decides.
    pub clock: SharedClock,
    /// Who sends messages.
    pub notifier: Arc<dyn Notifier>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// How many shard owners; at least one.
    pub owners: usize,
    /// The coordinator's address for people, for links.
    pub public_url: String,
    /// What the agents may reach, where that is known here: all agents run in this process.
    pub probe_addresses: Option<Arc<AddressPolicy>>,
    /// Whether pings can reach it.
    pub hearing: Hearing,
    /// Bytes that the kept bodies of all pings may take together.
    pub bodies_max: u64,
}

/// Starts the engine on its supervisor: loads, applies again, spawns the owners.
///
/// # Errors
/// A store fails.
pub async fn start(options: Options, tasks: &Supervisor) -> anyhow::Result<Handle> {
    let state = options.stores.state.load().await?;
    let now = options.clock.now();
    let directory = SharedDirectory::new(Directory::load(&state, now));
    let env = environment(&options, &state);
    let (assignments, ties) = assign(&state, now);
    for (agent, view) in directory.write().agents_mut() {
        view.monitors = assignments.count(*agent);
    }
    let senders = start_owners(&env, &directory, &state, options.owners.max(1), tasks);
    tell_start(&senders, &directory, ties).await?;
    replay(&env, &senders, &state).await?;

    let (downtime_sender, downtime) = watch::channel(None);
    let heartbeats =
        start_heartbeats(&env, &directory, &state, &options, downtime_sender, tasks).await?;

    let (fleet_sender, fleet_mailbox) = mpsc::channel(FLEET_MAILBOX);
    let fleet = fleet(
        &env,
        &directory,
        (&senders, &heartbeats),
        assignments,
        &state,
        &options,
        now,
    );
    tasks.spawn(
        "fleet owner",
        Policy::Critical,
        fleet.run(fleet_mailbox, downtime, tasks.stop_token()),
    );
    tasks.spawn(
        "janitor",
        Policy::Critical,
        janitor::run(env.clone(), tasks.stop_token()),
    );
    tracing::info!(
        monitors = state.monitors.len(),
        heartbeats = state.heartbeats.len(),
        incidents = state.incidents.values().filter(|i| i.is_open()).count(),
        "engine started"
    );
    Ok(Handle {
        env,
        directory,
        owners: senders,
        heartbeats,
        fleet: fleet_sender,
        answers: Answers::default(),
        tasks: tasks.clone(),
    })
}

fn environment(options: &Options, state: &State) -> Env {
    let names = state.regions.values();
    let region_names = names
        .filter_map(|r| Some((r.region.clone(), r.display_name.clone()?)))
        .collect();
    let newest_row = state.rows.keys().max().copied().unwrap_or_default();
    // Settled rows are not in the state any more; each needed a commit, of which none makes so many.
    let newest_row = newest_row.max(state.commit.0 << ROWS_OF_A_COMMIT);
    Env {
        stores: options.stores.clone(),
        clock: Arc::clone(&options.clock),
        epoch: state.epoch,
        dispatch: Arc::new(Dispatch::default()),
        metrics: Arc::clone(&options.metrics),
        applied: Applied::new(state.applied),
        rows: Arc::new(RowIds::above(newest_row)),
        notifier: Arc::clone(&options.notifier),
        notify_directory: Arc::new(ArcSwap::from_pointee(plan::Directory {
            channels: state.channels.clone(),
            routes: state.routes.clone(),
            region_names,
            public_url: options.public_url.clone(),
            epoch: state.epoch,
        })),
        incidents: SharedIncidents::load(&state.incidents),
        events: Events::new(state.commit),
        board: SharedBoard::default(),
        changed: watch::channel(0).0,
        probe_addresses: options.probe_addresses.clone(),
    }
}

/// Deals out the monitors as they were: an agent that had a session when the process ended counts
/// as lost from now on until it comes; one that was gone before stays so.
fn assign(state: &State, now: Time) -> (Assignments, Vec<Moved>) {
    let mut assignments = Assignments::new(state.epoch, state.revision);
    for agent in state.agents.values() {
        assignments.set_agent(agent.id, &agent.region, Some(agent.lost_at.unwrap_or(now)));
        if agent.revoked_at.is_some() {
            assignments.revoke(agent.id);
        }
    }
    // Spans and revisions were recorded when it was first dealt out so.
    let dealt = assignments.reassign(state.monitors.values(), &[], now);
    (assignments, dealt.moved)
}

/// The shard owners, each with its monitors as they were.
fn start_owners(
    env: &Env,
    directory: &SharedDirectory,
    state: &State,
    count: usize,
    tasks: &Supervisor,
) -> Arc<[mpsc::Sender<ShardMessage>]> {
    let owners = adopt(
        env,
        directory,
        state.durables.clone(),
        count,
        env.clock.now(),
    );
    let start = |owner: Owner| {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let run = owner.run(mailbox, tasks.stop_token());
        tasks.spawn("shard owner", Policy::Critical, run);
        sender
    };
    owners.into_iter().map(start).collect()
}

fn adopt(
    env: &Env,
    directory: &SharedDirectory,
    mut durables: BTreeMap<vigilmon_common::id::MonitorId, vigilmon_common::decide::Durable>,
    count: usize,
    now: Time,
) -> Vec<Owner> {
    let mut owners: Vec<Owner> = (0..count).map(|_| Owner::new(env.clone())).collect();
    for monitor in directory.read().monitors() {
        let durable = durables.remove(&monitor.id).unwrap_or_default();
        let state = MonitorState::new(monitor, durable, env.epoch, now);
        owners[owner_of(monitor.id, count)].adopt(Arc::clone(monitor), state);
    }
    owners
}

/// Heartbeats as they were, brought up to date by the pings above the last checkpoint.
async fn start_heartbeats(
    env: &Env,
    directory: &SharedDirectory,
    state: &State,
    options: &Options,
    told: watch::Sender<Option<OwnDowntime>>,
    tasks: &Supervisor,
) -> anyhow::Result<Heartbeats> {
    let (mailbox, messages) = mpsc::channel(heartbeats::MAILBOX);
    let heartbeats = Heartbeats {
        mailbox,
        readings: Default::default(),
        board: Default::default(),
        hearing: options.hearing.clone(),
    };
    let mut owner = heartbeats::Owner::new(env.clone(), &heartbeats, told, options.bodies_max);
    let now = env.clock.now();
    for heartbeat in directory.read().heartbeats() {
        let durable = state.heartbeat_durables.get(&heartbeat.id);
        let durable = durable.cloned().unwrap_or_default();
        owner.adopt(heartbeat, durable, now);
    }
    owner.begin(state.pinged, state.alive).await?;
    tasks.spawn(
        "heartbeat owner",
        Policy::Critical,
        owner.run(messages, tasks.stop_token()),
    );
    Ok(heartbeats)
}

/// Ties first, then each monitor as it was saved: a crash between a pause and the closing of its
/// incident is made good here.
async fn tell_start(
    senders: &[mpsc::Sender<ShardMessage>],
    directory: &SharedDirectory,
    ties: Vec<Moved>,
) -> anyhow::Result<()> {
    let mut changes: Vec<Vec<TieChange>> = senders.iter().map(|_| Vec::new()).collect();
    for Moved {
        monitor,
        agent,
        region,
        tie,
    } in ties
    {
        debug_assert!(matches!(tie, Tie::Lost(_) | Tie::Revoked));
        changes[owner_of(monitor, senders.len())].push(TieChange {
            monitor,
            agent,
            region,
            tie,
        });
    }
    for (owner, changes) in senders.iter().zip(changes) {
        owner.send(ShardMessage::Ties(changes)).await?;
    }
    let monitors: Vec<Arc<Monitor>> = directory.read().monitors().cloned().collect();
    for monitor in monitors {
        let owner = &senders[owner_of(monitor.id, senders.len())];
        owner.send(ShardMessage::Saved(monitor)).await?;
    }
    Ok(())
}

/// What was stored above the mark goes through the owners again, save what came by a Backfill: it
/// made no votes then and makes none now.
async fn replay(
    env: &Env,
    senders: &[mpsc::Sender<ShardMessage>],
    state: &State,
) -> anyhow::Result<()> {
    let mut after = state.applied;
    let mut count = 0;
    loop {
        let chunks = env.stores.history.replay(after, REPLAY_STEP).await?;
        let Some(last) = chunks.last() else { break };
        after = last.no;
        let mut groups: Vec<Vec<_>> = senders.iter().map(|_| Vec::new()).collect();
        let live = chunks.into_iter().filter(|chunk| !chunk.back_filled);
        for result in live.flat_map(|chunk| chunk.results) {
            count += 1;
            groups[owner_of(result.result.monitor, senders.len())].push(result);
        }
        for (owner, results) in senders.iter().zip(groups) {
            owner.send(ShardMessage::Replay(results)).await?;
        }
    }
    if count > 0 {
        tracing::info!(
            results = count,
            "results from before the start applied again"
        );
    }
    Ok(())
}

fn fleet(
    env: &Env,
    directory: &SharedDirectory,
    (senders, heartbeats): (&Arc<[mpsc::Sender<ShardMessage>]>, &Heartbeats),
    assignments: Assignments,
    state: &State,
    options: &Options,
    now: Time,
) -> Fleet {
    let open = state.incidents.values().filter(|i| i.is_open());
    let system: BTreeMap<_, _> = open
        .filter_map(|i| Some((system::key_of(i)?, i.clone())))
        .collect();
    let lost = system
        .values()
        .filter(|i| i.reason.code == ReasonCode::RegionLost);
    let lost = lost.filter_map(|i| match &i.subject {
        vigilmon_common::incident::Subject::System(facts) => Region::parse(&facts.about).ok(),
        vigilmon_common::incident::Subject::Monitor(_) => None,
    });
    let mut presence = Presence::new(now, lost);
    let mut monitored: HashMap<Region, u32> = HashMap::new();
    for monitor in state.monitors.values().filter(|m| !m.paused) {
        for region in &monitor.spec.regions {
            *monitored.entry(region.clone()).or_default() += 1;
        }
    }
    for (region, &count) in &monitored {
        // Nothing can follow: a start is quiet.
        presence.on(
            region,
            vigilmon_common::fleet::presence::Input::Monitors(count),
            now,
        );
    }
    Fleet::new(
        env.clone(),
        directory.clone(),
        Arc::clone(senders),
        heartbeats.mailbox.clone(),
        assignments,
        presence,
        system,
        state.generations.clone(),
        monitored,
        options.public_url.clone(),
    )
}
