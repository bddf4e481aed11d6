//! `vigilmon heartbeat …`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_common::duration;
use vigilmon_common::name::Name;
use vigilmon_proto::{convert, v1};

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};
use crate::pages;

mod flags;
mod marks;
mod pings;
mod show;
mod snippets;
mod urls;

use flags::{HeartbeatFlags, given};

/// What is done with heartbeats.
#[derive(Debug, Subcommand)]
pub(crate) enum HeartbeatCommand {
    /// Expect pings of a job; prints the URL to ping
    Add(AddArgs),
    /// All heartbeats
    List,
    /// One heartbeat: what it expects, how it stands, its last pings
    Show(ShowArgs),
    /// Change a heartbeat; what is not given stays. A list replaces the former one; '' empties it
    Edit(EditArgs),
    /// Suspend its alarms; pings are recorded all the same
    Pause(Named),
    /// Resume its alarms
    Resume(Named),
    /// Remove it
    Remove(Named),
    /// Give it another ping URL and print that
    Rotate(RotateArgs),
    /// Its last pings, newest first
    Pings(Named),
    /// What came with a ping, as it came
    Body(BodyArgs),
    /// The project's key, for URLs that ping by name: /ping/s/KEY/SLUG
    Key(KeyArgs),
}

/// A heartbeat by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its name or id
    name: String,
}

/// A new heartbeat.
#[derive(Args, Debug)]
#[command(
    override_usage = "vigilmon heartbeat add [OPTIONS] <NAME> --every <DURATION>\n       \
                      vigilmon heartbeat add [OPTIONS] <NAME> --cron <EXPRESSION>",
    group(clap::ArgGroup::new("schedule").required(true).args(["every", "cron"])),
    mut_arg("tz", |arg| arg.requires("cron"))
)]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    flags: HeartbeatFlags,
}

/// Changes of a heartbeat.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("schedule").args(["every", "cron"])))]
pub(crate) struct EditArgs {
    /// Its name or id
    name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    #[command(flatten)]
    flags: HeartbeatFlags,
}

/// A heartbeat, or how to ping it.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its name or id
    name: String,
    /// How a job pings it, ready to be copied: all snippets, or that of one TOOL alone
    #[arg(
        long,
        value_name = "TOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    snippets: Option<String>,
    /// What is one word too many
    #[arg(hide = true)]
    more: Option<String>,
}

/// Another ping URL.
#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// Its name or id
    name: String,
    /// How long the former URL still counts, at most 30d; 0s: no longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "24h")]
    overlap: Duration,
}

/// A ping of a heartbeat.
#[derive(Args, Debug)]
pub(crate) struct BodyArgs {
    /// Its name or id
    name: String,
    /// The ping's number, as `heartbeat pings` prints it
    number: u64,
}

/// The key of the project.
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// Make another one; URLs with the former count no more
    #[arg(long)]
    rotate: bool,
}

impl HeartbeatCommand {
    /// The heartbeat that it names.
    fn named(&self) -> Option<&str> {
        match self {
            Self::Add(_) | Self::List | Self::Key(_) => None,
            Self::Show(args) => Some(&args.name),
            Self::Edit(args) => Some(&args.name),
            Self::Rotate(args) => Some(&args.name),
            Self::Body(args) => Some(&args.name),
            Self::Pause(Named { name })
            | Self::Resume(Named { name })
            | Self::Remove(Named { name })
            | Self::Pings(Named { name }) => Some(name),
        }
    }
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &HeartbeatCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    let failure = match act(command, client, format).await {
        Err(failure) if failure.code == exit::NOT_FOUND => failure,
        done => return done,
    };
    // Both share their names: who asks for the one may mean the other.
    let Some(name) = command.named() else {
        return Err(failure);
    };
    match super::monitor::get(client, name).await {
        Ok(monitor) => Err(other_kind(&monitor.name, "a monitor", "monitor")),
        Err(_) => Err(failure),
    }
}

/// Why a name is not found that another kind of thing has.
pub(super) fn other_kind(name: &str, is: &str, command: &str) -> Failure {
    let hint = format!("`vigilmon {command} show {}`", shell_word(name));
    Failure::new(exit::NOT_FOUND, format!("{name} is {is}"), hint)
}

/// A name as a shell takes it.
fn shell_word(name: &str) -> String {
    if name.contains(' ') {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
}

async fn act(command: &HeartbeatCommand, client: &Client, format: Format) -> Result<u8, Failure> {
    match command {
        HeartbeatCommand::Add(args) => add(args, client, format).await,
        HeartbeatCommand::List => list(client, format).await,
        HeartbeatCommand::Show(args) => match (&args.snippets, &args.more) {
            (_, Some(more)) => Err(too_many(args, more)),
            (None, None) => show::run(&args.name, client, format).await,
            (Some(tool), None) => snippets::run(&args.name, tool, client, format).await,
        },
        HeartbeatCommand::Edit(args) => edit(args, client, format).await,
        HeartbeatCommand::Pause(Named { name }) => {
            let request = v1::PauseHeartbeatRequest {
                project: client.project.clone(),
                r#ref: name.clone(),
            };
            let saved = client.heartbeats().pause(request).await?.into_inner();
            let text = format!("paused {}", saved.name);
            Ok(done(format, &text, &show::json(&saved)))
        }
        HeartbeatCommand::Resume(Named { name }) => {
            let request = v1::ResumeHeartbeatRequest {
                project: client.project.clone(),
                r#ref: name.clone(),
            };
            let saved = client.heartbeats().resume(request).await?.into_inner();
            let text = format!("resumed {}", saved.name);
            Ok(done(format, &text, &show::json(&saved)))
        }
        HeartbeatCommand::Remove(args) => remove(args, client, format).await,
        HeartbeatCommand::Rotate(args) => urls::rotate(args, client, format).await,
        HeartbeatCommand::Pings(args) => pings::run(&args.name, client, format).await,
        HeartbeatCommand::Body(args) => pings::body(args, client, format).await,
        HeartbeatCommand::Key(args) => urls::key(args, client, format).await,
    }
}

/// A word behind the name may be the tool of `--snippets`, or the rest of a name.
fn too_many(args: &ShowArgs, more: &str) -> Failure {
    let message = format!("`{more}` is one word too many");
    let name = shell_word(&args.name);
    let hint = match &args.snippets {
        Some(_) => format!("`vigilmon heartbeat show {name} --snippets={more}`"),
        None => "a name with blanks stands in quotes".to_owned(),
    };
    Failure::usage(message, hint)
}

/// One of them.
pub(super) async fn get(client: &Client, name: &str) -> Result<v1::Heartbeat, Failure> {
    let request = v1::GetHeartbeatRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    let answer = client.heartbeats().get_heartbeat(request).await?;
    Ok(answer.into_inner())
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let given = given(&args.flags);
    let heartbeat = v1::Heartbeat {
        name: args.name.clone(),
        spec: Some(given.spec),
        ..Default::default()
    };
    if !given.wrong.is_empty() {
        return Err(given.wrong.with(alone(heartbeat), client).await);
    }
    let request = v1::CreateHeartbeatRequest {
        project: client.project.clone(),
        heartbeat: Some(heartbeat),
    };
    let made = client.heartbeats().create_heartbeat(request).await?;
    let made = made.into_inner();
    let mut value = show::json(&made);
    value["ping_url"] = json!(made.ping_url);
    done(format, &made.ping_url, &value);
    if format == Format::Table {
        let spec = made.spec.clone().unwrap_or_default();
        let armed = match spec.alarm_before_first_ping {
            true => "silence alarms from now on",
            false => "silence alarms from the first ping on",
        };
        let expected = show::expected(&spec);
        output::note(&format!("added {}: {expected}; {armed}", made.name));
        let name = shell_word(&made.name);
        output::note(&format!(
            "hint: `vigilmon heartbeat show {name} --snippets` says how a job pings it"
        ));
    }
    Ok(exit::DONE)
}

async fn edit(args: &EditArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let mut given = given(&args.flags);
    given.empty_lists();
    if args.rename.is_some() {
        given.mask.push("name".to_owned());
    }
    if given.mask.is_empty() {
        let hint = "`vigilmon heartbeat edit --help` lists the flags";
        return Err(Failure::usage("nothing to change is given", hint));
    }
    if !given.wrong.is_empty() {
        let mut heartbeat = get(client, &args.name).await?;
        heartbeat.spec = heartbeat.spec.map(|stored| given.over(stored));
        let mut wrong = given.wrong;
        if let Some(Err(error)) = args.rename.as_deref().map(Name::parse) {
            let error = error.to_string();
            wrong.note::<()>(Err(Failure::of_field("name", &error, "")));
        }
        return Err(wrong.with(alone(heartbeat), client).await);
    }
    let request = v1::UpdateHeartbeatRequest {
        project: client.project.clone(),
        r#ref: args.name.clone(),
        heartbeat: Some(v1::Heartbeat {
            name: args.rename.clone().unwrap_or_default(),
            spec: Some(given.spec),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: given.mask }),
    };
    let saved = client.heartbeats().update_heartbeat(request).await?;
    let saved = saved.into_inner();
    let expected = show::expected(&saved.spec.clone().unwrap_or_default());
    let text = format!("saved {}: {expected}", saved.name);
    let code = done(format, &text, &show::json(&saved));
    urls::renamed(&saved);
    Ok(code)
}

/// A configuration of one heartbeat.
fn alone(heartbeat: v1::Heartbeat) -> v1::Configuration {
    v1::Configuration {
        heartbeats: vec![heartbeat],
        ..Default::default()
    }
}

async fn remove(args: &Named, client: &Client, format: Format) -> Result<u8, Failure> {
    let heartbeat = get(client, &args.name).await?;
    let request = v1::DeleteHeartbeatRequest {
        project: client.project.clone(),
        r#ref: heartbeat.id.clone(),
        etag: String::new(),
    };
    client.heartbeats().delete_heartbeat(request).await?;
    let value = json!({ "id": heartbeat.id, "name": heartbeat.name, "removed": true });
    let text = format!("removed {}", heartbeat.name);
    Ok(done(format, &text, &value))
}

/// All heartbeats, by name.
async fn all(client: &Client) -> Result<Vec<v1::Heartbeat>, Failure> {
    pages::all(async |page_token| {
        let request = v1::ListHeartbeatsRequest {
            project: client.project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.heartbeats().list_heartbeats(request).await?;
        let page = page.into_inner();
        Ok((page.heartbeats, page.next_page_token))
    })
    .await
}

async fn list(client: &Client, format: Format) -> Result<u8, Failure> {
    let all = all(client).await?;
    let now = format::now();
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &all.iter().map(show::json).collect::<Value>());
        }
        Format::Table => output::table(
            ["NAME…", "STATE", "EXPECTED…", "LAST PING", "NEXT"],
            all.iter().map(|one| show::row(one, now)).collect(),
        ),
    }
    Ok(exit::DONE)
}

/// How long ago a time was, as roughly as its age allows.
fn age(at: Option<&prost_types::Timestamp>, now: vigilmon_common::time::Time) -> String {
    match format::time(at) {
        None => "never".to_owned(),
        Some(at) => format::age_text(Some(rough(now.since(at)))),
    }
}

/// A span no finer than its length asks for: `3d`, `2h10m`, `12m5s`.
fn rough(span: Duration) -> Duration {
    let seconds = span.as_secs();
    let step = match seconds {
        0..3_600 => 1,
        3_600..172_800 => 60,
        _ => 86_400,
    };
    Duration::from_secs(seconds - seconds % step).max(span.min(Duration::from_secs(1)))
}

/// A span of the wire; absent ones are zero.
fn span(of: Option<&prost_types::Duration>) -> Duration {
    of.and_then(convert::span).unwrap_or_default()
}
