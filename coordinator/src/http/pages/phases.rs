//! Where the time of checks went: drawn as SVG of attributes only, because pages allow no styles
//! of their own.

use std::time::Duration;

use vigilmon_common::result::CheckResult;
use vigilmon_common::time::Time;

use super::monitor::BARS;
use super::words::measured;

/// The width of a drawing, in its own units.
const WIDTH: f64 = 600.0;
/// The height of the drawing of many results.
const HEIGHT: f64 = 28.0;
/// The lowest bar, so that a fast result is seen.
const LOWEST: f64 = 3.0;

/// The phases of one check.
pub(super) struct Timing {
    /// Each phase: its word, how long it took, and where it is drawn.
    pub(super) phases: Vec<Phase>,
    pub(super) total: String,
}

/// One phase.
pub(super) struct Phase {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) took: String,
    pub(super) x: String,
    pub(super) width: String,
}

impl Timing {
    /// Drawn so that `longest` is the whole width.
    pub(super) fn of(result: &CheckResult, longest: Duration) -> Self {
        let phases = &result.phases;
        let all = [
            ("DNS", "dns", phases.dns),
            ("connect", "connect", phases.connect),
            ("TLS", "tls", phases.tls),
            ("first byte", "first-byte", phases.first_byte),
            ("transfer", "transfer", phases.transfer),
        ];
        let mut x = 0.0;
        let mut drawn = Vec::new();
        for (word, class, took) in all {
            let Some(took) = took else { continue };
            let width = share(took, longest) * WIDTH;
            drawn.push(Phase {
                word,
                class,
                took: measured(took),
                x: format!("{x:.1}"),
                width: format!("{width:.1}"),
            });
            x += width;
        }
        Self {
            phases: drawn,
            total: measured(result.took),
        }
    }
}

/// The last results of a region or pings of a heartbeat, oldest first, a bar each.
pub(super) struct Bars {
    pub(super) bars: Vec<Bar>,
    /// In words, for whoever cannot see them.
    pub(super) label: String,
}

/// One result or ping.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) title: String,
}

impl Bars {
    /// Of results, newest first, so that `longest` is the whole height.
    pub(super) fn of(results: &[&CheckResult], longest: Duration) -> Self {
        let failed = results.iter().take(BARS).filter(|r| r.outcome.is_down());
        let (all, failed) = (results.len().min(BARS), failed.count());
        let bar = |result: &&CheckResult| {
            let what = result.outcome.reason().map(ToString::to_string);
            let what = what.unwrap_or_else(|| "up".to_owned());
            let took = measured(result.took);
            Drawn {
                class: result.outcome.kind().as_str(),
                // A failure is as high as the drawing: what is fast and wrong must be seen.
                height: match result.outcome.is_down() {
                    true => 1.0,
                    false => share(result.took, longest),
                },
                title: format!("{}: {what}, {took}", utc(result.started)),
            }
        };
        Self::drawn(
            results.iter().map(bar),
            format!("The last {all} results, {failed} of them down"),
        )
    }

    /// Of anything, newest first.
    pub(super) fn drawn(all: impl Iterator<Item = Drawn>, label: String) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most BARS")]
        let step = WIDTH / BARS as f64;
        let bar = |(place, one): (usize, Drawn)| {
            let height = LOWEST + one.height.clamp(0.0, 1.0) * (HEIGHT - LOWEST);
            #[expect(clippy::cast_precision_loss, reason = "at most BARS")]
            let x = WIDTH - step * (place + 1) as f64;
            Bar {
                class: one.class,
                x: format!("{x:.1}"),
                y: format!("{:.1}", HEIGHT - height),
                height: format!("{height:.1}"),
                title: one.title,
            }
        };
        let mut bars: Vec<Bar> = all.take(BARS).enumerate().map(bar).collect();
        bars.reverse();
        Self { bars, label }
    }
}

/// What a bar shows.
pub(super) struct Drawn {
    pub(super) class: &'static str,
    /// A share of the whole.
    pub(super) height: f64,
    pub(super) title: String,
}

/// `2026-03-01 10:02:03 UTC`, for titles, which no script makes local.
pub(super) fn utc(at: Time) -> String {
    let mut text = at.to_rfc3339().replace('T', " ");
    text.truncate(19);
    text + " UTC"
}

pub(super) fn share(part: Duration, whole: Duration) -> f64 {
    match whole.is_zero() {
        true => 0.0,
        false => (part.as_secs_f64() / whole.as_secs_f64()).min(1.0),
    }
}
