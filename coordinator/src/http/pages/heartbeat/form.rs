//! The form of a heartbeat, for a new one or for one that is edited. What is wrong is said at its
//! field, and what was typed stays: also where somebody else saved the heartbeat meanwhile.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use vigilmon_common::difference::difference;
use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft, HeartbeatSpec, fields};
use vigilmon_common::id::ChannelId;
use vigilmon_common::monitor::draft::Known;
use vigilmon_common::problem::Problems;

use super::super::guard::Editor;
use super::super::heartbeats::path;
use super::super::{Frame, Pages, Wanted, no, see_other};
use super::given::Given;
use crate::engine::{Actor, CommandError, Directory};
use crate::token;
use crate::visits::Visitor;

/// The fields of the form, in its order.
const FIELDS: [&str; 9] = [
    "name", "every", "cron", "tz", "grace", "severity", "max_run", "labels", "notify",
];

/// What the browser sends: a name may come more than once.
pub(crate) type Sent = Form<Vec<(String, String)>>;

/// The heartbeat that is edited.
struct Edited {
    path: String,
    name: String,
    /// Whether the project has a key for ping URLs by name, which follow the name.
    by_slug: bool,
}

/// What saving would do to a heartbeat that somebody else saved meanwhile.
struct Over {
    field: &'static str,
    from: String,
    to: String,
}

struct Channel {
    id: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "pages/heartbeat_form.html", blocks = ["main"])]
struct FormPage {
    frame: Frame,
    edited: Option<Edited>,
    given: Given,
    severities: [&'static str; 3],
    zones: Vec<String>,
    channels: Vec<Channel>,
    problems: Problems,
    /// Where somebody was faster.
    over: Vec<Over>,
}

impl FormPage {
    fn new(frame: Frame, edited: Option<Edited>, given: Given, directory: &Directory) -> Self {
        let zones = jiff::tz::db().available();
        let channels = directory.channel_names().into_iter().map(|(name, id)| {
            let id = id.to_string();
            Channel {
                chosen: given.notify.contains(&id),
                name: name.to_string(),
                id,
            }
        });
        Self {
            frame,
            edited,
            severities: ["critical", "warning", "info"],
            zones: zones.map(|name| name.to_string()).collect(),
            channels: channels.collect(),
            given,
            problems: Problems::none(),
            over: Vec::new(),
        }
    }

    fn of(pages: &Pages, visitor: &Visitor, heartbeat: Option<&Heartbeat>, given: Given) -> Self {
        let title = heartbeat.map_or_else(
            || "Add a heartbeat".to_owned(),
            |heartbeat| format!("Edit {}", heartbeat.spec.name),
        );
        let frame = Frame::new(pages, visitor, "heartbeats", &title);
        let directory = pages.site.engine.directory().read();
        let edited = heartbeat.map(|heartbeat| Edited {
            path: path(heartbeat.id),
            name: heartbeat.spec.name.to_string(),
            by_slug: directory.ping_key().is_some(),
        });
        Self::new(frame, edited, given, &directory)
    }

    fn answer(&self, status: StatusCode, wanted: &Wanted) -> Response {
        let answer = wanted.answer(&self.frame, self, &self.as_main());
        match status {
            // Or that nothing differs from what is shown.
            StatusCode::OK => answer,
            _ => (status, answer).into_response(),
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

    /// Whether the cursor begins here: at the first field that is wrong, or at a new one's name.
    fn begins_at(&self, field: &str) -> bool {
        let is_wrong = |name: &&&str| self.problems.as_slice().iter().any(|p| p.field == **name);
        match FIELDS.iter().find(is_wrong) {
            Some(first) => *first == field,
            None => field == "name" && self.edited.is_none() && self.problems.is_empty(),
        }
    }

    /// Whether nobody typed anything yet.
    fn is_fresh(&self) -> bool {
        self.problems.is_empty() && self.over.is_empty()
    }

    /// Whether something of the seldom wanted is given, or wrong.
    fn shows_more(&self) -> bool {
        let wrong = ["max_run", "labels", "notify"].map(|field| self.wrong(field));
        self.given.has_more() || wrong.iter().any(|said| !said.is_empty())
    }

    /// What belongs to no field.
    fn others(&self) -> Vec<String> {
        let others = self.problems.as_slice().iter();
        let others = others.filter(|one| !FIELDS.contains(&one.field.as_str()));
        others.map(ToString::to_string).collect()
    }
}

/// The empty form.
pub(crate) async fn page(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
) -> Response {
    let page = FormPage::of(&pages, &visitor, None, Given::default());
    page.answer(StatusCode::OK, &wanted)
}

/// Saves a new one; its page shows the ping URL then.
pub(crate) async fn add(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
    Form(sent): Sent,
) -> Response {
    let given = Given::read(sent);
    let engine = &pages.site.engine;
    let saved = match given.draft() {
        Ok(draft) => {
            let (_, token) = token::for_pings(&pages.site.key);
            engine.create_heartbeat(by(&visitor), draft, token).await
        }
        Err(problems) => Err(problems.into()),
    };
    match saved {
        Ok(heartbeat) => see_other(&path(heartbeat.id)),
        Err(error) => Asked {
            pages: &pages,
            visitor: &visitor,
            wanted,
        }
        .again(None, given, error),
    }
}

/// The form, filled with what a heartbeat is.
pub(crate) async fn edit(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
    Path(reference): Path<String>,
) -> Response {
    let heartbeat = match pages.site.engine.heartbeat(&reference) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return no(&error),
    };
    let given = Given::of(&heartbeat);
    let page = FormPage::of(&pages, &visitor, Some(&heartbeat), given);
    page.answer(StatusCode::OK, &wanted)
}

/// Saves what was edited, unless somebody else saved it meanwhile.
pub(crate) async fn save(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    wanted: Wanted,
    Path(reference): Path<String>,
    Form(sent): Sent,
) -> Response {
    let engine = &pages.site.engine;
    let found = match engine.heartbeat(&reference) {
        Ok(found) => found,
        Err(error) => return no(&error),
    };
    let asked = Asked {
        pages: &pages,
        visitor: &visitor,
        wanted,
    };
    let given = Given::read(sent);
    let draft = match given.draft() {
        Ok(draft) => draft,
        Err(problems) => return asked.again(Some(&found), given, problems.into()),
    };
    // By its id: its name may change hands meanwhile.
    let own = found.id.to_string();
    let version = Some(given.version);
    let saved = engine.update_heartbeat(by(&visitor), &own, draft.clone(), version);
    match saved.await {
        Ok(heartbeat) => see_other(&path(heartbeat.id)),
        Err(CommandError::Conflict { .. }) => asked.too_late(&own, given, draft),
        Err(error) => asked.again(Some(&found), given, error),
    }
}

/// Who asks for what, where a form is to be shown again.
struct Asked<'a> {
    pages: &'a Pages,
    visitor: &'a Visitor,
    wanted: Wanted,
}

impl Asked<'_> {
    /// The form with what is wrong, where that is about fields.
    fn again(&self, edited: Option<&Heartbeat>, given: Given, error: CommandError) -> Response {
        let problems = match error {
            CommandError::Invalid(problems) => problems,
            CommandError::Exists { object, name } => {
                let mut problems = Problems::none();
                let message = format!("there is a {} `{name}` already", object.as_str());
                problems.add("name", message, "choose another name");
                problems
            }
            error => return no(&error),
        };
        let page = FormPage::of(self.pages, self.visitor, edited, given);
        let page = FormPage { problems, ..page };
        page.answer(StatusCode::UNPROCESSABLE_ENTITY, &self.wanted)
    }

    /// The form with what saving it all the same would change: somebody was faster.
    fn too_late(&self, id: &str, given: Given, draft: HeartbeatDraft) -> Response {
        let engine = &self.pages.site.engine;
        let stored = match engine.heartbeat(id) {
            Ok(stored) => stored,
            Err(error) => return no(&error),
        };
        let over = over(&stored.spec, draft, &engine.directory().read());
        if over.is_empty() {
            // Whoever was faster saved the same.
            return see_other(&path(stored.id));
        }
        let version = stored.version;
        let given = Given { version, ..given };
        let page = FormPage::of(self.pages, self.visitor, Some(&stored), given);
        let page = FormPage { over, ..page };
        page.answer(StatusCode::CONFLICT, &self.wanted)
    }
}

fn by(visitor: &Visitor) -> Actor {
    Actor {
        name: visitor.name(),
    }
}

/// What a draft would change of a heartbeat, in the words of the form.
fn over(stored: &HeartbeatSpec, draft: HeartbeatDraft, directory: &Directory) -> Vec<Over> {
    // What was checked against nothing that is known is good here too.
    let Ok(wanted) = HeartbeatDraft::edited(stored, draft).check(&Known::default()) else {
        return Vec::new();
    };
    let channel = |id: ChannelId| {
        let channel = directory.channels().get(&id);
        channel.map_or_else(|| id.to_string(), |channel| channel.name.to_string())
    };
    let name = |spec: &HeartbeatSpec| spec.name.to_string();
    let renamed = (stored.name != wanted.name).then(|| Over {
        field: "Name",
        from: name(stored),
        to: name(&wanted),
    });
    let changes = difference(&fields(stored, &channel), &fields(&wanted, &channel));
    let others = changes.into_iter().map(|change| Over {
        field: label(change.field),
        from: value(change.from),
        to: value(change.to),
    });
    renamed.into_iter().chain(others).collect()
}

/// A field as the form calls it.
fn label(field: &'static str) -> &'static str {
    match field {
        "every" => "Every",
        "cron" => "Cron expression",
        "tz" => "Time zone",
        "grace" => "Grace",
        "max_run" => "Longest run",
        "alarm_before_first_ping" => "Alarm even if it was never pinged",
        "post_only" => "Only POST counts",
        "severity" => "Severity",
        "labels" => "Labels",
        "notify" => "Also tell",
        other => other,
    }
}

fn value(text: String) -> String {
    match text.as_str() {
        "" => "–".to_owned(),
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
