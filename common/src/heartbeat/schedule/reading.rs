//! Reading: what people write as cron expressions.
//!
//! Five fields of numbers, names, `*`, lists, ranges and steps, as cron has them; beside them `L`
//! and `15W` for days of the month, `5L` and `5#3` for weekdays, and names for common schedules.

use jiff::civil::date;

use super::fields::Fields;

/// Names for expressions, as cron has them.
const NAMED: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// Longest expression, in bytes.
const EXPRESSION_MAX: usize = 500;

/// One of the five fields.
struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    /// Names of values, the first for `min`.
    names: &'static [&'static str],
}

const MINUTE: Field = Field::of("minute", 0, 59, &[]);
const HOUR: Field = Field::of("hour", 0, 23, &[]);
const DAY: Field = Field::of("day of the month", 1, 31, &[]);
const MONTH: Field = Field::of("month", 1, 12, &MONTHS);
const WEEKDAY: Field = Field::of("day of the week", 0, 7, &WEEKDAYS);
const NTH: Field = Field::of("number after `#`", 1, 5, &[]);

/// The five fields as they are kept, and what they mean; or what is wrong, in one line.
pub(super) fn read(text: &str) -> Result<(String, Fields), String> {
    if text.len() > EXPRESSION_MAX {
        return Err(format!("it is longer than {EXPRESSION_MAX} characters"));
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let parts = match parts.as_slice() {
        [name] if name.starts_with('@') => named(name)?.split(' ').collect(),
        _ => parts,
    };
    let [minute, hour, day, month, weekday] = parts.as_slice() else {
        return Err(format!("it has {}, not five", fields(parts.len())));
    };
    let mut fields = Fields {
        minutes: MINUTE.set(minute)?,
        hours: HOUR.set(hour)?,
        months: MONTH.set(month)?,
        both_days: day.starts_with('*') || weekday.starts_with('*'),
        ..Fields::default()
    };
    read_days(day, &mut fields)?;
    read_weekdays(weekday, &mut fields)?;
    // Any day will do to begin with: what no date fits in forty years, none ever fits.
    let begin = date(2024, 1, 1).at(0, 0, 0, 0);
    if fields.first_from(begin).is_none() {
        return Err("no date fits it, so it would never be due".to_owned());
    }
    Ok((parts.join(" "), fields))
}

fn fields(n: usize) -> String {
    match n {
        1 => "1 field".to_owned(),
        n => format!("{n} fields"),
    }
}

fn named(name: &str) -> Result<&'static str, String> {
    let lower = name.to_ascii_lowercase();
    let found = NAMED.into_iter().find(|(name, _)| *name == lower);
    found.map(|(_, expression)| expression).ok_or_else(|| {
        let known: Vec<&str> = NAMED.into_iter().map(|(name, _)| name).collect();
        format!("`{}` is none of {}", shown(name), known.join(" "))
    })
}

fn read_days(text: &str, fields: &mut Fields) -> Result<(), String> {
    for item in text.split(',') {
        if item.eq_ignore_ascii_case("L") {
            fields.last_day = true;
        } else if let Some(day) = item.strip_suffix(['W', 'w']).filter(|d| !d.is_empty()) {
            fields.near_days |= 1 << DAY.value(day)?;
        } else {
            fields.days |= DAY.item(item)?;
        }
    }
    Ok(())
}

fn read_weekdays(text: &str, fields: &mut Fields) -> Result<(), String> {
    for item in text.split(',') {
        if let Some((day, nth)) = item.split_once('#') {
            let (day, nth) = (WEEKDAY.value(day)? % 7, NTH.value(nth)?);
            fields.nth_weekdays |= 1 << (7 * (nth - 1) + day);
        } else if let Some(day) = item.strip_suffix(['L', 'l']).filter(|d| !d.is_empty()) {
            fields.last_weekdays |= 1 << (WEEKDAY.value(day)? % 7);
        } else {
            fields.weekdays |= WEEKDAY.item(item)?;
        }
    }
    // Both 0 and 7 are Sunday.
    if fields.weekdays >> 7 & 1 == 1 {
        fields.weekdays = fields.weekdays & 0b111_1111 | 1;
    }
    Ok(())
}

impl Field {
    const fn of(name: &'static str, min: u8, max: u8, names: &'static [&'static str]) -> Self {
        Self {
            name,
            min,
            max,
            names,
        }
    }

    fn set(&self, text: &str) -> Result<u64, String> {
        let mut items = text.split(',');
        items.try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// `*`, `*/5`, `3`, `3-9`, `3-9/2` or `3/2`.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.whole_max()),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None => {
                let from = self.value(range)?;
                (from, step.map_or(from, |_| self.whole_max().max(from)))
            }
        };
        // FRI-SUN ends with the week.
        let to = match (self.max, to) {
            (7, 0) if from > 0 => 7,
            (_, to) => to,
        };
        if from > to {
            return Err(format!(
                "the {} range `{}` runs backwards",
                self.name,
                shown(range)
            ));
        }
        let values = (from..=to).step_by(usize::from(step.unwrap_or(1)));
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    /// The last value of `*`; 7 is Sunday once more.
    const fn whole_max(&self) -> u8 {
        if self.max == 7 { 6 } else { self.max }
    }

    fn step(&self, text: &str) -> Result<u8, String> {
        let step = number(text).filter(|step| (1..=self.max).contains(step));
        step.ok_or_else(|| {
            format!(
                "the {} step `{}` is not a number from 1 to {}",
                self.name,
                shown(text),
                self.max
            )
        })
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        if text.eq_ignore_ascii_case("H") {
            return Err(format!(
                "`H` is only known to what runs the job: write the {} that it picked",
                self.name
            ));
        }
        let mut names = (self.min..).zip(self.names);
        if let Some((value, _)) = names.find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(value);
        }
        let value = number(text).filter(|value| (self.min..=self.max).contains(value));
        value.ok_or_else(|| {
            format!(
                "the {} `{}` is not {} from {} to {}",
                self.name,
                shown(text),
                match self.names.first() {
                    Some(first) => format!("a name like {first} or a number"),
                    None => "a number".to_owned(),
                },
                self.min,
                self.max
            )
        })
    }
}

/// A number of plain digits.
fn number(text: &str) -> Option<u8> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// What was written, cut to a sensible length.
fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}
