//! The last pings of a heartbeat: drawn, listed, and with what came along.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use vigilmon_common::heartbeat::{Mark, OpenRun, Ping, Signal};

use super::super::heartbeats::path;
use super::super::phases::{Bars, Drawn, share, utc};
use super::super::words::{When, counted, ran};
use super::super::{Pages, no, refused};
use crate::visits::Visitor;

/// So much of a body stands in the page, in characters; all of it is a link away.
const EXCERPT: usize = 2000;
/// Bytes of a body that are no text, shown in hexadecimal.
const HEX: usize = 64;
/// How high a ping is drawn that ends no run.
const PLAIN: f64 = 0.55;

/// A ping in the list.
pub(super) struct PingRow {
    pub(super) number: u64,
    pub(super) class: &'static str,
    pub(super) word: String,
    pub(super) at: When,
    /// How long the run took that it ended.
    pub(super) run: Option<String>,
    pub(super) never_finished: bool,
    /// How many it stands for, where more than one.
    pub(super) count: Option<u32>,
    pub(super) rid: String,
    pub(super) by: String,
    pub(super) agent: String,
    /// How much came along; empty: nothing.
    pub(super) size: String,
    pub(super) body: Option<Shown>,
}

/// A body as the page shows it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// Whether there is more than is shown.
    pub(super) more: bool,
}

impl PingRow {
    pub(super) fn of(ping: &Ping, mark: &Mark, body: Option<&Bytes>) -> Self {
        let from = ping.from.map(|from| format!(" from {from}"));
        Self {
            number: ping.n,
            class: class(ping.signal, mark),
            word: ping.signal.to_string(),
            at: When::at(ping.at),
            run: mark.run.map(ran),
            never_finished: mark.never_finished,
            count: (ping.count > 1).then_some(ping.count),
            rid: ping.rid.as_deref().unwrap_or_default().to_owned(),
            by: format!("{}{}", ping.method.as_str(), from.unwrap_or_default()),
            agent: ping.agent.to_string(),
            size: size(ping, body),
            body: body.map(|body| shown(body)),
        }
    }
}

fn class(signal: Signal, mark: &Mark) -> &'static str {
    match signal {
        _ if mark.never_finished => "late",
        Signal::Success | Signal::Exit(0) => "up",
        Signal::Fail | Signal::Exit(_) => "down",
        Signal::Start => "begun",
        Signal::Log => "none",
    }
}

/// How much came with a ping, and how much of it is left.
fn size(ping: &Ping, body: Option<&Bytes>) -> String {
    let bytes = |count: u64| match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    };
    match (ping.body_size, body) {
        (0, _) => String::new(),
        (size, None) => format!("{}, not kept any more", bytes(size)),
        (size, Some(body)) => {
            let kept = u64::try_from(body.len()).unwrap_or(u64::MAX);
            let kind = if is_text(body) { "" } else { "binary, " };
            match kept < size {
                true => format!("{kind}{}, the first {kept} kept", bytes(size)),
                false => format!("{kind}{}", bytes(size)),
            }
        }
    }
}

/// The text of a body whose end may have been cut off within a character; `None` if it is none.
fn text(body: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

fn is_text(body: &[u8]) -> bool {
    text(body).is_some()
}

/// The beginning of a text with its control characters made visible, or of bytes in hexadecimal.
fn shown(body: &[u8]) -> Shown {
    let Some(text) = text(body) else {
        let bytes = body.iter().take(HEX).map(|byte| format!("{byte:02x}"));
        return Shown {
            text: bytes.collect::<Vec<_>>().join(" "),
            more: body.len() > HEX,
        };
    };
    let text = text.trim_end().replace("\r\n", "\n");
    let cut = text.chars().take(EXCERPT).map(visible).collect();
    Shown {
        text: cut,
        more: text.chars().count() > EXCERPT,
    }
}

/// Control characters as their pictures: colours of terminals arrive as such.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{7f}' => '\u{2421}',
        c if c < ' ' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// The pings as a line of marks, as high as their runs took. A start stands for itself only while
/// its run is open or was never finished: else its end shows how long it took.
pub(super) fn drawn(pings: &[Ping], marks: &[Mark], open: &[OpenRun]) -> Bars {
    let longest = marks.iter().filter_map(|mark| mark.run).max();
    let longest = longest.unwrap_or(Duration::ZERO);
    let is_open = |ping: &Ping| open.iter().any(|run| run.n == ping.n);
    let both = pings.iter().zip(marks);
    let own = both.filter(|(ping, mark)| {
        ping.signal != Signal::Start || ping.shared || mark.never_finished || is_open(ping)
    });
    let all = own.map(|(ping, mark)| {
        let took = mark.run.map(|run| format!(", run of {}", ran(run)));
        let ended = if mark.never_finished {
            ", never finished"
        } else {
            ""
        };
        let took = took.unwrap_or_default();
        Drawn {
            class: class(ping.signal, mark),
            height: match mark.run {
                _ if ping.signal.is_failure() || mark.never_finished => 1.0,
                _ if ping.signal == Signal::Log => 0.0,
                Some(run) => share(run, longest),
                None => PLAIN,
            },
            title: format!("{}: {}{took}{ended}", utc(ping.at), ping.signal),
        }
    });
    let failed = pings.iter().filter(|ping| ping.signal.is_failure()).count();
    let label = format!(
        "The last {}, {} of them failures, and how long the runs took",
        counted(pings.len(), "ping"),
        failed
    );
    Bars::drawn(all, label)
}

/// All that is kept of a body, as it came: a text to look at, else bytes to save.
pub(crate) async fn body(
    State(pages): State<Pages>,
    _: Visitor,
    Path((reference, number)): Path<(String, String)>,
) -> Response {
    let engine = &pages.site.engine;
    let heartbeat = match engine.heartbeat(&reference) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return no(&error),
    };
    let found = match number.parse() {
        Ok(number) => engine.ping_body(heartbeat.id, number).await,
        Err(_) => Ok(None),
    };
    match found {
        Ok(Some(body)) if is_text(&body) => {
            ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
        }
        Ok(Some(body)) => {
            let headers = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CONTENT_DISPOSITION, "attachment; filename=\"ping.bin\""),
            ];
            (headers, body).into_response()
        }
        Ok(None) => refused(
            StatusCode::NOT_FOUND,
            "Not found",
            "Of this ping no body is kept.",
            &format!("The newest pings are on {}.", path(heartbeat.id)),
        ),
        Err(error) => no(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_shown_as_text_if_it_is_one() {
        let colours = shown("\u{1b}[32mok\u{1b}[0m\r\n3 rows\tdone\n".as_bytes());
        assert_eq!(colours.text, "␛[32mok␛[0m\n3 rows\tdone");
        assert!(!colours.more);
        let long = shown("é".repeat(EXCERPT + 1).as_bytes());
        assert!(long.more && long.text.chars().count() == EXCERPT);
        // The end was cut off within a character.
        assert_eq!(shown(&"né".as_bytes()[..2]).text, "n");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hexadecimal() {
        let png = shown(&[0x89, 0x50, 0x4e, 0x47]);
        assert_eq!(png.text, "89 50 4e 47");
        assert!(shown(&[0; HEX + 1]).more);
    }
}
