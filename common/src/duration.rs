//! Durations as users write them: `500ms`, `5s`, `1h30m`, `25h`, `30d`.
//!
//! Whole numbers with units, largest unit first, each unit once. A bare `0` is zero, which turns
//! things off where that is allowed. Nothing finer than a millisecond exists in Vigilmon.

use std::time::Duration;

/// Longest duration that is accepted: ten years. Sums of a few of them cannot overflow.
pub const DURATION_MAX: Duration = Duration::from_secs(3650 * 86_400);

/// The units in milliseconds, largest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A text that is not a duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a duration; write it like 500ms, 5s, 1h30m, 25h or 30d")]
pub struct InvalidDuration(pub String);

/// Reads a duration.
///
/// # Errors
/// The text is no duration, or one longer than [`DURATION_MAX`].
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let refused = || InvalidDuration(text.chars().take(40).collect());
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut millis, mut next_unit) = (0_u64, 0);
    while !rest.is_empty() || next_unit == 0 {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let place = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(refused)?;
        if place < next_unit {
            return Err(refused());
        }
        let number: u64 = number.parse().map_err(|_| refused())?;
        millis = number
            .checked_mul(UNITS[place].1)
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(refused)?;
        next_unit = place + 1;
        rest = tail;
    }
    let span = Duration::from_millis(millis);
    if span > DURATION_MAX {
        Err(refused())
    } else {
        Ok(span)
    }
}

/// Writes a duration so that [`parse`] reads it back; what is below a millisecond is cut off.
#[must_use]
pub fn format(span: Duration) -> String {
    let mut millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (place, (unit, size)) in UNITS.iter().enumerate() {
        // 25h reads better than 1d1h: days stand alone.
        if (place == 0 && !millis.is_multiple_of(*size)) || millis < *size {
            continue;
        }
        text.push_str(&(millis / size).to_string());
        text.push_str(unit);
        millis %= size;
    }
    text
}

/// Writes a measured span for people: `850 ms`, `1.40 s`.
#[must_use]
pub fn rounded(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{} ms", span.as_millis())
    } else {
        format!("{:.2} s", span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_users_write_them() {
        let millis = |text| parse(text).map(|span| span.as_millis());
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("5s"), Ok(5_000));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("25h"), Ok(90_000_000));
        assert_eq!(millis("30d"), Ok(2_592_000_000));
        assert_eq!(millis(" 0 "), Ok(0));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_examples() {
        for bad in [
            "",
            "5",
            "s",
            "-5s",
            "1.5s",
            "5 s",
            "5s5s",
            "5s1h",
            "5x",
            "99999999999d",
            "4000d",
        ] {
            let refused = parse(bad).unwrap_err().to_string();
            assert!(refused.contains("1h30m"), "{bad}: {refused}");
        }
    }

    #[test]
    fn long_durations_are_written_in_hours_unless_they_are_whole_days() {
        let written = |secs| format(Duration::from_secs(secs));
        assert_eq!(written(90_000), "25h");
        assert_eq!(written(2_592_000), "30d");
        assert_eq!(written(90), "1m30s");
        assert_eq!(written(0), "0s");
        assert_eq!(format(Duration::from_millis(1_500)), "1s500ms");
    }

    proptest! {
        #[test]
        fn a_duration_survives_its_text_form(millis in 0_u64..=DURATION_MAX.as_millis() as u64) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(span)), Ok(span));
        }

        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_near_miss_panics(text in "[0-9dhmsx. -]{0,24}") {
            let _ = parse(&text);
        }
    }
}
