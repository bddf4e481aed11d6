//! Run now: a check in every region of a monitor, each answer shown as it comes. It is answered,
//! not stored, and makes no votes.

use std::convert::Infallible;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use tokio_stream::wrappers::ReceiverStream;

use super::guard::Editor;
use super::monitor::{facts, path};
use super::phases::Timing;
use super::{Frame, Pages, Wanted, failed, no};
use crate::engine::{CheckRow, CheckTarget, Handle};

/// Stands in the page where the rows come.
const ROWS: &str = "<!-- rows -->";

#[derive(Template)]
#[template(path = "pages/run.html")]
struct RunPage {
    frame: Frame,
    name: String,
    path: String,
    rows: &'static str,
}

#[derive(Template)]
#[template(path = "pages/run_row.html")]
struct RunRow {
    region: String,
    agent: String,
    outcome: &'static str,
    reason: String,
    timing: Option<Timing>,
    facts: Vec<(&'static str, String)>,
}

/// Asks, and streams what comes: rows alone for the page's script, or a page around them.
pub(super) async fn run(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
    Path(reference): Path<String>,
) -> Response {
    let engine = pages.site.engine.clone();
    let monitor = match engine.monitor(&reference) {
        Ok(monitor) => monitor,
        Err(error) => return no(&error),
    };
    let page = RunPage {
        frame: Frame::new(&pages, &visitor, "monitor", "Run now"),
        name: monitor.spec.name.to_string(),
        path: path(monitor.id),
        rows: ROWS,
    };
    let Ok(page) = page.render() else {
        return failed(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page cannot be shown",
        );
    };
    let (count, rows) = match engine.check(CheckTarget::Monitor(monitor.id.to_string())) {
        Ok(asked) => asked,
        Err(error) => return no(&error),
    };
    let (head, tail) = match page.split_once(ROWS) {
        Some((head, tail)) if !wanted.part => (head.to_owned(), tail.to_owned()),
        _ => (String::new(), String::new()),
    };
    let rows = ReceiverStream::new(rows).take(count);
    let rows = rows.map(move |row| shown(&row, &engine));
    let texts = stream::iter([head]).chain(rows).chain(stream::iter([tail]));
    let body = Body::from_stream(texts.map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

fn shown(row: &CheckRow, engine: &Handle) -> String {
    let region = engine.directory().read().display_name(&row.region);
    let agent = row.agent.as_ref().map(|(_, name)| name.to_string());
    let (outcome, reason) = match &row.result {
        Ok(result) => {
            let reason = result.outcome.reason().map(ToString::to_string);
            (result.outcome.kind().as_str(), reason.unwrap_or_default())
        }
        Err(why) => ("inconclusive", why.to_string()),
    };
    let result = row.result.as_ref().ok();
    let row = RunRow {
        region,
        agent: agent.unwrap_or_default(),
        outcome,
        reason,
        timing: result.map(|result| Timing::of(result, result.took)),
        facts: result
            .and_then(|result| result.observation.as_deref().map(facts))
            .unwrap_or_default(),
    };
    // A row that cannot be written is a row less.
    row.render().unwrap_or_default()
}
