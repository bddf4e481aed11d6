//! `vigilmon route …`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_common::duration;
use vigilmon_proto::{convert, v1};

use super::done;
use super::monitor_flags::{labels, severity};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};
use crate::pages;

mod explain;
mod show;

use show::{lines, row, sentence, to_json};

/// What is done with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// A new route; a matcher that is absent matches all
    Add(AddArgs),
    /// All routes
    List,
    /// One route
    Show(Named),
    /// Change it; what is not given stays, '' empties
    Edit(EditArgs),
    /// Remove it
    Remove(Named),
    /// Who would hear of a monitor, and why; which routes pass it by, and why
    Explain(ExplainArgs),
}

/// A route by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its name or id
    name: String,
}

/// Of what is to be explained who hears.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The monitor's name or id
    monitor: String,
}

/// A new route.
#[derive(Args, Debug)]
#[command(mut_arg("to", |arg| arg.required(true)))]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    flags: RouteFlags,
}

/// A changed route.
#[derive(Args, Debug)]
pub(crate) struct EditArgs {
    /// Its name or id
    name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    #[command(flatten)]
    flags: RouteFlags,
}

/// What a route takes and where it leads.
#[derive(Args, Debug)]
struct RouteFlags {
    /// Severities that it takes: critical, warning, info
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    severity: Option<Vec<String>>,
    /// A label that the monitor must have; may be repeated
    #[arg(long, value_name = "K=V")]
    label: Option<Vec<String>>,
    /// A monitor that it takes; may be repeated
    #[arg(long, value_name = "MONITOR", value_delimiter = ',')]
    monitor: Option<Vec<String>>,
    /// Events that it takes: opened, updated, resolved, system; when absent all but system
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    event: Option<Vec<String>>,
    /// Scopes that it takes: global (when absent), regional
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    scope: Option<Vec<String>>,
    /// The channels that it leads to
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',')]
    to: Option<Vec<String>>,
    /// Who hears of it later, unless somebody acknowledges it: 5m=CHANNEL,CHANNEL; may be repeated
    #[arg(long, value_name = "5m=CHANNEL")]
    then: Option<Vec<String>>,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &RouteCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        RouteCommand::Add(args) => add(args, client, format).await,
        RouteCommand::Edit(args) => edit(args, client, format).await,
        RouteCommand::List => {
            let all = all(client).await?;
            match format {
                Format::Table => output::table(
                    ["NAME…", "MATCHES…", "TO…", "THEN…"],
                    all.iter().map(row).collect(),
                ),
                format => output::data(format, &all.iter().map(to_json).collect::<Value>()),
            }
            Ok(exit::DONE)
        }
        RouteCommand::Show(Named { name }) => {
            let request = v1::GetRouteRequest {
                project: client.project.clone(),
                r#ref: name.clone(),
            };
            let route = client.routes().get_route(request).await?.into_inner();
            match format {
                Format::Table => output::lines(&lines(&route)),
                format => output::data(format, &to_json(&route)),
            }
            Ok(exit::DONE)
        }
        RouteCommand::Remove(Named { name }) => {
            let request = v1::DeleteRouteRequest {
                project: client.project.clone(),
                r#ref: name.clone(),
                etag: String::new(),
            };
            client.routes().delete_route(request).await?;
            let value = json!({ "name": name, "removed": true });
            Ok(done(format, &format!("removed {name}"), &value))
        }
        RouteCommand::Explain(args) => explain::run(&args.monitor, client, format).await,
    }
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let (mut route, _) = given(&args.flags)?;
    route.name.clone_from(&args.name);
    let request = v1::CreateRouteRequest {
        project: client.project.clone(),
        route: Some(route),
    };
    let made = client.routes().create_route(request).await?.into_inner();
    let text = format!("added {}: {}", made.name, sentence(&made));
    Ok(done(format, &text, &to_json(&made)))
}

async fn edit(args: &EditArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let (mut route, mut paths) = given(&args.flags)?;
    if let Some(name) = &args.rename {
        route.name.clone_from(name);
        paths.push("name".to_owned());
    }
    if paths.is_empty() {
        return Err(Failure::usage("nothing to change", "name a flag"));
    }
    let request = v1::UpdateRouteRequest {
        project: client.project.clone(),
        r#ref: args.name.clone(),
        route: Some(route),
        update_mask: Some(prost_types::FieldMask { paths }),
    };
    let saved = client.routes().update_route(request).await?.into_inner();
    let text = format!("changed {}: {}", saved.name, sentence(&saved));
    Ok(done(format, &text, &to_json(&saved)))
}

/// The route that flags make, and which of its fields they name.
fn given(flags: &RouteFlags) -> Result<(v1::Route, Vec<String>), Failure> {
    let mut route = v1::Route::default();
    let mut paths = Vec::new();
    let mut name = |field: &str| paths.push(field.to_owned());
    if let Some(words) = filled(flags.severity.as_ref()) {
        name("severities");
        let severities: Result<Vec<i32>, _> = words.iter().map(|word| severity(word)).collect();
        route.severities = severities?;
    }
    if let Some(given) = &flags.label {
        name("labels");
        route.labels = labels(given)?;
    }
    if let Some(monitors) = filled(flags.monitor.as_ref()) {
        name("monitors");
        route.monitors = monitors;
    }
    if let Some(events) = filled(flags.event.as_ref()) {
        name("events");
        route.events = events;
    }
    if let Some(words) = filled(flags.scope.as_ref()) {
        name("scopes");
        let scopes: Result<Vec<i32>, _> = words.iter().map(|word| scope(word)).collect();
        route.scopes = scopes?;
    }
    if let Some(to) = filled(flags.to.as_ref()) {
        name("to");
        route.to = to;
    }
    if let Some(steps) = filled(flags.then.as_ref()) {
        name("then");
        let then: Result<Vec<v1::RouteStep>, _> = steps.iter().map(|text| step(text)).collect();
        route.then = then?;
    }
    Ok((route, paths))
}

/// A list that was given; a single empty text empties it.
fn filled(given: Option<&Vec<String>>) -> Option<Vec<String>> {
    let given = given?.iter();
    Some(given.filter(|text| !text.is_empty()).cloned().collect())
}

/// `5m=CHANNEL,CHANNEL`.
fn step(text: &str) -> Result<v1::RouteStep, Failure> {
    let usage = |message: String| Failure::usage(message, "write --then 5m=CHANNEL");
    let (after, to) = text
        .split_once('=')
        .ok_or_else(|| usage(format!("--then: `{text}` has no `=`")))?;
    let after: Duration =
        duration::parse(after).map_err(|error| usage(format!("--then: {error}")))?;
    let to = to.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(v1::RouteStep {
        after: Some(convert::duration(after)),
        to: to.map(str::to_owned).collect(),
    })
}

/// All routes.
pub(super) async fn all(client: &Client) -> Result<Vec<v1::Route>, Failure> {
    pages::all(async |page_token| {
        let request = v1::ListRoutesRequest {
            project: client.project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.routes().list_routes(request).await?.into_inner();
        Ok((page.routes, page.next_page_token))
    })
    .await
}

fn scope(word: &str) -> Result<i32, Failure> {
    match v1::Scope::from_str_name(&format!("SCOPE_{}", word.to_ascii_uppercase())) {
        Some(scope) if scope != v1::Scope::Unspecified => Ok(scope.into()),
        _ => {
            let message = format!("--scope: `{word}` is no scope");
            Err(Failure::new(
                exit::FAILED,
                message,
                "use global or regional",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_time_and_channels() {
        let read = step("1h30m=ops, on-call").unwrap();
        assert_eq!(
            read.after,
            Some(convert::duration(Duration::from_secs(5_400)))
        );
        assert_eq!(read.to, ["ops", "on-call"]);
        for wrong in ["5m", "soon=ops", "=ops"] {
            assert_eq!(step(wrong).unwrap_err().code, exit::USAGE, "{wrong}");
        }
    }

    #[test]
    fn only_what_was_given_is_named_and_an_empty_text_empties() {
        let flags = RouteFlags {
            severity: Some(vec![String::new()]),
            label: None,
            monitor: None,
            event: None,
            scope: None,
            to: None,
            then: Some(vec!["5m=ops".to_owned()]),
        };
        let (route, paths) = given(&flags).unwrap();
        assert_eq!(paths, ["severities", "then"]);
        assert!(route.severities.is_empty() && route.then.len() == 1);
    }
}
