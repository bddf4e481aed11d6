//! `/live`: tells an open page that something changed; the page then asks for its main part.
//!
//! A stream says only "look again". Its events carry a mark, which a page got with what it shows
//! and a browser sends back when it connects again: what changed meanwhile is told at once.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::guard::visitor;
use super::{Pages, failed};
use crate::visits::Visitor;

/// Open pages at once; a further one must be reloaded by hand.
pub(super) const STREAMS_MAX: usize = 256;
/// Changes that come together are told together.
const QUIET: Duration = Duration::from_millis(150);
/// A page is told at most this often.
const EVERY: Duration = Duration::from_millis(500);
/// Without a change, whether the visit still lasts is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the page shows already.
#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: String,
}

/// As new as everything is now.
pub(super) fn mark(pages: &Pages) -> String {
    let number = *pages.site.engine.changes().borrow();
    format!("{}-{number}", pages.boot)
}

struct Listening {
    pages: Pages,
    headers: HeaderMap,
    changes: watch::Receiver<u64>,
    /// What the page knows.
    known: String,
    /// Whether it was told of a change just now.
    told: bool,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream of one page.
pub(super) async fn stream(
    State(pages): State<Pages>,
    _: Visitor,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Response {
    let Ok(place) = pages.streams.clone().try_acquire_owned() else {
        let text = "too many pages are open; reload this one to see what is new";
        return failed(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let again = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let listening = Listening {
        known: again.map_or(since.since, str::to_owned),
        changes: pages.site.engine.changes(),
        pages,
        headers,
        told: false,
        ended: false,
        _place: place,
    };
    let events = futures_util::stream::unfold(listening, next);
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

async fn next(mut page: Listening) -> Option<(Result<Event, Infallible>, Listening)> {
    if page.ended {
        return None;
    }
    let stop = page.pages.site.stop.clone();
    stop.run_until_cancelled_owned(async move {
        if std::mem::take(&mut page.told) {
            tokio::time::sleep(EVERY).await;
        }
        loop {
            page.changes.mark_unchanged();
            if visitor(&page.pages, &page.headers).is_none() {
                page.ended = true;
                let event = Event::default().event("ended").data("sign in again");
                return (Ok(event), page);
            }
            let now = mark(&page.pages);
            if now != page.known {
                page.known.clone_from(&now);
                page.told = true;
                let event = Event::default().event("changed").id(&now).data(now);
                return (Ok(event), page);
            }
            // An error says that the engine stops: then the stream ends by its token.
            let _ = tokio::time::timeout(LOOK_EVERY, page.changes.changed()).await;
            tokio::time::sleep(QUIET).await;
        }
    })
    .await
}
