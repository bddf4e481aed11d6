//! `vigilmon route …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use super::monitor_flags::{labels, severity};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// What is done with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// A new route; a matcher that is absent matches all
    Add(AddArgs),
    /// All routes
    List,
    /// Remove it
    Remove(Named),
}

/// A route by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its name or id
    name: String,
}

/// A new route.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    /// Severities that it takes: critical, warning, info
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    severity: Vec<String>,
    /// A label that the monitor must have; may be repeated
    #[arg(long, value_name = "K=V")]
    label: Vec<String>,
    /// A monitor that it takes; may be repeated
    #[arg(long, value_name = "MONITOR", value_delimiter = ',')]
    monitor: Vec<String>,
    /// Events that it takes: opened, updated, resolved, system …
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    event: Vec<String>,
    /// Scopes that it takes: global (when absent), regional
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    scope: Vec<String>,
    /// The channels that it leads to
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',', required = true)]
    to: Vec<String>,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &RouteCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        RouteCommand::Add(args) => add(args, client, format).await,
        RouteCommand::List => {
            let all = all(client).await?;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &all.iter().map(to_json).collect::<Value>())
                }
                Format::Table => {
                    output::table(["NAME…", "MATCHES…", "TO…"], all.iter().map(row).collect());
                }
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
    }
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let severities: Result<Vec<i32>, _> = args.severity.iter().map(|s| severity(s)).collect();
    let scopes: Result<Vec<i32>, _> = args.scope.iter().map(|s| scope(s)).collect();
    let route = v1::Route {
        name: args.name.clone(),
        severities: severities?,
        labels: labels(&args.label)?,
        monitors: args.monitor.clone(),
        events: args.event.clone(),
        scopes: scopes?,
        to: args.to.clone(),
        ..Default::default()
    };
    let request = v1::CreateRouteRequest {
        project: client.project.clone(),
        route: Some(route),
    };
    let made = client.routes().create_route(request).await?.into_inner();
    let text = format!(
        "added {}: {} → {}",
        made.name,
        matches(&made),
        made.to.join(", ")
    );
    Ok(done(format, &text, &to_json(&made)))
}

/// All routes.
pub(super) async fn all(client: &Client) -> Result<Vec<v1::Route>, Failure> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListRoutesRequest {
            project: client.project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.routes().list_routes(request).await?.into_inner();
        all.extend(page.routes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
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

fn severities(route: &v1::Route) -> Vec<String> {
    route
        .severities
        .iter()
        .map(|&severity| format::severity(severity))
        .collect()
}

fn scopes(route: &v1::Route) -> Vec<String> {
    let word = |&scope: &i32| {
        format::word(
            v1::Scope::try_from(scope).unwrap_or_default().as_str_name(),
            "SCOPE_",
        )
    };
    route.scopes.iter().map(word).collect()
}

fn matches(route: &v1::Route) -> String {
    let mut labels: Vec<String> = route
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    labels.sort();
    let parts = [
        ("severity", severities(route)),
        ("label", labels),
        ("monitor", route.monitors.clone()),
        ("event", route.events.clone()),
        ("scope", scopes(route)),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| format!("{name} {}", values.join("|")))
        .collect();
    if said.is_empty() {
        "everything global".to_owned()
    } else {
        said.join(", ")
    }
}

fn row(route: &v1::Route) -> [String; 3] {
    [route.name.clone(), matches(route), route.to.join(", ")]
}

fn to_json(route: &v1::Route) -> Value {
    let labels: std::collections::BTreeMap<_, _> = route.labels.iter().collect();
    json!({
        "id": route.id,
        "name": route.name,
        "severity": severities(route),
        "labels": labels,
        "monitors": route.monitors,
        "event": route.events,
        "scope": scopes(route),
        "to": route.to,
        "created_at": format::time_json(route.create_time.as_ref()),
        "etag": route.etag,
    })
}
