//! The overview: all monitors, the worst first, a page of them at a time.
//!
//! Sorting and counting read the board; only the monitors of the page itself are asked of their
//! owners. So the page takes as long for ten thousand monitors as for a hundred, but for a sort.

use std::cmp::Reverse;
use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use vigilmon_common::decide::{Brief, Status, View};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;

use super::words::{When, counted, said, vote};
use super::{Frame, Pages, Wanted, no};
use crate::engine::Directory;
use crate::visits::Visitor;

/// Monitors on a page.
const PAGE: usize = 50;
/// Longest text that is looked for; more is cut off.
const TEXT_MAX: usize = 200;
/// A monitor with more regions shows its votes without their names.
const NAMED_MAX: usize = 4;

/// The words of the statuses that a list can be narrowed to, the worst first.
const WORDS: [&str; 6] = ["down", "failing", "degraded", "unknown", "up", "paused"];

/// What is wanted; whatever cannot be read counts as absent.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    page: String,
}

/// Which monitors, and which page of them.
struct Filter {
    text: String,
    /// The place of a status among [`WORDS`].
    status: Option<usize>,
    page: usize,
}

impl Filter {
    fn of(asked: &Asked) -> Self {
        Self {
            text: asked.q.trim().chars().take(TEXT_MAX).collect(),
            status: WORDS.iter().position(|word| *word == asked.status),
            page: asked.page.parse().unwrap_or(1).max(1),
        }
    }

    /// The address of the overview, narrowed like this but for what is given.
    fn path(&self, status: Option<usize>, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        if let Some(status) = status {
            query.append_pair("status", WORDS[status]);
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => "/".to_owned(),
            query => format!("/?{query}"),
        }
    }
}

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

/// The monitors of a page, and how many there are.
struct Selected {
    ids: Vec<MonitorId>,
    /// By place among [`WORDS`], whatever status is wanted.
    counts: [usize; WORDS.len()],
    /// All that match, on all pages.
    found: usize,
    /// All that exist.
    exist: usize,
    /// The page that is shown.
    page: usize,
}

/// Picks the monitors of a page: the worst first, of those what changed last first, then by name.
fn select(directory: &Directory, board: &HashMap<MonitorId, Brief>, filter: &Filter) -> Selected {
    let mut counts = [0; WORDS.len()];
    let mut exist = 0;
    let mut all = Vec::new();
    for (place, monitor) in directory.monitors().enumerate() {
        let Some(brief) = board.get(&monitor.id) else {
            continue;
        };
        exist += 1;
        if !filter.text.is_empty() && !matches(monitor, &filter.text) {
            continue;
        }
        let rank = rank(brief);
        counts[rank] += 1;
        if filter.status.is_none_or(|wanted| wanted == rank) {
            let newest = if rank < 4 { brief.since.as_millis() } else { 0 };
            all.push((rank, Reverse(newest), place, monitor.id));
        }
    }
    all.sort_unstable();
    let found = all.len();
    let page = filter.page.min(found.div_ceil(PAGE).max(1));
    let shown = all.into_iter().skip((page - 1) * PAGE).take(PAGE);
    Selected {
        ids: shown.map(|(.., id)| id).collect(),
        counts,
        found,
        exist,
        page,
    }
}

/// Whether a monitor's name, labels or target, as it is shown, contain a text.
fn matches(monitor: &Monitor, text: &str) -> bool {
    let spec = &monitor.spec;
    contains(spec.name.as_str(), text)
        || contains(&spec.target(), text)
        || spec
            .labels
            .iter()
            .any(|(key, value)| contains(&format!("{key}={value}"), text))
}

/// Whether one contains the other, whatever the case of ASCII letters.
fn contains(hay: &str, needle: &str) -> bool {
    let (hay, needle) = (hay.as_bytes(), needle.as_bytes());
    needle.is_empty()
        || hay
            .windows(needle.len())
            .any(|w| w.eq_ignore_ascii_case(needle))
}

struct Chip {
    word: &'static str,
    count: usize,
    path: String,
    here: bool,
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
    text: String,
    status: &'static str,
    all: Chip,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    exist: usize,
    found: usize,
    first: usize,
    before: Option<String>,
    after: Option<String>,
}

/// The overview.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Query(asked): Query<Asked>,
) -> Response {
    let frame = Frame::new(&pages, &visitor, "overview", "Overview");
    let filter = Filter::of(&asked);
    let engine = &pages.site.engine;
    let selected = select(&engine.directory().read(), &engine.board().read(), &filter);
    let views = match engine.views(Some(&selected.ids)).await {
        Ok(views) => views,
        Err(error) => return no(&error),
    };
    let rows = rows(&engine.directory().read(), &views, &selected.ids);
    let page = overview(frame, &filter, &selected, rows);
    wanted.answer(&page, &page.as_main())
}

fn overview(frame: Frame, filter: &Filter, selected: &Selected, rows: Vec<Row>) -> OverviewPage {
    let chip = |(place, word): (usize, &'static str)| Chip {
        word,
        count: selected.counts[place],
        path: filter.path(Some(place), 1),
        here: filter.status == Some(place),
    };
    let all = Chip {
        word: "all",
        count: selected.counts.iter().sum(),
        path: filter.path(None, 1),
        here: filter.status.is_none(),
    };
    let chips = WORDS.into_iter().enumerate().map(chip);
    // A status that nothing has is not offered, but for the one that is shown.
    let chips = chips.filter(|chip| chip.count > 0 || chip.here).collect();
    let page = selected.page;
    let more = page * PAGE < selected.found;
    OverviewPage {
        frame,
        verdict: verdict(&selected.counts),
        text: filter.text.clone(),
        status: filter.status.map_or("", |place| WORDS[place]),
        all,
        chips,
        rows,
        exist: selected.exist,
        found: selected.found,
        first: (page - 1) * PAGE + 1,
        before: (page > 1).then(|| filter.path(filter.status, page - 1)),
        after: more.then(|| filter.path(filter.status, page + 1)),
    }
}

/// The first thing that is read: how bad it is.
fn verdict(counts: &[usize; WORDS.len()]) -> (&'static str, String) {
    let total: usize = counts.iter().sum();
    let of = |count: usize| match total {
        1 => "The monitor is".to_owned(),
        _ if count == total => "All monitors are".to_owned(),
        _ if count == 1 => format!("1 of {total} monitors is"),
        _ => format!("{count} of {total} monitors are"),
    };
    let [down, failing, degraded, unknown, up, _] = *counts;
    match () {
        () if total == 0 => ("unknown", "Nothing is watched".to_owned()),
        () if down > 0 => ("down", format!("{} down", of(down))),
        () if failing > 0 => (
            "degraded",
            format!("{} failing in some regions", of(failing)),
        ),
        () if degraded > 0 => ("degraded", format!("{} degraded", of(degraded))),
        () if unknown > 0 => ("unknown", format!("{} waiting for votes", of(unknown))),
        () if up > 0 => ("up", format!("{} up", of(up))),
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
        let said = |counts| verdict(&counts).1;
        assert_eq!(said([1, 0, 0, 0, 2, 0]), "1 of 3 monitors is down");
        assert_eq!(said([3, 0, 0, 0, 0, 0]), "All monitors are down");
        assert_eq!(said([0, 0, 0, 0, 1, 0]), "The monitor is up");
        assert_eq!(
            said([0, 2, 1, 0, 2, 0]),
            "2 of 5 monitors are failing in some regions"
        );
        assert_eq!(said([0; 6]), "Nothing is watched");
        assert_eq!(said([0, 0, 0, 0, 0, 2]), "All monitors are paused");
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        assert!(contains("API-Gateway", "gate"));
        assert!(contains("api", ""));
        assert!(!contains("api", "apis"));
    }

    #[test]
    fn a_filter_keeps_what_it_does_not_change() {
        let asked = |q: &str, status: &str, page: &str| {
            Filter::of(&Asked {
                q: q.to_owned(),
                status: status.to_owned(),
                page: page.to_owned(),
            })
        };
        let filter = asked(" a&b ", "down", "3");
        assert_eq!(
            filter.path(filter.status, 4),
            "/?q=a%26b&status=down&page=4"
        );
        assert_eq!(filter.path(None, 1), "/?q=a%26b");
        let nonsense = asked("", "sideways", "-1");
        assert_eq!(nonsense.path(nonsense.status, nonsense.page), "/");
    }
}
