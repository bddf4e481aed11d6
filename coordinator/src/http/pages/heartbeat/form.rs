//! The form for a new heartbeat. What is wrong is said at its field, and what was typed stays.

use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use vigilmon_common::duration;
use vigilmon_common::heartbeat::HeartbeatDraft;
use vigilmon_common::monitor::Severity;
use vigilmon_common::monitor::draft::Known;
use vigilmon_common::problem::Problems;

use super::super::guard::Editor;
use super::super::heartbeats::path;
use super::super::{Frame, Pages, Wanted, no, see_other};
use crate::engine::{Actor, CommandError};
use crate::token;
use crate::visits::Visitor;

/// Stands in for a span that cannot be read, so that the rest of the draft can be checked.
const SOME_SPAN: Duration = Duration::from_hours(1);

/// What the form sends.
#[derive(Clone, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    name: String,
    /// `period` or `cron`.
    #[serde(default)]
    kind: String,
    #[serde(default)]
    every: String,
    #[serde(default)]
    cron: String,
    #[serde(default)]
    tz: String,
    #[serde(default)]
    grace: String,
    #[serde(default)]
    max_run: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    alarm_before_first_ping: String,
    #[serde(default)]
    post_only: String,
}

impl Default for Given {
    fn default() -> Self {
        let empty = String::new;
        Self {
            name: empty(),
            kind: "period".to_owned(),
            every: empty(),
            cron: empty(),
            tz: empty(),
            grace: empty(),
            max_run: empty(),
            severity: Severity::default().to_string(),
            alarm_before_first_ping: empty(),
            post_only: empty(),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/heartbeat_new.html", blocks = ["main"])]
struct FormPage {
    frame: Frame,
    given: Given,
    severities: [&'static str; 3],
    zones: Vec<String>,
    problems: Problems,
}

impl FormPage {
    fn new(frame: Frame, given: Given, problems: Problems) -> Self {
        let zones = jiff::tz::db().available();
        Self {
            frame,
            given,
            severities: ["critical", "warning", "info"],
            zones: zones.map(|name| name.to_string()).collect(),
            problems,
        }
    }

    /// What is wrong with a field, and what to do.
    fn wrong(&self, field: &str) -> String {
        let own = self
            .problems
            .as_slice()
            .iter()
            .filter(|one| one.field == field);
        let said = own.map(|one| match one.remedy.is_empty() {
            true => one.message.clone(),
            false => format!("{}; {}", one.message, one.remedy),
        });
        said.collect::<Vec<_>>().join("\n")
    }

    /// Whether something of the seldom wanted was given.
    fn is_more_given(&self) -> bool {
        !self.given.max_run.is_empty()
            || self.given.alarm_before_first_ping == "yes"
            || self.given.post_only == "yes"
    }

    /// What belongs to no field.
    fn others(&self) -> Vec<String> {
        let fields = [
            "name", "every", "cron", "tz", "grace", "max_run", "severity",
        ];
        let others = self.problems.as_slice().iter();
        let others = others.filter(|one| !fields.contains(&one.field.as_str()));
        others.map(ToString::to_string).collect()
    }
}

/// The empty form.
pub(crate) async fn page(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
) -> Response {
    let frame = frame(&pages, &visitor);
    let page = FormPage::new(frame, Given::default(), Problems::none());
    wanted.answer(&page.frame, &page, &page.as_main())
}

/// Saves it; its page shows the ping URL then.
pub(crate) async fn add(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
    Form(given): Form<Given>,
) -> Response {
    let again = |problems| {
        let page = FormPage::new(frame(&pages, &visitor), given.clone(), problems);
        let answer = wanted.answer(&page.frame, &page, &page.as_main());
        (StatusCode::UNPROCESSABLE_ENTITY, answer).into_response()
    };
    let draft = match given.draft() {
        Ok(draft) => draft,
        Err(problems) => return again(problems),
    };
    let site = &pages.site;
    let by = Actor {
        name: visitor.name(),
    };
    let (_, token) = token::for_pings(&site.key);
    match site.engine.create_heartbeat(by, draft, token).await {
        Ok(heartbeat) => see_other(&path(heartbeat.id)),
        Err(CommandError::Invalid(problems)) => again(problems),
        Err(CommandError::Exists { object, name }) => {
            let mut problems = Problems::none();
            let message = format!("there is a {} `{name}` already", object.as_str());
            problems.add("name", message, "choose another name");
            again(problems)
        }
        Err(error) => no(&error),
    }
}

fn frame(pages: &Pages, visitor: &Visitor) -> Frame {
    Frame::new(pages, visitor, "heartbeats", "Add a heartbeat")
}

impl Given {
    /// The draft, or everything that is wrong with it.
    fn draft(&self) -> Result<HeartbeatDraft, Problems> {
        let mut problems = Problems::none();
        let is_cron = self.kind == "cron";
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut span = |field: &'static str, text: &str| {
            let read = duration::parse(&some(text)?);
            Some(read.unwrap_or_else(|error| {
                problems.add(field, error.to_string(), "");
                SOME_SPAN
            }))
        };
        let draft = HeartbeatDraft {
            name: some(&self.name),
            every: (!is_cron).then(|| span("every", &self.every)).flatten(),
            cron: is_cron.then(|| self.cron.trim().to_owned()),
            tz: is_cron.then(|| some(&self.tz)).flatten(),
            grace: span("grace", &self.grace),
            max_run: span("max_run", &self.max_run),
            alarm_before_first_ping: Some(self.alarm_before_first_ping == "yes"),
            post_only: Some(self.post_only == "yes"),
            severity: some(&self.severity),
            ..HeartbeatDraft::default()
        };
        // Of a form the remedy is not a flag.
        let draft = match (is_cron, draft.every) {
            (false, None) => {
                problems.add("every", "say how often", "write 5m, 25h or 7d");
                HeartbeatDraft {
                    every: Some(SOME_SPAN),
                    ..draft
                }
            }
            _ => draft,
        };
        let nothing_known = Known {
            regions: None,
            channels: None,
            addresses: None,
        };
        if let Err(more) = draft.check(&nothing_known) {
            problems.extend(more);
        }
        problems.or(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(given: Given) -> Vec<String> {
        let problems = given.draft().unwrap_err();
        problems
            .as_slice()
            .iter()
            .map(|one| one.field.clone())
            .collect()
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let given = Given {
            name: "-".to_owned(),
            every: "often".to_owned(),
            grace: "401d".to_owned(),
            ..Given::default()
        };
        assert_eq!(wrong(given), ["every", "name", "grace"]);
        assert_eq!(wrong(Given::default()), ["every", "name"]);
        let cron = Given {
            name: "job".to_owned(),
            kind: "cron".to_owned(),
            cron: "0 2 * *".to_owned(),
            // What belongs to the other sort of schedule does not count.
            every: "often".to_owned(),
            ..Given::default()
        };
        assert_eq!(wrong(cron.clone()), ["cron"]);
        let nowhere = Given {
            tz: "Europe/Nowhere".to_owned(),
            ..cron
        };
        assert_eq!(wrong(nowhere), ["cron", "tz"]);
    }

    #[test]
    fn a_form_makes_the_draft_that_it_says() {
        let given = Given {
            name: " nightly ".to_owned(),
            kind: "cron".to_owned(),
            cron: "0 2 * * *".to_owned(),
            tz: "Europe/Berlin".to_owned(),
            grace: "30m".to_owned(),
            ..Given::default()
        };
        let draft = given.draft().unwrap();
        assert_eq!(draft.name.as_deref(), Some("nightly"));
        assert_eq!(draft.tz.as_deref(), Some("Europe/Berlin"));
        assert_eq!(draft.grace, Some(Duration::from_mins(30)));
        assert_eq!(draft.every, None);
    }
}
