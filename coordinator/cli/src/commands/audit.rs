//! `vigilmon audit`

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};
use crate::pages;

/// How many entries are shown without `--since`.
const SHOWN: usize = 50;
/// Most entries that are read.
const MAX: usize = 10_000;

/// Which part of the audit log.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// All of this last while, such as 24h; the last 50 entries when absent
    #[arg(long, value_name = "DURATION", value_parser = vigilmon_common::duration::parse)]
    since: Option<Duration>,
}

/// Does it; the exit code.
pub(crate) async fn run(args: &AuditArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let wanted = if args.since.is_some() { MAX } else { SHOWN };
    let since = args
        .since
        .map(|age| vigilmon_proto::convert::timestamp(format::now() - age));
    let entries = pages::up_to(wanted, async |wanted, page_token| {
        let request = v1::ListAuditEntriesRequest {
            since,
            page_size: i32::try_from(wanted).unwrap_or(i32::MAX),
            page_token,
        };
        let page = client
            .audit()
            .list_audit_entries(request)
            .await?
            .into_inner();
        Ok((page.entries, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &entries.iter().map(to_json).collect::<Value>());
        }
        Format::Table => output::table(
            ["TIME (UTC)", "WHO…", "WHAT", "TO WHAT…", "HOW…"],
            entries.iter().map(row).collect(),
        ),
    }
    if entries.len() == MAX {
        output::note(&format!("the newest {MAX} entries; there are more"));
    }
    Ok(exit::DONE)
}

fn row(entry: &v1::AuditEntry) -> [String; 5] {
    let what = match entry.name.as_str() {
        "" => entry.object.clone(),
        name => name.to_owned(),
    };
    [
        format::minute_text(entry.time.as_ref()),
        entry.actor.clone(),
        entry.action.clone(),
        what,
        entry.detail.clone(),
    ]
}

fn to_json(entry: &v1::AuditEntry) -> Value {
    json!({
        "at": format::time_json(entry.time.as_ref()),
        "actor": entry.actor,
        "action": entry.action,
        "object": entry.object,
        "name": format::text(&entry.name),
        "detail": format::text(&entry.detail),
    })
}
