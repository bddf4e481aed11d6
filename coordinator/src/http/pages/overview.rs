//! The overview: all monitors, the worst first, and in one line how the heartbeats stand.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use vigilmon_common::decide::{Brief, Status, View};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;

use super::heartbeats::{self, Summary};
use super::list::{Around, Asked, Candidate, Filter, Listed, Selected, so_many};
use super::words::{When, counted, said, vote};
use super::{Frame, Pages, Wanted, no};
use crate::engine::Directory;
use crate::visits::Visitor;

/// A monitor with more regions shows its votes without their names.
const NAMED_MAX: usize = 4;

/// The words of the statuses that the list can be narrowed to, the worst first.
const WORDS: [&str; 6] = ["down", "failing", "degraded", "unknown", "up", "paused"];
static LISTED: Listed = Listed {
    path: "/",
    words: &WORDS,
};

/// The place among [`WORDS`]: how bad it is.
fn rank(brief: &Brief) -> usize {
    match (brief.status, brief.failing) {
        (Status::Down, _) => 0,
        (Status::Up | Status::Degraded | Status::Unknown, true) => 1,
        (Status::Degraded, false) => 2,
        (Status::Unknown, false) => 3,
        (Status::Up, false) => 4,
        (Status::Paused, _) => 5,
    }
}

/// Picks the monitors of a page.
fn select(directory: &Directory, board: &HashMap<MonitorId, Brief>, filter: &Filter) -> Selected {
    let candidate = |monitor: &std::sync::Arc<Monitor>| {
        let brief = board.get(&monitor.id)?;
        let rank = rank(brief);
        Some(Candidate {
            id: monitor.id,
            rank,
            since: (rank < 4).then_some(brief.since),
            wanted: filter.wants(|| texts(monitor)),
        })
    };
    Selected::of(filter, directory.monitors().filter_map(candidate))
}

/// What a monitor is found by: its name, its target as it is shown, its labels.
fn texts(monitor: &Monitor) -> impl Iterator<Item = String> {
    let spec = &monitor.spec;
    let labels = spec
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    [spec.name.to_string(), spec.target()]
        .into_iter()
        .chain(labels)
}

struct Vote {
    vote: &'static str,
    name: String,
    said: String,
}

struct Row {
    id: String,
    name: String,
    target: String,
    status: &'static str,
    /// Down in some regions only.
    failing: bool,
    since: When,
    why: String,
    votes: Vec<Vote>,
    named: bool,
}

#[derive(Template)]
#[template(path = "pages/overview.html", blocks = ["main"])]
struct OverviewPage {
    frame: Frame,
    verdict: (&'static str, String),
    /// How the heartbeats stand, where there are any.
    heartbeats: Option<Summary>,
    around: Around,
    rows: Vec<Row>,
}

/// The overview.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Query(asked): Query<Asked>,
) -> Response {
    let frame = Frame::new(&pages, &visitor, "overview", "Overview");
    let filter = Filter::of(&LISTED, &asked);
    let engine = &pages.site.engine;
    let selected = select(&engine.directory().read(), &engine.board().read(), &filter);
    let views = match engine.views(Some(&selected.ids)).await {
        Ok(views) => views,
        Err(error) => return no(&error),
    };
    let around = Around::new(&filter, &selected);
    let page = OverviewPage {
        verdict: verdict(&selected.counts, around.exist),
        heartbeats: heartbeats::summary(&frame.heartbeats),
        around,
        rows: rows(&engine.directory().read(), &views, &selected.ids),
        frame,
    };
    wanted.answer(&page.frame, &page, &page.as_main())
}

/// The first thing that is read: how bad it is.
fn verdict(counts: &[usize], exist: usize) -> (&'static str, String) {
    let total: usize = counts.iter().sum();
    let of = |count: usize| so_many(count, total, "monitor");
    let [down, failing, degraded, unknown, up, _] = counts else {
        return ("unknown", String::new());
    };
    match () {
        () if exist == 0 => ("unknown", "Nothing is watched".to_owned()),
        () if total == 0 => ("unknown", "No monitor matches".to_owned()),
        () if *down > 0 => ("down", format!("{} down", of(*down))),
        () if *failing > 0 => (
            "degraded",
            format!("{} failing in some regions", of(*failing)),
        ),
        () if *degraded > 0 => ("degraded", format!("{} degraded", of(*degraded))),
        () if *unknown > 0 => ("unknown", format!("{} waiting for votes", of(*unknown))),
        () if *up > 0 => ("up", format!("{} up", of(*up))),
        () => ("paused", format!("{} paused", of(total))),
    }
}

fn rows(directory: &Directory, views: &HashMap<MonitorId, View>, ids: &[MonitorId]) -> Vec<Row> {
    let row = |id: &MonitorId| {
        let (monitor, view) = (directory.monitor_by_id(*id)?, views.get(id)?);
        let name = |region: &Region| directory.display_name(region);
        let votes = view.regions.iter().map(|region| Vote {
            vote: vote(region.standing),
            name: name(&region.region),
            said: said(region),
        });
        Some(Row {
            id: id.to_string(),
            name: monitor.spec.name.to_string(),
            target: monitor.spec.target(),
            status: view.status.as_str(),
            failing: view.status != Status::Down && view.failing_since.is_some(),
            since: When::ago(view.since),
            why: why(view, &name),
            votes: votes.collect(),
            named: view.regions.len() <= NAMED_MAX,
        })
    };
    ids.iter().filter_map(row).collect()
}

/// What fails and where; or why nothing is known.
fn why(view: &View, name: &dyn Fn(&Region) -> String) -> String {
    let failing = view.regions.iter().filter(|r| vote(r.standing) == "down");
    let mut reasons: Vec<String> = Vec::new();
    let mut regions = Vec::new();
    for region in failing {
        let said = said(region);
        if !reasons.contains(&said) {
            reasons.push(said);
        }
        regions.push(name(&region.region));
    }
    if regions.is_empty() {
        return view.reason.clone();
    }
    let all = counted(view.regions.len(), "region");
    format!(
        "{} — {}, {} of {all}",
        reasons.join(", "),
        regions.join(", "),
        regions.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_said_first() {
        let said = |counts: [usize; 6]| verdict(&counts, counts.iter().sum()).1;
        assert_eq!(said([1, 0, 0, 0, 2, 0]), "1 of 3 monitors is down");
        assert_eq!(said([3, 0, 0, 0, 0, 0]), "All monitors are down");
        assert_eq!(said([0, 0, 0, 0, 1, 0]), "The monitor is up");
        assert_eq!(
            said([0, 2, 1, 0, 2, 0]),
            "2 of 5 monitors are failing in some regions"
        );
        assert_eq!(said([0; 6]), "Nothing is watched");
        assert_eq!(verdict(&[0; 6], 3).1, "No monitor matches");
        assert_eq!(said([0, 0, 0, 0, 0, 2]), "All monitors are paused");
    }
}
