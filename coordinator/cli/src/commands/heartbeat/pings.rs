//! `vigilmon heartbeat pings` and `body`: what a job said.

use std::io::IsTerminal;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::{BodyArgs, get};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// A kilobyte.
const KILO: u64 = 1_000;

/// The columns of a table of pings.
pub(super) const HEAD: [&str; 7] = ["NO", "TIME (UTC)", "SIGNAL", "RUN", "BODY", "RID…", "FROM…"];

/// Prints all pings that are kept.
pub(super) async fn run(name: &str, client: &Client, format: Format) -> Result<u8, Failure> {
    let pings = last(client, name).await?;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &pings.iter().map(to_json).collect::<Value>());
        }
        Format::Table => output::table(HEAD, pings.iter().map(row).collect()),
    }
    Ok(exit::DONE)
}

/// The pings that are kept, newest first.
pub(super) async fn last(client: &Client, name: &str) -> Result<Vec<v1::Ping>, Failure> {
    let request = v1::ListPingsRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
        page_size: 0,
    };
    let answer = client.heartbeats().list_pings(request).await?;
    Ok(answer.into_inner().pings)
}

/// A ping as a row of a table.
pub(super) fn row(ping: &v1::Ping) -> [String; 7] {
    let dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    let signal = match ping.count {
        0 | 1 => ping.signal.clone(),
        count => format!("{} x{count}", ping.signal),
    };
    let run = match format::span(ping.run.as_ref()) {
        Some(run) => format::lasting(run),
        None if ping.never_finished => "never".to_owned(),
        None => "-".to_owned(),
    };
    let body = match ping.body_size {
        0 => "-".to_owned(),
        bytes if bytes < KILO => format!("{bytes} B"),
        bytes => format!("{} kB", bytes.div_ceil(KILO)),
    };
    [
        ping.number.to_string(),
        format::time_text(ping.time.as_ref()),
        signal,
        run,
        body,
        dash(&ping.rid),
        dash(&ping.from),
    ]
}

/// A ping as JSON.
pub(super) fn to_json(ping: &v1::Ping) -> Value {
    json!({
        "number": ping.number,
        "at": format::time_json(ping.time.as_ref()),
        "signal": ping.signal,
        "rid": format::text(&ping.rid),
        "method": ping.method,
        "from": format::text(&ping.from),
        "user_agent": format::text(&ping.user_agent),
        "count": ping.count,
        "body_size": ping.body_size,
        "body_kept": ping.body_kept,
        "run_seconds": format::seconds(format::span(ping.run.as_ref())),
        "never_finished": ping.never_finished,
    })
}

/// Prints what came with a ping, as it came.
pub(super) async fn body(args: &BodyArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    // Whose name is wrong shall hear that, and not that there is no such ping.
    let heartbeat = get(client, &args.name).await?;
    let request = v1::GetPingBodyRequest {
        project: client.project.clone(),
        r#ref: heartbeat.name,
        number: args.number,
    };
    let answer = client.heartbeats().get_ping_body(request).await;
    let data = match answer {
        Ok(answer) => answer.into_inner().data,
        Err(status) => return Err(status.into()),
    };
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &body_json(args.number, &data));
        }
        // What a job printed may hold what a terminal takes for commands.
        Format::Table if std::io::stdout().is_terminal() => {
            output::lines(&[harmless(&String::from_utf8_lossy(&data))]);
        }
        Format::Table => output::bytes(&data),
    }
    Ok(exit::DONE)
}

/// What came with a ping, as JSON: where it is no text, its bytes stand beside what can be read.
fn body_json(number: u64, data: &[u8]) -> Value {
    let text = String::from_utf8_lossy(data);
    let is_exact = text.as_bytes() == data;
    let bytes = (!is_exact).then(|| BASE64_STANDARD.encode(data));
    json!({ "number": number, "body": text, "data_base64": bytes })
}

/// The text without control characters but for line breaks and tabs.
fn harmless(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.trim_end()
        .replace("\r\n", "\n")
        .chars()
        .map(shown)
        .collect()
}

#[cfg(test)]
mod tests {
    use vigilmon_common::time::Time;
    use vigilmon_proto::convert::timestamp;

    use super::*;

    fn ping() -> v1::Ping {
        v1::Ping {
            number: 7,
            time: Some(timestamp(Time::from_millis(1_772_359_323_004))),
            signal: "exit 3".to_owned(),
            rid: "nightly-1".to_owned(),
            method: "POST".to_owned(),
            from: "192.0.2.7".to_owned(),
            count: 1,
            body_size: 12_345,
            body_kept: 10_000,
            run: Some(prost_types::Duration {
                seconds: 754,
                nanos: 0,
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_ping_is_a_row_that_says_how_the_run_went() {
        let row = row(&ping());
        let wanted = [
            "7",
            "2026-03-01 10:02:03",
            "exit 3",
            "12m34s",
            "13 kB",
            "nightly-1",
            "192.0.2.7",
        ];
        assert_eq!(row, wanted);
    }

    #[test]
    fn scripts_read_all_of_a_ping() {
        let value = to_json(&ping());
        assert_eq!(value["at"], "2026-03-01T10:02:03.004Z");
        assert_eq!(value["run_seconds"], 754);
        assert_eq!(
            (&value["body_size"], &value["body_kept"]),
            (&json!(12_345), &json!(10_000))
        );
        assert_eq!(value["user_agent"], Value::Null);
    }

    #[test]
    fn many_pings_in_one_and_a_run_without_an_end_are_seen() {
        let counted = v1::Ping {
            count: 240,
            signal: "success".to_owned(),
            run: None,
            ..ping()
        };
        assert_eq!(row(&counted)[2..4], ["success x240", "-"]);
        let lost = v1::Ping {
            never_finished: true,
            ..counted
        };
        assert_eq!(row(&lost)[3], "never");
    }

    #[test]
    fn a_body_commands_no_terminal() {
        assert_eq!(harmless("a\tb\r\n\u{1b}[31mred\n"), "a\tb\n\u{fffd}[31mred");
        assert_eq!(harmless("\u{9b}31mred\u{7f}"), "\u{fffd}31mred\u{fffd}");
    }

    #[test]
    fn a_body_that_is_no_text_is_told_by_its_bytes_too() {
        let text = body_json(7, "grün".as_bytes());
        assert_eq!(
            text,
            json!({ "number": 7, "body": "grün", "data_base64": null })
        );
        let bytes = body_json(7, b"gr\xfcn");
        assert_eq!(bytes["body"], "gr\u{fffd}n");
        assert_eq!(bytes["data_base64"], "Z3L8bg==");
    }
}
