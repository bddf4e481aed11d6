//! What editors do to a heartbeat on its page: pause, resume, another ping URL, removal.

use std::time::Duration;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use vigilmon_common::duration;
use vigilmon_common::heartbeat::PingToken;

use super::super::guard::Editor;
use super::super::heartbeats::path;
use super::super::{Pages, no, refused, see_other};
use crate::engine::{Actor, CommandError};
use crate::token;

/// How long the former ping URL counts, where the form says nothing.
const OVERLAP: Duration = Duration::from_hours(24);

/// What a form of the page sends.
#[derive(Deserialize)]
pub(crate) struct Deed {
    #[serde(default)]
    overlap: String,
    #[serde(default)]
    sure: String,
}

/// Somebody does something to a heartbeat.
pub(crate) async fn act(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    Path((reference, deed)): Path<(String, String)>,
    Form(given): Form<Deed>,
) -> Response {
    let site = &pages.site;
    let engine = &site.engine;
    let heartbeat = match engine.heartbeat(&reference) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return no(&error),
    };
    let id = heartbeat.id;
    let by = Actor {
        name: visitor.name(),
    };
    // By its id: its name may change hands meanwhile.
    let own = id.to_string();
    let done: Result<(), CommandError> = match deed.as_str() {
        "pause" => engine.pause_heartbeat(by, &own, true).await.map(drop),
        "resume" => engine.pause_heartbeat(by, &own, false).await.map(drop),
        "rotate" => {
            let Ok(overlap) = read_overlap(&given.overlap) else {
                return unprocessable("That is no span of time.");
            };
            let now = engine.clock().now();
            let is_good = |token: &PingToken| token.until.is_some() && token.is_good(now);
            let ends_both = overlap.is_zero() && heartbeat.tokens.iter().any(is_good);
            if ends_both && given.sure != "yes" {
                return unprocessable("Tick the box to end the former ping URL, too.");
            }
            let (_, token) = token::for_pings(&site.key);
            let done = engine.rotate_ping_token(by, &own, token, Some(overlap));
            done.await.map(drop)
        }
        "remove" if given.sure != "yes" => {
            return unprocessable("Tick the box to remove a heartbeat.");
        }
        "remove" => match engine.remove_heartbeat(by, &own, None).await {
            Ok(()) => return see_other("/heartbeats"),
            Err(error) => Err(error),
        },
        _ => {
            let (title, text) = ("Not found", "There is no such deed.");
            return refused(StatusCode::NOT_FOUND, title, text, "");
        }
    };
    match done {
        Ok(()) => see_other(&path(id)),
        Err(error) => no(&error),
    }
}

fn read_overlap(text: &str) -> Result<Duration, duration::InvalidDuration> {
    match text.trim() {
        "" => Ok(OVERLAP),
        text => duration::parse(text),
    }
}

fn unprocessable(text: &str) -> Response {
    refused(StatusCode::UNPROCESSABLE_ENTITY, "Not done", text, "")
}
