//! Schedules in words: `every 25 hours`, `every day at 02:00, Europe/Berlin`.
//!
//! Common forms of cron expressions are put into words; any other is shown as it was written,
//! rather than explained wrongly.

use std::time::Duration;

use vigilmon_common::duration;
use vigilmon_common::heartbeat::{Cron, Schedule};

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A schedule in words.
pub(super) fn words(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Every(every) => format!("every {}", period(*every)),
        Schedule::Cron(cron) => {
            let zone = cron.time_zone();
            match times(cron.expression()) {
                Some(times) => format!("{times}, {zone}"),
                None => format!("cron {}, {zone}", cron.expression()),
            }
        }
    }
}

/// The expression as it was written, where words say it otherwise.
pub(super) fn expression(schedule: &Schedule) -> Option<&str> {
    match schedule {
        Schedule::Every(_) => None,
        Schedule::Cron(cron) => {
            let written = Cron::expression(cron);
            times(written).map(|_| written)
        }
    }
}

/// How much later a ping may come: `10m`, `none`.
pub(super) fn grace(grace: Duration) -> String {
    match grace.is_zero() {
        true => "none".to_owned(),
        false => duration::format(grace),
    }
}

/// `25 hours`, `minute`; of more than one unit as users write it: `1h30m`.
fn period(every: Duration) -> String {
    let whole = |(word, seconds): (&str, u64)| {
        let count = every.as_secs() / seconds;
        let fits = every == Duration::from_secs(count * seconds) && count > 0;
        fits.then(|| match count {
            1 => word.to_owned(),
            _ => format!("{count} {word}s"),
        })
    };
    let units = [
        ("day", 86_400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ];
    let found = units.into_iter().find_map(whole);
    found
        .filter(|_| every.as_secs().is_multiple_of(60) || every.as_secs() < 60)
        .unwrap_or_else(|| duration::format(every))
}

/// The common forms; `None` for any other.
fn times(expression: &str) -> Option<String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [minute, hour, day, "*", weekday] = fields.as_slice() else {
        return None;
    };
    match (*minute, *hour, *day, *weekday) {
        ("*", "*", "*", "*") => Some("every minute".to_owned()),
        (minute, "*", "*", "*") => match step(minute, 60) {
            Some(count) => Some(format!("every {count} minutes")),
            None => Some(format!("every hour at :{:02}", number(minute, 59)?)),
        },
        (minute, hour, "*", "*") => {
            let minute_is = number(minute, 59)?;
            match step(hour, 24) {
                Some(count) => Some(format!("every {count} hours at :{minute_is:02}")),
                None => Some(format!("every day at {}", clock(minute, hour)?)),
            }
        }
        (minute, hour, "*", weekday) => {
            let at = clock(minute, hour)?;
            Some(format!("{} at {at}", weekdays(weekday)?))
        }
        (minute, hour, day, "*") => {
            let (at, day) = (clock(minute, hour)?, number(day, 31)?);
            Some(format!("on day {day} of each month at {at}"))
        }
        _ => None,
    }
}

/// `*/5`, where it divides the whole: else the last gap is shorter than the others.
fn step(field: &str, whole: u8) -> Option<u8> {
    let count = number(field.strip_prefix("*/")?, whole)?;
    (count > 1 && whole.is_multiple_of(count)).then_some(count)
}

fn number(field: &str, most: u8) -> Option<u8> {
    let is_plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit());
    let number = is_plain.then(|| field.parse().ok()).flatten()?;
    (number <= most).then_some(number)
}

fn clock(minute: &str, hour: &str) -> Option<String> {
    Some(format!(
        "{:02}:{:02}",
        number(hour, 23)?,
        number(minute, 59)?
    ))
}

/// `every Monday`, `Monday to Friday`, `Monday, Thursday`.
fn weekdays(field: &str) -> Option<String> {
    let name = |part: &str| Some(DAYS[usize::from(number(part, 7)? % 7)]);
    if let Some((from, to)) = field.split_once('-') {
        return Some(format!("{} to {}", name(from)?, name(to)?));
    }
    let days: Option<Vec<&str>> = field.split(',').map(name).collect();
    match days?.as_slice() {
        [one] => Some(format!("every {one}")),
        days => Some(days.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_said_in_its_largest_whole_unit() {
        let said = |text: &str| words(&Schedule::Every(duration::parse(text).unwrap()));
        assert_eq!(said("25h"), "every 25 hours");
        assert_eq!(said("1d"), "every day");
        assert_eq!(said("10s"), "every 10 seconds");
        assert_eq!(said("1m"), "every minute");
        assert_eq!(said("90m"), "every 90 minutes");
        assert_eq!(said("1m30s"), "every 1m30s");
        assert_eq!(said("1500ms"), "every 1s500ms");
    }

    #[test]
    fn common_cron_expressions_are_said_in_words_and_others_as_written() {
        let said = |text: &str| words(&Schedule::Cron(Cron::parse(text, "Europe/Berlin").unwrap()));
        let known = [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("7 * * * *", "every hour at :07"),
            ("30 */6 * * *", "every 6 hours at :30"),
            ("0 2 * * *", "every day at 02:00"),
            ("5 14 * * 1", "every Monday at 14:05"),
            ("0 9 * * 1-5", "Monday to Friday at 09:00"),
            ("0 9 * * 1,4", "Monday, Thursday at 09:00"),
            ("15 3 1 * *", "on day 1 of each month at 03:15"),
            ("*/7 * * * *", "cron */7 * * * *"),
            ("0 2 1 1 *", "cron 0 2 1 1 *"),
            ("0 2,14 * * *", "cron 0 2,14 * * *"),
            ("0 2 1 * 1", "cron 0 2 1 * 1"),
        ];
        for (written, words) in known {
            assert_eq!(said(written), format!("{words}, Europe/Berlin"));
            let cron = Schedule::Cron(Cron::parse(written, "UTC").unwrap());
            let beside = (!words.starts_with("cron ")).then_some(written);
            assert_eq!(expression(&cron), beside);
        }
    }
}
