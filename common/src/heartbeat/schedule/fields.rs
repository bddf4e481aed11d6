//! Fields: which local times a cron expression names.
//!
//! Of the two fields for days, both must fit where one of them begins with `*`, as in cron itself;
//! otherwise one of them is enough.

use jiff::civil::{Date, DateTime, Time};

/// Dates are looked for so far ahead: a 29 February on a given weekday may be forty years away.
const YEARS_AHEAD: i16 = 41;

/// The five fields, read. Sets are bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Fields {
    pub(super) minutes: u64,
    pub(super) hours: u64,
    /// Days of the month, as bits 1 to 31.
    pub(super) days: u64,
    /// The last day of the month.
    pub(super) last_day: bool,
    /// The weekdays nearest to these days of the month.
    pub(super) near_days: u64,
    pub(super) months: u64,
    /// From Sunday, bit 0.
    pub(super) weekdays: u64,
    /// The last ones of the month.
    pub(super) last_weekdays: u64,
    /// The nth of the month: bit 7·(n − 1) + weekday.
    pub(super) nth_weekdays: u64,
    /// Whether one of the two fields for days begins with `*`.
    pub(super) both_days: bool,
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| value < 64 && set >> value & 1 == 1)
}

impl Fields {
    /// The first local time that is named, from the minute `from` on.
    pub(super) fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let last_year = from.year().saturating_add(YEARS_AHEAD);
        let mut date = from.date();
        let mut time = from.time();
        while date.year() <= last_year {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if !self.names_day(date) {
                date = date.tomorrow().ok()?;
            } else if let Some(time) = self.first_time_from(time) {
                return Some(date.to_datetime(time));
            } else {
                date = date.tomorrow().ok()?;
            }
            time = Time::midnight();
        }
        None
    }

    fn first_time_from(&self, from: Time) -> Option<Time> {
        for hour in from.hour()..24 {
            if !has(self.hours, hour) {
                continue;
            }
            let earliest = match hour == from.hour() {
                true => from.minute(),
                false => 0,
            };
            if let Some(minute) = (earliest..60).find(|minute| has(self.minutes, *minute)) {
                return Time::new(hour, minute, 0, 0).ok();
            }
        }
        None
    }

    fn names_day(&self, date: Date) -> bool {
        let (by_month, by_week) = (self.names_day_of_month(date), self.names_weekday(date));
        match self.both_days {
            true => by_month && by_week,
            false => by_month || by_week,
        }
    }

    fn names_day_of_month(&self, date: Date) -> bool {
        let day = date.day();
        has(self.days, day)
            || self.last_day && day == date.days_in_month()
            || self.near_days != 0 && self.is_near(date)
    }

    /// Whether it is the weekday nearest to one of the days wanted, in the same month.
    fn is_near(&self, date: Date) -> bool {
        let wanted = (1..=date.days_in_month()).filter(|day| has(self.near_days, *day));
        wanted.into_iter().any(|day| {
            let Ok(target) = Date::new(date.year(), date.month(), day) else {
                return false;
            };
            let shift = match target.weekday().to_sunday_zero_offset() {
                6 if day == 1 => 2,
                6 => -1,
                0 if day == date.days_in_month() => -2,
                0 => 1,
                _ => 0,
            };
            day + shift == date.day()
        })
    }

    fn names_weekday(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let nth = (date.day() - 1) / 7;
        has(self.weekdays, weekday)
            || has(self.last_weekdays, weekday) && date.day() + 7 > date.days_in_month()
            || has(self.nth_weekdays, 7 * nth + weekday)
    }
}
