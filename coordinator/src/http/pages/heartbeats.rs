//! The list of heartbeats, the worst first, and how they all stand in one line.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use vigilmon_common::heartbeat::{Brief, Heartbeat, HeartbeatStatus, View};
use vigilmon_common::id::MonitorId;

use super::list::{Around, Asked, Candidate, Filter, Listed, Selected, so_many};
use super::words::{When, counted};
use super::{Frame, Pages, Wanted, no, schedule};
use crate::engine::Directory;
use crate::visits::Visitor;

const WORDS: [&str; HeartbeatStatus::ALL.len()] = ["down", "late", "new", "up", "paused"];
static LISTED: Listed = Listed {
    path: "/heartbeats",
    words: &WORDS,
};

/// How many heartbeats there are of each status, in the order of [`HeartbeatStatus::ALL`].
pub(super) type Counts = [usize; WORDS.len()];

/// Counts a board.
pub(super) fn counts(board: &HashMap<MonitorId, Brief>) -> Counts {
    let mut counts = Counts::default();
    for brief in board.values() {
        counts[rank(brief.status)] += 1;
    }
    counts
}

/// How many somebody should look at: those that are down or late.
pub(super) const fn wrong(counts: &Counts) -> usize {
    counts[0] + counts[1]
}

/// How all heartbeats stand: `12 heartbeats: 11 up, 1 down`.
pub(super) struct Summary {
    /// The status of the worst.
    pub(super) status: &'static str,
    pub(super) total: String,
    /// The word and how many, what is well first.
    pub(super) parts: Vec<(&'static str, usize)>,
}

/// `None` where there is none.
pub(super) fn summary(counts: &Counts) -> Option<Summary> {
    let worst = counts.iter().position(|count| *count > 0)?;
    let parts = [3, 0, 1, 2, 4].map(|place| (WORDS[place], counts[place]));
    Some(Summary {
        status: WORDS[worst],
        total: counted(counts.iter().sum(), "heartbeat"),
        parts: parts.into_iter().filter(|(_, count)| *count > 0).collect(),
    })
}

fn rank(status: HeartbeatStatus) -> usize {
    match status {
        HeartbeatStatus::Down => 0,
        HeartbeatStatus::Late => 1,
        HeartbeatStatus::New => 2,
        HeartbeatStatus::Up => 3,
        HeartbeatStatus::Paused => 4,
    }
}

/// Why it stands as it does. A time in it is told as how far away it is, so that it stays true
/// while the page is open.
pub(super) struct Why {
    pub(super) text: String,
    pub(super) at: Option<When>,
}

impl Why {
    /// `None` where nothing is to be said.
    pub(super) fn of(view: &View) -> Option<Self> {
        let (text, at) = match (view.status, view.deadline, view.runs.last()) {
            (HeartbeatStatus::Late, Some(alarm), _) => (
                "a ping is overdue; alarm".to_owned(),
                Some(When::until(alarm)),
            ),
            (HeartbeatStatus::New, Some(alarm), _) => {
                let silence = match view.last_ping {
                    Some(_) => "no ping since it was resumed",
                    None => "no ping yet",
                };
                (format!("{silence}; alarm"), Some(When::until(alarm)))
            }
            (HeartbeatStatus::Up, _, Some(run)) if view.unobserved.is_none() => {
                ("a run began".to_owned(), Some(When::ago(run.started)))
            }
            _ => (view.reason.clone(), None),
        };
        (!text.is_empty()).then_some(Self { text, at })
    }
}

struct Row {
    id: String,
    name: String,
    schedule: String,
    status: &'static str,
    since: When,
    why: Option<Why>,
    last_ping: Option<When>,
    due: Option<When>,
}

#[derive(Template)]
#[template(path = "pages/heartbeats.html", blocks = ["main"])]
struct HeartbeatsPage {
    frame: Frame,
    verdict: (&'static str, String),
    around: Around,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Query(asked): Query<Asked>,
) -> Response {
    let frame = Frame::new(&pages, &visitor, "heartbeats", "Heartbeats");
    let filter = Filter::of(&LISTED, &asked);
    let engine = &pages.site.engine;
    let selected = select(
        &engine.directory().read(),
        &engine.heartbeat_board().read(),
        &filter,
    );
    let ids = selected.ids.clone();
    let views = match engine.heartbeat_views(Some(ids)).await {
        Ok(views) => views,
        Err(error) => return no(&error),
    };
    let around = Around::new(&filter, &selected);
    let page = HeartbeatsPage {
        verdict: verdict(&selected.counts, around.exist),
        around,
        rows: rows(&engine.directory().read(), &views, &selected.ids),
        frame,
    };
    wanted.answer(&page.frame, &page, &page.as_main())
}

fn select(directory: &Directory, board: &HashMap<MonitorId, Brief>, filter: &Filter) -> Selected {
    let candidate = |heartbeat: &Arc<Heartbeat>| {
        let brief = board.get(&heartbeat.id)?;
        let rank = rank(brief.status);
        Some(Candidate {
            id: heartbeat.id,
            rank,
            since: (rank < 3).then_some(brief.since),
            wanted: filter.wants(|| texts(heartbeat)),
        })
    };
    Selected::of(filter, directory.heartbeats().filter_map(candidate))
}

/// What a heartbeat is found by.
fn texts(heartbeat: &Heartbeat) -> impl Iterator<Item = String> {
    let spec = &heartbeat.spec;
    let labels = spec
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    std::iter::once(spec.name.to_string()).chain(labels)
}

/// The first thing that is read: how bad it is.
fn verdict(counts: &[usize], exist: usize) -> (&'static str, String) {
    let total: usize = counts.iter().sum();
    let of = |count: usize| so_many(count, total, "heartbeat");
    let [down, late, new, up, _] = counts else {
        return ("unknown", String::new());
    };
    match () {
        () if exist == 0 => ("unknown", "No job is watched".to_owned()),
        () if total == 0 => ("unknown", "No heartbeat matches".to_owned()),
        () if *down > 0 => ("down", format!("{} down", of(*down))),
        () if *late > 0 => ("late", format!("{} late", of(*late))),
        () if *up > 0 && *new > 0 => ("up", format!("{} up", of(*up))),
        () if *new > 0 => ("new", format!("{} waiting for a first ping", of(*new))),
        () if *up > 0 => ("up", format!("{} up", of(*up))),
        () => ("paused", format!("{} paused", of(total))),
    }
}

fn rows(directory: &Directory, views: &HashMap<MonitorId, View>, ids: &[MonitorId]) -> Vec<Row> {
    let row = |id: &MonitorId| {
        let (heartbeat, view) = (directory.heartbeat_by_id(*id)?, views.get(id)?);
        Some(row(heartbeat, view))
    };
    ids.iter().filter_map(row).collect()
}

fn row(heartbeat: &Heartbeat, view: &View) -> Row {
    Row {
        id: heartbeat.id.to_string(),
        name: heartbeat.spec.name.to_string(),
        schedule: schedule::words(&heartbeat.spec.schedule),
        status: view.status.as_str(),
        since: When::ago(view.since),
        why: Why::of(view),
        last_ping: view.last_ping.map(|ping| When::ago(ping.at)),
        due: view.due.map(When::until),
    }
}

/// The address of a heartbeat's page.
pub(super) fn path(id: MonitorId) -> String {
    format!("/heartbeats/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_statuses_the_worst_first() {
        for (place, status) in HeartbeatStatus::ALL.into_iter().enumerate() {
            assert_eq!(WORDS[place], status.as_str());
            assert_eq!(rank(status), place);
        }
    }

    #[test]
    fn the_worst_is_said_first() {
        let said = |counts: Counts| verdict(&counts, counts.iter().sum()).1;
        assert_eq!(said([1, 2, 0, 9, 0]), "1 of 12 heartbeats is down");
        assert_eq!(said([0, 2, 0, 0, 0]), "All heartbeats are late");
        assert_eq!(
            said([0, 0, 1, 0, 0]),
            "The heartbeat is waiting for a first ping"
        );
        assert_eq!(said([0, 0, 1, 1, 0]), "1 of 2 heartbeats is up");
        assert_eq!(said([0, 0, 0, 0, 1]), "The heartbeat is paused");
        assert_eq!(said([0; 5]), "No job is watched");
        assert_eq!(verdict(&[0; 5], 3).1, "No heartbeat matches");
    }

    #[test]
    fn the_overview_says_how_all_heartbeats_stand() {
        let one = summary(&[1, 0, 0, 11, 0]).unwrap();
        assert_eq!((one.status, one.total.as_str()), ("down", "12 heartbeats"));
        assert_eq!(one.parts, [("up", 11), ("down", 1)]);
        assert!(summary(&[0; 5]).is_none());
        assert_eq!(wrong(&[1, 2, 3, 4, 5]), 3);
    }
}
