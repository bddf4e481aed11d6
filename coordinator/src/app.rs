//! The coordinator as a whole: its parts in order, up and down.
//!
//! Up: folder, listeners, stores, engine, notifier, doors. Down, within a bound: readiness turns
//! red, deadlines of heartbeats fire no more, sessions are let go, doors close, the notifier ends its attempts, the engine drains, the
//! stores close.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use url::Url;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::heartbeat::BODIES_TOTAL_MAX;
use vigilmon_common::id::Epoch;
use vigilmon_runtime::clock::SharedClock;
use vigilmon_runtime::supervisor::{Policy, Supervisor};
use vigilmon_runtime::{descriptors, random};

use crate::context;
use crate::demo::DemoSite;
use crate::doorway::Listener;
use crate::engine::{self, Actor, Handle, Knocks};
use crate::grpc::agent::AgentDoor;
use crate::grpc::{self, Api};
use crate::http::demo::{Demo, Letter, PAGES_MAX};
use crate::http::{self, Door, Hosts, Pings, Readiness, Site};
use crate::joints::Around;
use crate::metrics::Metrics;
use crate::notify::check::Checker;
use crate::notify::email::Smtp;
use crate::notify::inbox::{Inbox, InboxMessage};
use crate::notify::{self, Senders, StoredOutbox};
use crate::options::Options;
use crate::secret::SecretKey;
use crate::store::{self, DataDir, Stores};
use crate::tls::{self, Authority, Secure};
use crate::visits::{self, Pass, SharedVisits};

mod faces;
mod listeners;

use faces::Faces;
use listeners::{Listeners, listen};

/// How long each step of the way down may take; together they stay within ten seconds.
const STEP_PATIENCE: Duration = Duration::from_secs(2);
/// Where the demonstration's site is served, if the port is free.
const DEMO_PORT: u16 = 8442;
/// What readiness waits for in every coordinator, once its doors are open.
const CONTEXT: &str = "context.toml";

/// What only `vigilmon up` has.
#[derive(Debug, Default)]
pub struct Local {
    /// What the agents in this process may reach.
    pub probe_addresses: Option<AddressPolicy>,
    /// Names of further things that readiness waits for.
    pub waits_for: Vec<String>,
    /// Whether the demonstration runs.
    pub demo: bool,
}

/// A running coordinator.
pub struct App {
    /// The way into the engine.
    pub engine: Handle,
    /// What is not there yet.
    pub readiness: Readiness,
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// The authority to trust, in PEM form.
    pub ca: String,
    /// The context file for the command line.
    pub context: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The address for people.
    pub public_url: Url,
    /// The demonstration's site, if it runs.
    pub demo: Option<Demo>,
    shown: Faces,
    visits: SharedVisits,
    stores: Stores,
    doors: Supervisor,
    notifier: Supervisor,
    core: Supervisor,
    _folder: DataDir,
}

impl App {
    /// Starts everything; when it returns the doors are open.
    ///
    /// # Errors
    /// A port is in use, the folder will not do, a store is damaged …: the message says what to do.
    pub async fn start(options: Options, local: Local, clock: SharedClock) -> anyhow::Result<Self> {
        vigilmon_runtime::tls::install_provider();
        let folder = DataDir::open(&options.data)?;
        let data = folder.path().to_owned();
        let listeners = listen(&options)?;
        let key = SecretKey::open(&data)?;
        let authority = Authority::open(&data)?;
        let epoch = Epoch::new(clock.now(), random::bytes());
        let opened = store::open(&folder, epoch, Arc::new(key.clone())).await?;
        let stores = opened.stores;
        let (http, grpc) = (listeners.http.local_addr()?, listeners.grpc.local_addr()?);
        let public_url = public_url(&options, http)?;

        let core = Supervisor::new(CancellationToken::new());
        let (engine, mailbox, metrics) =
            start_engine(&options, &local, &stores, &clock, &public_url, &core).await?;
        let channels = checker(&key, &options, &local);
        let inbox = Inbox::default();
        let notifier = core.sibling();
        let (addresses, smtp) = (channels.addresses.clone(), options.smtp.clone());
        let senders = (key, addresses, smtp, inbox.clone());
        start_notifier(
            senders, &stores, &engine, clock, metrics, mailbox, &notifier,
        )?;

        let doors = core.sibling();
        let demo = start_demo(local.demo, (&engine, http, &channels.key), &inbox, &doors).await?;
        let names = tls::own_names(grpc, host_name());
        let shown = Faces::new(authority.certificate(&names)?, &options);
        let visits = SharedVisits::default();
        let site = (demo.clone(), &public_url, &visits);
        let faces = (shown.clone(), options.reflection);
        let asked = (channels, around(&options, &data));
        // From here on pings are taken: what could not be heard before is told ahead of them.
        engine.hearing().begins();
        let readiness = open_doors(listeners, faces, asked, &engine, site, &local, &doors)?;
        let context = context::keep(&data, endpoint(grpc), &engine).await?;
        readiness.there(CONTEXT);
        tracing::info!(%http, %grpc, data = %data.display(), "coordinator started");
        Ok(Self {
            engine,
            readiness,
            http,
            grpc,
            ca: authority.pem().to_owned(),
            context,
            data,
            public_url,
            demo,
            shown,
            visits,
            stores,
            doors,
            notifier,
            core,
            _folder: folder,
        })
    }

    /// A link that signs in once, as much as the context file's token may do.
    ///
    /// # Errors
    /// The context file cannot be read, or its token is no longer good.
    pub fn sign_in_link(&self) -> anyhow::Result<String> {
        let token = context::read(&self.context)?.token;
        let token = self.engine.api_token(&token);
        let token = token.context("the token of context.toml is revoked or expired")?;
        let now = self.engine.clock().now();
        let secret = self.visits.link(Pass::of(&token, token.role), now);
        Ok(visits::link_url(self.public_url.as_str(), &secret))
    }

    /// Waits until `stop`, or until a part fails that the rest cannot do without.
    pub async fn wait(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.core.failed_token().cancelled_owned() => {}
        }
    }

    /// Takes what may change while it runs: the operator's certificates.
    pub fn change(&self, options: &Options) {
        self.shown.change(options);
    }

    /// Ends everything in order.
    ///
    /// # Errors
    /// A critical part had failed, or a store cannot be closed.
    pub async fn shut_down(self) -> anyhow::Result<()> {
        self.readiness.gone("the coordinator is stopping");
        self.engine.hearing().ends(self.engine.clock().now());
        self.engine.close_sessions();
        let parts = [
            ("doors", &self.doors),
            ("notifier", &self.notifier),
            ("engine", &self.core),
        ];
        for (part, tasks) in parts {
            if !tasks.shut_down(STEP_PATIENCE).await {
                tracing::warn!(part, "did not end in time");
            }
        }
        let failed = self.core.has_failed();
        let closed = self.stores.close().await;
        if let Some(failure) = self.stores.failure() {
            return Err(failure.into());
        }
        closed?;
        anyhow::ensure!(
            !failed,
            "a part failed that the coordinator cannot do without"
        );
        tracing::info!("coordinator stopped");
        Ok(())
    }
}

/// What checks and seals channels.
fn checker(key: &SecretKey, options: &Options, local: &Local) -> Checker {
    Checker {
        key: key.clone(),
        addresses: notify_addresses(options, local.probe_addresses.is_some()),
        mail: options.smtp.is_some(),
    }
}

/// What the doctor is told of beside the engine.
fn around(options: &Options, data: &Path) -> Around {
    Around {
        smtp: options.smtp.clone(),
        data: data.to_owned(),
    }
}

/// The notifier on tasks of its own: it ends before the engine does.
fn start_notifier(
    (key, addresses, smtp, inbox): (SecretKey, AddressPolicy, Option<Smtp>, Inbox),
    stores: &Stores,
    engine: &Handle,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    mailbox: notify::Mailbox,
    tasks: &Supervisor,
) -> anyhow::Result<()> {
    let worker = notify::Worker::new(notify::Options {
        outbox: Arc::new(StoredOutbox::new(Arc::clone(&stores.state))),
        channels: Arc::new(engine.clone()),
        senders: Senders::new(key, addresses, smtp, inbox)?,
        clock,
        metrics,
    });
    let run = worker.run(mailbox, tasks.stop_token());
    tasks.spawn("notifier", Policy::Critical, run);
    Ok(())
}

fn letter(message: InboxMessage) -> Letter {
    Letter {
        at: message.at,
        event: message.event,
        subject: message.subject,
        text: message.text,
    }
}

/// The engine, with the regions that exist from the start.
async fn start_engine(
    options: &Options,
    local: &Local,
    stores: &Stores,
    clock: &SharedClock,
    public_url: &Url,
    core: &Supervisor,
) -> anyhow::Result<(Handle, notify::Mailbox, Arc<Metrics>)> {
    let metrics = Arc::new(Metrics::new());
    let (sender, mailbox) = notify::channel();
    let engine = engine::Options {
        stores: stores.clone(),
        clock: Arc::clone(clock),
        notifier: Arc::new(sender),
        metrics: Arc::clone(&metrics),
        owners: options.owners,
        public_url: link_base(public_url),
        probe_addresses: local.probe_addresses.clone().map(Arc::new),
        hearing: engine::Hearing::not_yet(),
        bodies_max: BODIES_TOTAL_MAX,
    };
    let engine = engine::start(engine, core).await?;
    for region in &options.regions {
        engine
            .add_region(Actor::coordinator(), region.clone())
            .await?;
    }
    for (region, name) in &options.display_names {
        engine
            .update_region(Actor::coordinator(), region.clone(), Some(name.clone()))
            .await?;
    }
    Ok((engine, mailbox, metrics))
}

/// What notifications may reach: as far as the agents of `vigilmon up` while the doors are on
/// loopback, else public addresses and what the operator allowed.
fn notify_addresses(options: &Options, is_up: bool) -> AddressPolicy {
    let policy = match is_up && options.is_local() {
        true => AddressPolicy::local(),
        false => AddressPolicy::new(Vec::new()),
    };
    policy.with(options.allow_net.iter().copied())
}

async fn start_demo(
    wanted: bool,
    (engine, http, key): (&Handle, SocketAddr, &SecretKey),
    inbox: &Inbox,
    doors: &Supervisor,
) -> anyhow::Result<Option<Demo>> {
    if !wanted {
        return Ok(None);
    }
    // The same port after a restart keeps the monitors' targets; any other will do.
    let listener = match TcpListener::bind(("127.0.0.1", DEMO_PORT)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
    };
    let site = DemoSite::default();
    let site_address = listener.local_addr()?;
    let serve = site.clone().serve(listener, doors.stop_token());
    doors.spawn("demo site", Policy::BestEffort, serve);
    let inbox = inbox.clone();
    let read = move || inbox.messages().into_iter().map(letter).collect();
    Ok(Some(Demo {
        engine: engine.clone(),
        site,
        site_address,
        http,
        key: key.clone(),
        inbox: Arc::new(read),
        places: Arc::new(Semaphore::new(PAGES_MAX)),
        stop: doors.stop_token(),
    }))
}

/// Serves gRPC and HTTP; what readiness still waits for then.
fn open_doors(
    listeners: Listeners,
    (shown, reflection): (Faces, bool),
    (channels, around): (Checker, Around),
    engine: &Handle,
    (demo, public_url, visits): (Option<Demo>, &Url, &SharedVisits),
    local: &Local,
    doors: &Supervisor,
) -> anyhow::Result<Readiness> {
    let waits = std::iter::once(CONTEXT.to_owned()).chain(local.waits_for.iter().cloned());
    let site = Site {
        engine: engine.clone(),
        readiness: Readiness::waiting_for(waits),
        hosts: Arc::new(Hosts::new(public_url, listeners.http.local_addr().ok())),
        public_url: Arc::new(public_url.clone()),
        visits: visits.clone(),
        key: channels.key.clone(),
        stop: doors.stop_token(),
    };
    let readiness = site.readiness.clone();
    let key = channels.key.clone();
    let pings = Pings::new(engine.clone(), key.clone());
    let api = Api {
        engine: engine.clone(),
        public_url: link_base(public_url).into(),
        key,
        channels: Arc::new(channels),
        surroundings: Arc::new(around),
        stop: doors.stop_token(),
        visits: visits.clone(),
        demo: demo.as_ref().map(|demo| demo.site.clone()),
    };
    open_grpc(listeners.grpc, shown.grpc.grpc()?, api, reflection, doors);
    if let Some(listener) = listeners.metrics {
        serve_http(listener, http::metrics_router(site.clone()), None, doors);
    }
    let pages = http::router(site, demo);
    let pings = Some(pings);
    match shown.http {
        Some(shown) => {
            let address = listeners.http.local_addr()?;
            let (config, knocks) = (shown.https()?, engine.knocks());
            let stop = doors.stop_token();
            let connections = tls::accept(listeners.http, config, knocks, doors, stop);
            serve_http(
                Secure {
                    address,
                    connections,
                },
                pages,
                pings,
                doors,
            );
        }
        None => serve_http(listeners.http, pages, pings, doors),
    }
    Ok(readiness)
}

fn open_grpc(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    api: Api,
    reflection: bool,
    doors: &Supervisor,
) {
    let stop = doors.stop_token();
    let connections = tls::accept(listener, config, Knocks::unheeded(), doors, stop.clone());
    let agents = AgentDoor::new(api.engine.clone(), doors.clone());
    let incoming = ReceiverStream::new(connections);
    let serve = grpc::serve(api, agents, reflection, incoming, stop.cancelled_owned());
    doors.spawn("gRPC server", Policy::Critical, serve);
}

/// Where people reach the pages, unless the operator says otherwise: where they are served.
fn public_url(options: &Options, http: SocketAddr) -> Result<Url, url::ParseError> {
    let certificate = options.http_certificate.as_ref();
    let scheme = certificate.map_or("http", |_| "https");
    let own = || Url::parse(&format!("{scheme}://{http}"));
    options.public_url.clone().map_or_else(own, Ok)
}

/// What links begin with.
fn link_base(public_url: &Url) -> String {
    public_url.as_str().trim_end_matches('/').to_owned()
}

fn serve_http<L>(listener: L, router: Router, pings: Option<Pings>, doors: &Supervisor)
where
    L: Listener,
{
    let door = Door::new(router, pings, descriptors::raise());
    let serve = http::serve(listener, door, doors.stop_token());
    doors.spawn("HTTP server", Policy::Critical, serve);
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_owned())
}

/// How the command line on this machine reaches gRPC.
fn endpoint(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("https://localhost:{}", address.port());
    }
    format!("https://{address}")
}
