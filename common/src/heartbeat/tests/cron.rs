//! What cron expressions mean, told from the days on which they are due.

use proptest::prelude::*;

use super::*;

/// The next `n` due times after `after`.
fn due(expression: &str, time_zone: &str, after: &str, n: usize) -> Vec<String> {
    let cron = Cron::parse(expression, time_zone).unwrap();
    let mut settled = at(after);
    let mut times = Vec::new();
    for _ in 0..n {
        let expected = cron.expected_after(settled).unwrap();
        assert!(expected.opens > settled && expected.opens < expected.at);
        times.push(expected.at.to_rfc3339().replace(":00.000Z", "Z"));
        settled = expected.at;
    }
    times
}

fn refusal(expression: &str) -> String {
    Cron::parse(expression, "UTC").unwrap_err().to_string()
}

#[test]
fn fields_are_read_as_cron_reads_them() {
    let from = "2026-11-25T10:00:00Z";
    assert_eq!(
        due("0 2 * * *", "Europe/Berlin", from, 2),
        ["2026-11-26T01:00Z", "2026-11-27T01:00Z"]
    );
    assert_eq!(
        due("*/20 9-17/4 * * MON-FRI", "UTC", from, 3),
        [
            "2026-11-25T13:00Z",
            "2026-11-25T13:20Z",
            "2026-11-25T13:40Z"
        ]
    );
    assert_eq!(
        due("5/30 12 1,15 jan,Dec *", "UTC", from, 3),
        [
            "2026-12-01T12:05Z",
            "2026-12-01T12:35Z",
            "2026-12-15T12:05Z"
        ]
    );
    // Two fields for days: one is enough; both, where one begins with a star.
    assert_eq!(
        due("0 0 13 * 5", "UTC", from, 3),
        [
            "2026-11-27T00:00Z",
            "2026-12-04T00:00Z",
            "2026-12-11T00:00Z"
        ]
    );
    assert_eq!(due("0 0 */1 * 7", "UTC", from, 1), ["2026-11-29T00:00Z"]);
    assert_eq!(due("0 0 * * 0", "UTC", from, 1), ["2026-11-29T00:00Z"]);
    assert_eq!(
        due("0 0 * * FRI-SUN", "UTC", from, 4),
        [
            "2026-11-27T00:00Z",
            "2026-11-28T00:00Z",
            "2026-11-29T00:00Z",
            "2026-12-04T00:00Z"
        ]
    );
}

#[test]
fn names_stand_for_expressions() {
    let from = "2026-11-25T10:30:00Z";
    for (name, first) in [
        ("@hourly", "2026-11-25T11:00Z"),
        ("@daily", "2026-11-26T00:00Z"),
        ("@midnight", "2026-11-26T00:00Z"),
        ("@weekly", "2026-11-29T00:00Z"),
        ("@monthly", "2026-12-01T00:00Z"),
        ("@yearly", "2027-01-01T00:00Z"),
        (" @Annually ", "2027-01-01T00:00Z"),
    ] {
        assert_eq!(due(name, "UTC", from, 1), [first], "{name}");
    }
    assert_eq!(
        Cron::parse("@daily", "utc").unwrap().expression(),
        "0 0 * * *"
    );
    assert!(refusal("@reboot").contains("@hourly"));
}

#[test]
fn month_ends_are_months_ends_all_year_round() {
    assert_eq!(
        due("0 6 L * *", "UTC", "2026-11-01T00:00:00Z", 4),
        [
            "2026-11-30T06:00Z",
            "2026-12-31T06:00Z",
            "2027-01-31T06:00Z",
            "2027-02-28T06:00Z"
        ]
    );
    assert_eq!(
        due("0 6 31 * *", "UTC", "2026-11-01T00:00:00Z", 3),
        [
            "2026-12-31T06:00Z",
            "2027-01-31T06:00Z",
            "2027-03-31T06:00Z"
        ]
    );
    assert_eq!(
        due("0 6 * * 5L", "UTC", "2026-11-28T00:00:00Z", 2),
        ["2026-12-25T06:00Z", "2027-01-29T06:00Z"]
    );
    assert_eq!(
        due("0 6 * * TUE#2", "UTC", "2026-11-28T00:00:00Z", 2),
        ["2026-12-08T06:00Z", "2027-01-12T06:00Z"]
    );
    // The 1st is a Saturday in May 2027, the 31st of October 2027 a Sunday.
    assert_eq!(
        due("0 6 1W 5 *", "UTC", "2027-01-01T00:00:00Z", 1),
        ["2027-05-03T06:00Z"]
    );
    assert_eq!(
        due("0 6 31W 10 *", "UTC", "2027-01-01T00:00:00Z", 1),
        ["2027-10-29T06:00Z"]
    );
}

#[test]
fn leap_days_come_when_they_come() {
    assert_eq!(
        due("0 0 29 2 *", "UTC", "2026-11-25T00:00:00Z", 2),
        ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]
    );
    // Only on a Tuesday, and over a year that has none.
    assert_eq!(
        due("0 0 29 2 */1", "UTC", "2096-03-01T00:00:00Z", 1),
        ["2104-02-29T00:00Z"]
    );
    let tuesday = Cron::parse("0 0 */29 2 2", "UTC").unwrap();
    let first = tuesday.expected_after(at("2026-02-28T00:00:00Z")).unwrap();
    assert_eq!(first.at, at("2028-02-01T00:00:00Z"));
}

#[test]
fn what_is_never_due_is_refused() {
    for never in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30 FEB *"] {
        assert!(refusal(never).contains("never be due"), "{never}");
    }
}

#[test]
fn what_is_no_expression_is_refused_in_one_line_that_says_why() {
    for (bad, why) in [
        ("", "it has 0 fields, not five"),
        ("daily", "it has 1 field, not five"),
        ("0 0 2 * * *", "it has 6 fields, not five"),
        ("60 * * * *", "the minute `60` is not a number from 0 to 59"),
        ("0 24 * * *", "the hour `24`"),
        ("0 0 0 * *", "the day of the month `0`"),
        (
            "0 0 * 13 *",
            "the month `13` is not a name like JAN or a number",
        ),
        ("0 0 * * 8", "the day of the week `8`"),
        ("H 2 * * *", "`H` is only known to what runs the job"),
        ("0 5-2 * * *", "the hour range `5-2` runs backwards"),
        ("*/0 * * * *", "the minute step `0`"),
        ("*/-5 * * * *", "the minute step `-5`"),
        ("1,,2 * * * *", "the minute ``"),
        ("* * * * 1#6", "the number after `#` `6`"),
        ("+5 * * * *", "the minute `+5`"),
    ] {
        let said = refusal(bad);
        assert!(said.contains(why) && !said.contains('\n'), "{bad}: {said}");
    }
    let zone = Cron::parse("0 0 * * *", "Europe/Nowhere").unwrap_err();
    assert_eq!(zone, InvalidSchedule::TimeZone("Europe/Nowhere".to_owned()));
}

#[test]
fn a_wrong_zone_hides_no_wrong_expression() {
    let wrong = |expression: &str, zone: &str| {
        let known = crate::monitor::draft::Known::default();
        let problems = cron(expression, zone).check(&known).unwrap_err();
        let fields = problems.as_slice().iter().map(|one| one.field.clone());
        fields.collect::<Vec<_>>()
    };
    assert_eq!(wrong("0 2 * *", "Europe/Nowhere"), ["cron", "tz"]);
    assert_eq!(wrong("0 2 * * *", "Europe/Nowhere"), ["tz"]);
    assert_eq!(wrong("0 2 * *", "Europe/Berlin"), ["cron"]);
}

#[test]
fn a_window_opens_five_minutes_or_half_the_gap_before() {
    let early = |expression: &str, settled: &str| {
        let cron = Cron::parse(expression, "Europe/Berlin").unwrap();
        let expected = cron.expected_after(at(settled)).unwrap();
        expected.at.since(expected.opens)
    };
    assert_eq!(early("0 2 * * *", "2026-11-25T10:00:00Z"), mins(5));
    assert_eq!(early("*/10 * * * *", "2026-11-25T10:00:00Z"), mins(5));
    assert_eq!(early("*/4 * * * *", "2026-11-25T10:00:00Z"), mins(2));
    assert_eq!(early("* * * * *", "2026-11-25T10:00:00Z"), secs(30));
    assert_eq!(early("0,3 9 * * *", "2026-11-25T07:58:00Z"), secs(90));
    // The gap in the night of the change is ten minutes, though clocks show more.
    assert_eq!(early("*/10 * * * *", "2026-03-29T00:55:00Z"), mins(5));
    assert_eq!(early("58 1 * * *", "2026-03-29T00:55:00Z"), mins(5));
}

/// What `cronexpr` says, which knows the same expressions; its `L` is off in December.
fn oracle(expression: &str, after: Time) -> Option<Time> {
    let crontab = cronexpr::parse_crontab(&format!("{expression} UTC")).unwrap();
    let after = jiff::Timestamp::from_millisecond(after.as_millis()).unwrap();
    let next = crontab.find_next(after).ok()?;
    Some(Time::from_millis(next.timestamp().as_millisecond()))
}

/// A step from a value on is left out for weekdays, whose end readers of cron see differently.
fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    let value = min..=max;
    prop_oneof![
        4 => Just("*".to_owned()),
        2 => value.clone().prop_map(|v| v.to_string()),
        1 => (value.clone(), value.clone())
            .prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=max).prop_map(|step| format!("*/{step}")),
        1 => (value.clone(), 1..=max).prop_map(move |(a, step)| match max {
            6 => a.to_string(),
            _ => format!("{a}/{step}"),
        }),
        1 => (value.clone(), value).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_another_reader_of_cron(
        minute in field(0, 59), hour in field(0, 23), day in field(1, 28),
        month in field(1, 12), weekday in field(0, 6),
        after in 1_700_000_000_i64..1_900_000_000,
    ) {
        let expression = format!("{minute} {hour} {day} {month} {weekday}");
        let after = Time::from_secs(after);
        // Both begin with what follows the settled minute; the window is ours alone.
        if let Ok(cron) = Cron::parse(&expression, "UTC") {
            let theirs = oracle(&expression, after);
            let ours = cron.expected_after(after).map(|expected| expected.at);
            let skipped = theirs.is_some_and(|theirs| theirs - mins(5) <= after);
            if !skipped {
                prop_assert!(theirs.is_none() || ours == theirs, "{expression}: {ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[-0-9A-Za-z*/,#@ ]{0,30}", after in any::<i64>()) {
        if let Ok(cron) = Cron::parse(&text, "Europe/Berlin") {
            let kept = Cron::parse(cron.expression(), cron.time_zone());
            prop_assert_eq!(kept.as_ref(), Ok(&cron));
            let _ = cron.expected_after(Time::from_millis(after));
        }
    }
}
