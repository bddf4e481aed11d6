//! `vigilmon apply`, `diff`, `export` and `schema`: the configuration as code.

use std::path::PathBuf;

use clap::Args;
use prost::Message;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use vigilmon_proto::limits::CONFIGURATION_MAX;
use vigilmon_proto::v1;

use super::monitor_flags::labels;
use crate::client::Client;
use crate::configuration::{self, Faults, Read};
use crate::context::ContextFlags;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// What stands for no difference; scripts rely on it.
const NO_CHANGES: &str = "no changes";
/// What a request has beside the configuration, in bytes, at most.
const ENVELOPE: usize = 16 * 1024;
/// Most changes of one object that its line names.
const NAMED_MAX: usize = 8;

/// Which files.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// Files, folders (all *.yaml and *.yml below) or - for standard input
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE|DIR|-",
        required = true,
        num_args = 1..
    )]
    files: Vec<PathBuf>,
}

/// Make the configuration as files say, all of it or nothing
#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    files: Files,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    prune: PruneFlags,
}

/// Say what apply would change
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    files: Files,
    /// Exit with 1 when something would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    prune: PruneFlags,
}

/// What may go.
#[derive(Args, Debug)]
struct PruneFlags {
    /// Remove monitors and heartbeats with the label that no file names; nothing else
    #[arg(long, requires = "label")]
    prune: bool,
    /// The label of those that may go; several must all fit
    #[arg(long, value_name = "K=V", requires = "prune")]
    label: Vec<String>,
}

impl PruneFlags {
    fn wire(&self) -> Result<Option<v1::Prune>, Failure> {
        let labels = labels(&self.label)?;
        Ok(self.prune.then_some(v1::Prune { labels }))
    }
}

/// `apply`; the exit code.
pub(crate) async fn apply(
    args: &ApplyArgs,
    context: &ContextFlags,
    format: Format,
) -> Result<u8, Failure> {
    let prune = args.prune.wire()?;
    let read = configuration::read(&args.files.files)?;
    let (client, plan, wanted) = plan(read, prune.clone(), context).await?;
    if args.dry_run || plan.steps.is_empty() {
        tell(&Told::planned(&plan), format);
        return Ok(exit::DONE);
    }
    let done = carry_out(&client, wanted, prune, plan.etag).await?;
    tell(&Told::applied(&done), format);
    hint_ping_urls(&done);
    Ok(exit::DONE)
}

/// `diff`; the exit code.
pub(crate) async fn diff(
    args: &DiffArgs,
    context: &ContextFlags,
    format: Format,
) -> Result<u8, Failure> {
    let prune = args.prune.wire()?;
    let read = configuration::read(&args.files.files)?;
    let (_, plan, _) = plan(read, prune, context).await?;
    tell(&Told::planned(&plan), format);
    let differs = args.exit_code && !plan.steps.is_empty();
    Ok(if differs { exit::FAILED } else { exit::DONE })
}

/// `export`; the exit code.
pub(crate) async fn export(context: &ContextFlags, format: Format) -> Result<u8, Failure> {
    let client = Client::connect(&context.resolve()?).await?;
    let request = v1::ExportRequest {
        project: client.project.clone(),
    };
    let mut parts = client.configuration().export(request).await?.into_inner();
    let mut whole = v1::Configuration::default();
    while let Some(part) = parts.next().await {
        let part = part?;
        whole.regions.extend(part.regions);
        whole.channels.extend(part.channels);
        whole.routes.extend(part.routes);
        whole.monitors.extend(part.monitors);
        whole.heartbeats.extend(part.heartbeats);
    }
    let document = configuration::document(&whole);
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&document).map_err(|e| e.to_string()),
        Format::Table | Format::Yaml => {
            serde_saphyr::to_string(&document).map_err(|e| e.to_string())
        }
    };
    let text = text.map_err(|error| Failure::new(exit::FAILED, error, ""))?;
    output::lines(&[text.trim_end()]);
    Ok(exit::DONE)
}

/// `schema`; the exit code.
pub(crate) fn schema() -> u8 {
    output::data(Format::Json, &configuration::schema());
    exit::DONE
}

/// Applies files to a coordinator that this process runs.
pub(crate) async fn apply_at_start(read: Read, client: &Client) -> Result<Vec<String>, Failure> {
    let (plan, wanted) = planned(read, None, client).await?;
    if plan.steps.is_empty() {
        return Ok(Told::planned(&plan).lines());
    }
    let done = carry_out(client, wanted, None, plan.etag).await?;
    hint_ping_urls(&done);
    Ok(Told::applied(&done).lines())
}

/// All that is wrong with files, as a failure.
pub(crate) fn refused(faults: &Faults) -> Failure {
    let lines = faults.lines();
    let hint = match lines.len() {
        1 => "nothing was changed".to_owned(),
        n => format!("{n} problems; nothing was changed"),
    };
    Failure {
        code: exit::FAILED,
        messages: lines,
        remedies: Vec::new(),
        hint,
    }
}

/// Asks for the plan. Where no coordinator answers, what the files alone show is said.
async fn plan(
    read: Read,
    prune: Option<v1::Prune>,
    context: &ContextFlags,
) -> Result<(Client, v1::PlanResponse, v1::Configuration), Failure> {
    let client = match context.resolve() {
        Ok(context) => Client::connect(&context).await,
        Err(failure) => Err(failure),
    };
    match client {
        Err(_) if !read.faults.is_empty() => Err(refused(&read.faults)),
        Err(failure) => Err(failure),
        Ok(client) => {
            let (plan, wanted) = planned(read, prune, &client).await?;
            Ok((client, plan, wanted))
        }
    }
}

async fn planned(
    mut read: Read,
    prune: Option<v1::Prune>,
    client: &Client,
) -> Result<(v1::PlanResponse, v1::Configuration), Failure> {
    let bytes = read.wanted.encoded_len();
    if bytes + ENVELOPE > CONFIGURATION_MAX {
        let message = format!("the configuration has {} MiB", bytes.div_ceil(1024 * 1024));
        let most = CONFIGURATION_MAX / 1024 / 1024;
        let hint = format!("keep it below {most} MiB, or apply parts of it one after the other");
        return Err(Failure::new(exit::FAILED, message, hint));
    }
    let request = v1::PlanRequest {
        project: client.project.clone(),
        configuration: Some(read.wanted.clone()),
        prune,
    };
    let answer = client.configuration().plan(request).await;
    let mut plan = match answer {
        Ok(answer) => answer.into_inner(),
        Err(_) if !read.faults.is_empty() => return Err(refused(&read.faults)),
        Err(status) => return Err(status.into()),
    };
    read.faults
        .take_coordinators(std::mem::take(&mut plan.problems));
    if read.faults.is_empty() {
        Ok((plan, read.wanted))
    } else {
        Err(refused(&read.faults))
    }
}

async fn carry_out(
    client: &Client,
    wanted: v1::Configuration,
    prune: Option<v1::Prune>,
    etag: String,
) -> Result<v1::ApplyResponse, Failure> {
    let request = v1::ApplyRequest {
        project: client.project.clone(),
        configuration: Some(wanted),
        prune,
        etag,
    };
    let answer = client.configuration().apply(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| {
        let conflict = status.code() == tonic::Code::Aborted;
        let mut failure = Failure::from(status);
        if conflict {
            failure.messages = vec![
                "somebody changed the configuration meanwhile; nothing was applied".to_owned(),
            ];
            failure.hint = "look with `vigilmon diff`, then apply again".to_owned();
        }
        failure
    })
}

/// What was planned or done.
struct Told<'a> {
    steps: &'a [v1::ConfigStep],
    unchanged: u32,
    secrets: &'a [v1::MadeSecret],
    applied: bool,
}

impl<'a> Told<'a> {
    fn planned(plan: &'a v1::PlanResponse) -> Self {
        Self {
            steps: &plan.steps,
            unchanged: plan.unchanged,
            secrets: &[],
            applied: false,
        }
    }

    fn applied(done: &'a v1::ApplyResponse) -> Self {
        Self {
            steps: &done.steps,
            unchanged: done.unchanged,
            secrets: &done.secrets,
            applied: true,
        }
    }

    fn count(&self, action: v1::ConfigAction) -> usize {
        let is = |step: &&v1::ConfigStep| step.action() == action;
        self.steps.iter().filter(is).count()
    }

    fn lines(&self) -> Vec<String> {
        if self.steps.is_empty() {
            return vec![NO_CHANGES.to_owned()];
        }
        let mut lines: Vec<String> = self.steps.iter().map(line).collect();
        for made in self.secrets {
            let (channel, secret) = (&made.channel, &made.secret);
            lines.push(format!("secret of {channel} (shown this once): {secret}"));
        }
        lines.push(format!(
            "{}{} new, {} changed, {} removed, {} unchanged",
            if self.applied { "applied: " } else { "plan: " },
            self.count(v1::ConfigAction::Create),
            self.count(v1::ConfigAction::Update),
            self.count(v1::ConfigAction::Delete),
            self.unchanged,
        ));
        lines
    }

    fn json(&self) -> Value {
        let secrets = self
            .secrets
            .iter()
            .map(|made| (made.channel.clone(), json!(made.secret)));
        json!({
            "applied": self.applied,
            "steps": self.steps.iter().map(step_json).collect::<Value>(),
            "created": self.count(v1::ConfigAction::Create),
            "updated": self.count(v1::ConfigAction::Update),
            "removed": self.count(v1::ConfigAction::Delete),
            "unchanged": self.unchanged,
            "secrets": Value::Object(secrets.collect()),
        })
    }
}

fn tell(told: &Told<'_>, format: Format) {
    match format {
        Format::Table => output::lines(&told.lines()),
        Format::Json | Format::Yaml => output::data(format, &told.json()),
    }
}

/// A new heartbeat waits for a job that knows its URL, and a URL is a secret that no plan shows.
fn hint_ping_urls(done: &v1::ApplyResponse) {
    let made = |step: &v1::ConfigStep| {
        step.object == "heartbeat" && step.action() == v1::ConfigAction::Create
    };
    if done.steps.iter().any(made) {
        output::note("hint: ping URLs: vigilmon heartbeat show NAME");
    }
}

fn action(step: &v1::ConfigStep) -> (&'static str, &'static str) {
    match step.action() {
        v1::ConfigAction::Create => ("+", "create"),
        v1::ConfigAction::Update => ("~", "update"),
        v1::ConfigAction::Delete => ("-", "remove"),
        v1::ConfigAction::Unspecified => ("?", "unknown"),
    }
}

fn line(step: &v1::ConfigStep) -> String {
    let (sign, _) = action(step);
    let head = format!("{sign} {} {}", step.object, step.name);
    if step.changes.is_empty() {
        return head;
    }
    let mut changes: Vec<String> = step.changes.iter().take(NAMED_MAX).map(change).collect();
    let more = step.changes.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        changes.push(format!("{more} more"));
    }
    format!("{head}: {}", changes.join(", "))
}

/// A change in words; a line break would begin another object's line.
fn change(change: &v1::ConfigChange) -> String {
    let shown = |text: &str| match text {
        "" => "none".to_owned(),
        text => text.replace(['\n', '\r'], " "),
    };
    if change.from == change.to {
        return format!("{} changed", change.field);
    }
    format!(
        "{} {} -> {}",
        change.field,
        shown(&change.from),
        shown(&change.to)
    )
}

fn step_json(step: &v1::ConfigStep) -> Value {
    let change = |change: &v1::ConfigChange| json!({ "field": change.field, "from": change.from, "to": change.to });
    json!({
        "action": action(step).1,
        "object": step.object,
        "name": step.name,
        "changes": step.changes.iter().map(change).collect::<Value>(),
    })
}
