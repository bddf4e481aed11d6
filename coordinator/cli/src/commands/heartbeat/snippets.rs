//! `vigilmon heartbeat show NAME --snippets`: how a job pings it.

use serde_json::{Value, json};
use vigilmon_common::heartbeat::HeartbeatSpec;
use vigilmon_common::heartbeat::snippets::{self, Snippet};
use vigilmon_common::monitor::draft::Known;
use vigilmon_proto::convert::heartbeat::draft_from_wire;
use vigilmon_proto::v1;

use super::urls::Seen;
use super::{get, urls};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// Prints all snippets, or that of one tool alone, which then is a file.
pub(super) async fn run(
    name: &str,
    tool: &str,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    let heartbeat = get(client, name).await?;
    let url = match urls::seen(client, &heartbeat.id).await? {
        Seen::Url(url) => url,
        Seen::Hidden => {
            let message = "snippets hold the ping URL, which this token may not see";
            let hint = "use a token of role editor or admin";
            return Err(Failure::new(exit::DENIED, message, hint));
        }
        Seen::Unreadable(why) => return Err(why),
    };
    let mut all = snippets::all(&url.url, &spec(&heartbeat)?);
    if !tool.is_empty() {
        let tools: Vec<&str> = all.iter().map(|snippet| snippet.tool).collect();
        if !tools.contains(&tool) {
            let message = format!("--snippets: there is none for `{tool}`");
            let hint = format!("there are {}", tools.join(", "));
            return Err(Failure::usage(message, hint));
        }
        all.retain(|snippet| snippet.tool == tool);
    }
    match format {
        Format::Json | Format::Yaml => output::data(format, &to_json(&all)),
        Format::Table => output::lines(&lines(&all)),
    }
    Ok(exit::DONE)
}

/// What the coordinator has checked already; who is told is no matter of a job's.
fn spec(heartbeat: &v1::Heartbeat) -> Result<HeartbeatSpec, Failure> {
    let mut spec = heartbeat.spec.clone().unwrap_or_default();
    spec.notify.clear();
    let checked =
        draft_from_wire(&heartbeat.name, &spec).and_then(|draft| draft.check(&Known::default()));
    checked.map_err(|problems| {
        let message = format!("{} has a newer form: {problems}", heartbeat.name);
        let hint = "use the command line of the coordinator's version";
        Failure::new(exit::FAILED, message, hint)
    })
}

fn lines(all: &[Snippet]) -> Vec<String> {
    if let [only] = all {
        return vec![only.text.trim_end().to_owned()];
    }
    let mut lines = Vec::new();
    for snippet in all {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("== {} ({})", snippet.title, snippet.tool));
        lines.push(String::new());
        lines.push(snippet.text.trim_end().to_owned());
    }
    lines
}

fn to_json(all: &[Snippet]) -> Value {
    let one = |snippet: &Snippet| json!({ "tool": snippet.tool, "title": snippet.title, "text": snippet.text });
    json!({ "snippets": all.iter().map(one).collect::<Value>() })
}
