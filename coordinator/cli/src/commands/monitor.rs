//! `vigilmon monitor …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_common::duration;
use vigilmon_proto::v1;

use super::monitor_flags::{HttpFlags, WatchFlags, given};
use super::{done, heartbeat};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};
use crate::pages;

mod check;
mod show;

/// Results that are printed when no `--since` is given.
const RESULTS_SHOWN: usize = 50;
/// Most results of one call.
const RESULTS_MAX: usize = 10_000;

/// What is done with monitors.
#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Watch something new
    Add(AddArgs),
    /// All monitors
    List,
    /// One monitor: its rule, its state, each region's vote
    Show(Named),
    /// Change a monitor; what is not given stays, an empty text such as --json '' empties a list
    Edit(EditArgs),
    /// Suspend its checks
    Pause(Named),
    /// Resume its checks
    Resume(Named),
    /// Remove it
    Remove(Named),
    /// Run a check now in every region and print what each saw
    Check(CheckArgs),
    /// What its checks saw, newest first
    Results(ResultsArgs),
}

/// A monitor by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its name or id
    name: String,
}

/// A new monitor.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    /// Watch this URL
    #[arg(long, value_name = "URL")]
    http: String,
    #[command(flatten)]
    watch: WatchFlags,
    #[command(flatten)]
    flags: HttpFlags,
}

/// Changes of a monitor.
#[derive(Args, Debug)]
pub(crate) struct EditArgs {
    /// Its name or id
    name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Watch this URL
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    #[command(flatten)]
    watch: WatchFlags,
    #[command(flatten)]
    flags: HttpFlags,
}

/// A check on demand.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// A monitor's name or id, or a URL
    target: String,
    #[command(flatten)]
    watch: WatchFlags,
    #[command(flatten)]
    flags: HttpFlags,
}

/// Which results.
#[derive(Args, Debug)]
pub(crate) struct ResultsArgs {
    /// The monitor's name or id
    name: String,
    /// Only of this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only those not older than this
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    since: Option<std::time::Duration>,
}

impl MonitorCommand {
    /// The monitor that it names.
    fn named(&self) -> Option<&str> {
        match self {
            Self::Add(_) | Self::List => None,
            Self::Show(Named { name })
            | Self::Pause(Named { name })
            | Self::Resume(Named { name })
            | Self::Remove(Named { name }) => Some(name),
            Self::Edit(args) => Some(&args.name),
            Self::Check(args) => Some(&args.target),
            Self::Results(args) => Some(&args.name),
        }
    }
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &MonitorCommand,
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
    match heartbeat::get(client, name).await {
        Ok(found) => Err(heartbeat::other_kind(
            &found.name,
            "a heartbeat",
            "heartbeat",
        )),
        Err(_) => Err(failure),
    }
}

async fn act(command: &MonitorCommand, client: &Client, format: Format) -> Result<u8, Failure> {
    match command {
        MonitorCommand::Add(args) => add(args, client, format).await,
        MonitorCommand::List => list(client, format).await,
        MonitorCommand::Show(args) => {
            show::print(&get(client, &args.name).await?, format);
            Ok(exit::DONE)
        }
        MonitorCommand::Edit(args) => edit(args, client, format).await,
        MonitorCommand::Pause(args) => {
            let request = v1::PauseMonitorRequest {
                project: client.project.clone(),
                r#ref: args.name.clone(),
            };
            let monitor = client.monitors().pause(request).await?.into_inner();
            Ok(done(
                format,
                &format!("paused {}", monitor.name),
                &show::json(&monitor),
            ))
        }
        MonitorCommand::Resume(args) => {
            let request = v1::ResumeMonitorRequest {
                project: client.project.clone(),
                r#ref: args.name.clone(),
            };
            let monitor = client.monitors().resume(request).await?.into_inner();
            Ok(done(
                format,
                &format!("resumed {}", monitor.name),
                &show::json(&monitor),
            ))
        }
        MonitorCommand::Remove(args) => remove(args, client, format).await,
        MonitorCommand::Check(args) => check::run(args, client, format).await,
        MonitorCommand::Results(args) => results(args, client, format).await,
    }
}

/// One of them.
pub(super) async fn get(client: &Client, name: &str) -> Result<v1::Monitor, Failure> {
    let request = v1::GetMonitorRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    Ok(client.monitors().get_monitor(request).await?.into_inner())
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let given = given(Some(&args.http), &args.watch, &args.flags);
    let monitor = v1::Monitor {
        name: args.name.clone(),
        spec: Some(given.spec),
        ..Default::default()
    };
    if !given.wrong.is_empty() {
        let rest = v1::Configuration {
            monitors: vec![monitor],
            ..Default::default()
        };
        return Err(given.wrong.with(rest, client).await);
    }
    let request = v1::CreateMonitorRequest {
        project: client.project.clone(),
        monitor: Some(monitor),
    };
    let made = client
        .monitors()
        .create_monitor(request)
        .await?
        .into_inner();
    let spec = made.spec.clone().unwrap_or_default();
    let text = format!(
        "added {}: {} every {} from {}",
        made.name,
        made.target,
        format::span_text(spec.interval.as_ref()),
        spec.regions.join(", ")
    );
    Ok(done(format, &text, &show::json(&made)))
}

async fn edit(args: &EditArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let mut given = given(args.http.as_deref(), &args.watch, &args.flags);
    given.empty_lists();
    std::mem::take(&mut given.wrong).or(())?;
    if args.rename.is_some() {
        given.mask.push("name".to_owned());
    }
    if given.mask.is_empty() {
        let hint = "`vigilmon monitor edit --help` lists the flags";
        return Err(Failure::usage("nothing to change is given", hint));
    }
    let request = v1::UpdateMonitorRequest {
        project: client.project.clone(),
        r#ref: args.name.clone(),
        monitor: Some(v1::Monitor {
            name: args.rename.clone().unwrap_or_default(),
            spec: Some(given.spec),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: given.mask }),
    };
    let saved = client
        .monitors()
        .update_monitor(request)
        .await?
        .into_inner();
    Ok(done(
        format,
        &format!("saved {}", saved.name),
        &show::json(&saved),
    ))
}

async fn remove(args: &Named, client: &Client, format: Format) -> Result<u8, Failure> {
    let monitor = get(client, &args.name).await?;
    let request = v1::DeleteMonitorRequest {
        project: client.project.clone(),
        r#ref: monitor.id.clone(),
        etag: String::new(),
    };
    client.monitors().delete_monitor(request).await?;
    let value = json!({ "id": monitor.id, "name": monitor.name, "removed": true });
    Ok(done(format, &format!("removed {}", monitor.name), &value))
}

/// All monitors, by name.
pub(super) async fn all(client: &Client) -> Result<Vec<v1::Monitor>, Failure> {
    pages::all(async |page_token| {
        let request = v1::ListMonitorsRequest {
            project: client.project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.monitors().list_monitors(request).await?.into_inner();
        Ok((page.monitors, page.next_page_token))
    })
    .await
}

async fn list(client: &Client, format: Format) -> Result<u8, Failure> {
    let all = all(client).await?;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &all.iter().map(show::json).collect::<Value>())
        }
        Format::Table => output::table(
            ["NAME…", "STATUS", "SINCE (UTC)", "VOTES", "TARGET…"],
            all.iter().map(show::row).collect(),
        ),
    }
    Ok(exit::DONE)
}

async fn results(args: &ResultsArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let wanted = if args.since.is_some() {
        RESULTS_MAX
    } else {
        RESULTS_SHOWN
    };
    let since = args
        .since
        .map(|age| vigilmon_proto::convert::timestamp(format::now() - age));
    let all = pages::up_to(wanted, async |_, page_token| {
        let request = v1::ListResultsRequest {
            project: client.project.clone(),
            monitor: args.name.clone(),
            region: args.region.clone().unwrap_or_default(),
            since,
            until: None,
            page_size: 0,
            page_token,
        };
        let page = client.results().list_results(request).await?.into_inner();
        Ok((page.results, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json | Format::Yaml => output::data(
            format,
            &all.iter().map(check::result_json).collect::<Value>(),
        ),
        Format::Table => output::table(
            ["STARTED (UTC)", "REGION", "OUTCOME", "TOOK", "REASON…"],
            all.iter().map(check::result_row).collect(),
        ),
    }
    Ok(exit::DONE)
}
