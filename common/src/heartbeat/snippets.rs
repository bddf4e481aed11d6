//! Snippets: how a job of any sort pings, ready to be copied.
//!
//! Each is a whole file, or files one after the other that begin with their names. All have a bound
//! on how long a ping may take, none lets a ping that cannot be sent stop the job, and in none does
//! a job that failed say that it is done. What a scheduler cannot say of a schedule is left out:
//! cron has no seconds, and no scheduler but ours knows the last Friday of a month.

use std::time::Duration;

use super::{HeartbeatSpec, Schedule};
use times::Times;

mod times;

/// Longest name that is made of a heartbeat's: a Kubernetes CronJob's.
const NAME_MAX: usize = 52;
/// How long a job of GitHub Actions may take where no longest run is set; GitHub's own default.
const GITHUB_MINUTES: u64 = 360;

/// Pauses of 1, 2, 4, 8 and 16 s lie between the tries, so that a ping outlives a restart of the
/// coordinator; without `--retry-connrefused` curl gives up at the first closed port.
const CURL: &str = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null";
/// What a tool's limit leaves beyond the longest run: the ping before it may be tried for a minute
/// and a half where nothing answers.
const AROUND_RUN: Duration = Duration::from_secs(120);
const LIMIT: &str = "The longest run and 2 minutes";

/// How a job of one sort pings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snippet {
    /// The tool that it is for, in one word.
    pub tool: &'static str,
    /// What it is, for a heading.
    pub title: &'static str,
    /// The text to copy; ends with a line break.
    pub text: String,
}

/// All snippets for a heartbeat that is pinged at `url`.
#[must_use]
pub fn all(url: &str, spec: &HeartbeatSpec) -> Vec<Snippet> {
    let times = Times::of(spec);
    let known = known(url, spec, &times);
    let mut made = Vec::new();
    let mut add = |tool, title, templates: &[&str]| {
        let text = fill(&templates.concat(), &known);
        made.push(Snippet { tool, title, text });
    };
    let calendar = times.calendar().is_some();
    let (portable, named) = (times.portable().is_some(), times.named().is_some());
    add("shell", "Any command, in a shell", &[SHELL]);
    if times.cron.is_some() {
        add("cron", "A line of a crontab", &[CRONTAB]);
    }
    if calendar {
        add("systemd", "systemd, with a timer", &[SERVICE, TIMER]);
    } else {
        add("systemd", "systemd", &[SERVICE]);
    }
    if portable {
        add("kubernetes", "A Kubernetes CronJob", &[CRONJOB]);
    }
    if portable && times.is_for_github() {
        add("github-actions", "GitHub Actions", &[WORKFLOW]);
    }
    let httpx = ["# pip install httpx\n", PING, RUN, MAIN];
    add("httpx", "Python with httpx", &httpx);
    add("requests", "Python with requests", &[REQUESTS, RUN, MAIN]);
    if named {
        let pip = "# pip install 'apscheduler>=3.10,<4' httpx\n";
        let templates = [pip, PING, RUN, APSCHEDULER];
        add("apscheduler", "Python with APScheduler", &templates);
        let pip = "# jobs.py: pip install 'celery[redis]' httpx; celery -A jobs worker --beat\n";
        add("celery", "Python with Celery", &[pip, PING, RUN, CELERY]);
    }
    add("node", "Node.js", &[NODE]);
    add("go", "Go", &[GO]);
    add("rust", "Rust", &[RUST]);
    for snippet in &mut made {
        let imports = match snippet.tool {
            "apscheduler" => APSCHEDULER_IMPORTS,
            "celery" => CELERY_IMPORTS,
            _ => "",
        };
        let limit = limit(snippet.tool, spec.max_run);
        snippet.text = fill(&snippet.text, &[("imports", imports.to_owned()), limit]);
    }
    made
}

const SHELL: &str = include_str!("snippets/shell.sh.in");
const CRONTAB: &str = include_str!("snippets/crontab.in");
const SERVICE: &str = include_str!("snippets/service.in");
const TIMER: &str = include_str!("snippets/timer.in");
const CRONJOB: &str = include_str!("snippets/cronjob.yaml.in");
const WORKFLOW: &str = include_str!("snippets/workflow.yml.in");
const PING: &str = include_str!("snippets/ping.py.in");
const REQUESTS: &str = include_str!("snippets/requests.py.in");
const RUN: &str = include_str!("snippets/run.py.in");
const MAIN: &str = include_str!("snippets/main.py.in");
const APSCHEDULER: &str = include_str!("snippets/apscheduler.py.in");
const CELERY: &str = include_str!("snippets/celery.py.in");
const NODE: &str = include_str!("snippets/node.mjs.in");
const GO: &str = include_str!("snippets/go.in");
const RUST: &str = include_str!("snippets/rust.in");

const APSCHEDULER_IMPORTS: &str = "from apscheduler.schedulers.blocking import BlockingScheduler\n\
                                   from apscheduler.triggers.cron import CronTrigger\n";
const CELERY_IMPORTS: &str = "from celery import Celery\nfrom celery.schedules import crontab\n";

/// What may stand between `<<` and `>>` in a template, and what it stands for.
type Known = (&'static str, String);

fn known(url: &str, spec: &HeartbeatSpec, times: &Times) -> Vec<Known> {
    let (curl, [lower, upper, title]) = if spec.post_only {
        (format!("{CURL} -d \"\""), ["post", "POST", "Post"])
    } else {
        (CURL.to_owned(), ["get", "GET", "Get"])
    };
    let minutes = spec.max_run.map_or(GITHUB_MINUTES, |run| {
        (run + AROUND_RUN)
            .as_secs()
            .div_ceil(60)
            .clamp(1, GITHUB_MINUTES)
    });
    let zone = match times.time_zone() {
        "UTC" => String::new(),
        zone => format!("; these hours are {zone}'s: give the heartbeat --tz UTC"),
    };
    let mut known = vec![
        ("url", url.to_owned()),
        ("name", spec.name.to_string()),
        ("slug", file_name(spec.name.as_str())),
        ("curl", curl),
        ("method", lower.to_owned()),
        ("METHOD", upper.to_owned()),
        ("Method", title.to_owned()),
        ("minutes", minutes.to_string()),
        ("zone", zone),
        ("tz", times.time_zone().to_owned()),
        ("cron", times.cron.clone().unwrap_or_default()),
        ("calendar", times.calendar().unwrap_or_default()),
        ("portable", times.portable().unwrap_or_default()),
        ("named", times.named().unwrap_or_default()),
    ];
    let fields = ["minute", "hour", "day", "month", "weekday"];
    let said = times.portable().unwrap_or_default();
    known.extend(fields.into_iter().zip(said.split(' ').map(str::to_owned)));
    known
}

/// How a tool ends a run that takes too long, and its pings with it.
fn limit(tool: &str, max_run: Option<Duration>) -> Known {
    let text = max_run
        .map(|run| (run + AROUND_RUN).as_secs())
        .map(|seconds| match tool {
            "systemd" => format!("\n# {LIMIT}: pings take time too.\nTimeoutStartSec={seconds}"),
            "kubernetes" => format!(
                "\n      # {LIMIT}: pings and pulling the image take time too.\n      \
                 activeDeadlineSeconds: {seconds}"
            ),
            "celery" => format!(", soft_time_limit={seconds}"),
            _ => String::new(),
        });
    ("limit", text.unwrap_or_default())
}

fn fill(template: &str, known: &[Known]) -> String {
    known
        .iter()
        .fold(template.to_owned(), |text, (key, value)| {
            text.replace(&format!("<<{key}>>"), value)
        })
}

/// The name of files, units and Kubernetes' objects.
fn file_name(name: &str) -> String {
    let slug = super::slug(name);
    let cut: String = slug.chars().take(NAME_MAX).collect();
    cut.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
