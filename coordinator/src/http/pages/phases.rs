//! Where the time of checks went: drawn as SVG of attributes only, because pages allow no styles
//! of their own.

use std::fmt::Write;
use std::time::Duration;

use vigilmon_common::result::CheckResult;

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

/// The last results of a region, oldest first, a bar each.
pub(super) struct Bars {
    pub(super) bars: Vec<Bar>,
    /// In words, for whoever cannot see them.
    pub(super) label: String,
}

/// One result.
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
        #[expect(clippy::cast_precision_loss, reason = "at most BARS")]
        let step = WIDTH / BARS as f64;
        let shown = results.iter().take(BARS).enumerate();
        let mut failed = 0;
        let mut bars: Vec<Bar> = Vec::with_capacity(BARS);
        for (place, result) in shown {
            failed += usize::from(result.outcome.is_down());
            // A failure is as high as the drawing: what is fast and wrong must be seen.
            let height = match result.outcome.is_down() {
                true => HEIGHT,
                false => LOWEST + share(result.took, longest) * (HEIGHT - LOWEST),
            };
            #[expect(clippy::cast_precision_loss, reason = "at most BARS")]
            let x = WIDTH - step * (place + 1) as f64;
            let mut title = result.started.to_rfc3339().replace('T', " ");
            title.truncate(19);
            let what = result.outcome.reason().map(ToString::to_string);
            let what = what.unwrap_or_else(|| "up".to_owned());
            let took = measured(result.took);
            // Writing to a text cannot fail.
            let _ = write!(title, " UTC: {what}, {took}");
            bars.push(Bar {
                class: result.outcome.kind().as_str(),
                x: format!("{x:.1}"),
                y: format!("{:.1}", HEIGHT - height),
                height: format!("{height:.1}"),
                title,
            });
        }
        bars.reverse();
        Self {
            label: format!("The last {} results, {failed} of them down", bars.len()),
            bars,
        }
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    match whole.is_zero() {
        true => 0.0,
        false => (part.as_secs_f64() / whole.as_secs_f64()).min(1.0),
    }
}
