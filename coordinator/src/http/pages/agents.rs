//! Agents, by region: who is here, who is not, and how they fare.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use vigilmon_common::name::Region;

use super::words::{When, counted};
use super::{Frame, Pages, Wanted};
use crate::engine::{AgentView, Directory};
use crate::visits::Visitor;

/// Monitors that an agent cannot check, of which it is said why.
const REJECTS: usize = 5;

struct AgentRow {
    id: String,
    name: String,
    state: &'static str,
    since: When,
    monitors: String,
    build: String,
    load: String,
    faults: Vec<String>,
}

struct RegionCard {
    id: String,
    name: String,
    summary: String,
    agents: Vec<AgentRow>,
}

#[derive(Template)]
#[template(path = "pages/agents.html", blocks = ["main"])]
struct AgentsPage {
    frame: Frame,
    verdict: (&'static str, String),
    regions: Vec<RegionCard>,
}

/// The page of agents.
pub(super) async fn page(State(pages): State<Pages>, visitor: Visitor, wanted: Wanted) -> Response {
    let frame = Frame::new(&pages, &visitor, "agents", "Agents");
    let page = {
        let directory = pages.site.engine.directory().read();
        let regions = directory.regions().keys();
        AgentsPage {
            frame,
            verdict: verdict(&directory),
            regions: regions.map(|region| card(region, &directory)).collect(),
        }
    };
    wanted.answer(&page.frame, &page, &page.as_main())
}

fn state(agent: &AgentView) -> &'static str {
    match (agent.record.revoked_at, agent.session) {
        (Some(_), _) => "revoked",
        (None, Some(_)) => "connected",
        (None, None) => "lost",
    }
}

fn verdict(directory: &Directory) -> (&'static str, String) {
    let agents = directory.agents().values();
    let (mut here, mut lost) = (0, 0);
    for agent in agents {
        here += usize::from(state(agent) == "connected");
        lost += usize::from(state(agent) == "lost");
    }
    match (here, lost) {
        (0, 0) => ("unknown", "No agent yet".to_owned()),
        (here, 0) => ("up", format!("{} connected", counted(here, "agent"))),
        (here, lost) => {
            let all = counted(here + lost, "agent");
            ("degraded", format!("{here} of {all} connected"))
        }
    }
}

fn card(region: &Region, directory: &Directory) -> RegionCard {
    let agents = directory.agents().values();
    let mut agents: Vec<&AgentView> = agents.filter(|a| a.record.region == *region).collect();
    // Who is missing comes first; who may not come back comes last.
    agents.sort_by_key(|a| {
        let place = match state(a) {
            "lost" => 0,
            "connected" => 1,
            _ => 2,
        };
        (place, a.record.name.clone())
    });
    let here = agents.iter().filter(|a| a.session.is_some()).count();
    RegionCard {
        id: region.to_string(),
        name: directory.display_name(region),
        summary: match here {
            0 if agents.is_empty() => String::new(),
            0 => "no agent connected: it has no vote".to_owned(),
            here => format!("{} connected", counted(here, "agent")),
        },
        agents: agents.into_iter().map(|a| row(a, directory)).collect(),
    }
}

fn row(agent: &AgentView, directory: &Directory) -> AgentRow {
    let health = agent.health.as_ref().filter(|_| agent.session.is_some());
    let mut faults: Vec<String> = health
        .map(|health| health.faults.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    for reject in agent.rejected.iter().take(REJECTS) {
        let monitor = directory.monitor_by_id(reject.monitor);
        let name = monitor.map_or_else(
            || reject.monitor.to_string(),
            |monitor| monitor.spec.name.to_string(),
        );
        faults.push(format!("cannot check {name}: {}", reject.text));
    }
    if agent.rejected.len() > REJECTS {
        let more = agent.rejected.len() - REJECTS;
        faults.push(format!("and {} more", counted(more, "monitor")));
    }
    let load = health.map(|health| {
        let late = vigilmon_common::duration::rounded(health.lateness_max);
        let mut load = format!("{} under way, at most {late} late", health.running);
        if health.skipped > 0 {
            load.push_str(&format!(", {} skipped", health.skipped));
        }
        if health.unacked > 0 {
            load.push_str(&format!(", {} results not yet stored", health.unacked));
        }
        load
    });
    AgentRow {
        id: agent.record.id.to_string(),
        name: agent.record.name.to_string(),
        state: state(agent),
        since: When::ago(agent.since),
        monitors: counted(agent.monitors, "monitor"),
        build: agent.record.build.clone(),
        load: load.unwrap_or_default(),
        faults,
    }
}
