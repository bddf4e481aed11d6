//! Times, spans and votes as pages show them.

use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;
use vigilmon_common::decide::RegionView;
use vigilmon_common::duration;
use vigilmon_common::incident::Standing;
use vigilmon_common::time::Time;

/// A point in time: UTC here, and made local by the page's script.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    at: Time,
    /// What the script makes of it; a date and a time by itself.
    class: &'static str,
}

impl When {
    /// Shown as a date and a time.
    pub(super) const fn at(at: Time) -> Self {
        Self { at, class: "" }
    }

    /// Shown as how long ago it was.
    pub(super) const fn ago(at: Time) -> Self {
        Self { at, class: "ago" }
    }

    /// Shown as how far ahead it lies, or how long ago it was.
    pub(super) const fn until(at: Time) -> Self {
        Self {
            at,
            class: "ago until",
        }
    }
}

/// It is made of digits and fixed words.
impl HtmlSafe for When {}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.at.to_rfc3339();
        let text = iso.get(..19).unwrap_or(&iso).replace('T', " ");
        match self.class {
            "" => write!(f, "<time datetime=\"{iso}\">{text} UTC</time>"),
            class => {
                let head = format_args!("<time datetime=\"{iso}\" class=\"{class}\">");
                write!(f, "{head}{text} UTC</time>")
            }
        }
    }
}

/// A measured span for people: `850 ms`, `2m10s`.
pub(super) fn lasting(span: Duration) -> String {
    match span.as_secs() {
        0 => duration::rounded(span),
        seconds => duration::format(Duration::from_secs(seconds)),
    }
}

/// How long something quick took: `< 1 ms`, `850 ms`, `1.40 s`.
pub(super) fn measured(span: Duration) -> String {
    match span.as_millis() {
        0 => "< 1 ms".to_owned(),
        _ => duration::rounded(span),
    }
}

/// How long a run took: `850 ms`, `1.40 s`, `1m35s`.
pub(super) fn ran(span: Duration) -> String {
    match span.as_secs() {
        0..10 => measured(span),
        _ => lasting(span),
    }
}

/// The vote that a standing is.
pub(super) const fn vote(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "down",
        Standing::Passing => "up",
        Standing::Stale | Standing::Abstaining => "none",
    }
}

/// What a region says, in one line.
pub(super) fn said(region: &RegionView) -> String {
    match (&region.reason, region.standing) {
        (Some(reason), _) => reason.to_string(),
        (None, Standing::Passing) => "up".to_owned(),
        (None, Standing::Failing | Standing::Stale | Standing::Abstaining) => {
            region.because.clone()
        }
    }
}

/// `1 monitor`, `2 monitors`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_and_known_to_scripts() {
        let at = Time::parse_rfc3339("2026-03-01T10:02:03.004Z").unwrap();
        let shown = When::ago(at).to_string();
        let wanted = "<time datetime=\"2026-03-01T10:02:03.004Z\" class=\"ago\">\
                      2026-03-01 10:02:03 UTC</time>";
        assert_eq!(shown, wanted);
    }
}
