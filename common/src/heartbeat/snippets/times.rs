//! A schedule as schedulers other than ours write it.

use std::time::Duration;

use super::{HeartbeatSpec, Schedule};

/// Usual periods in seconds, the shortest first, and cron expressions that have them.
const USUAL: [(u64, &str); 22] = [
    (60, "* * * * *"),
    (120, "*/2 * * * *"),
    (180, "*/3 * * * *"),
    (240, "*/4 * * * *"),
    (300, "*/5 * * * *"),
    (360, "*/6 * * * *"),
    (600, "*/10 * * * *"),
    (720, "*/12 * * * *"),
    (900, "*/15 * * * *"),
    (1_200, "*/20 * * * *"),
    (1_800, "*/30 * * * *"),
    (3_600, "0 * * * *"),
    (7_200, "0 */2 * * *"),
    (10_800, "0 */3 * * *"),
    (14_400, "0 */4 * * *"),
    (21_600, "0 */6 * * *"),
    (28_800, "0 */8 * * *"),
    (43_200, "0 */12 * * *"),
    (86_400, "0 2 * * *"),
    (7 * 86_400, "0 2 * * 1"),
    (31 * 86_400, "0 2 1 * *"),
    (366 * 86_400, "0 2 1 1 *"),
];
/// A job that runs as often as it is expected would be late each time it takes a little longer:
/// this part of the period, at least, is left to it.
const SLACK: u64 = 50;
/// GitHub's shortest period, in minutes.
const GITHUB_EVERY: u8 = 5;
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When a job should run so that its pings come in time.
pub(super) struct Times {
    /// A cron expression, as the user gave it or often enough for their period; `None`: no cron
    /// expression is that often.
    pub(super) cron: Option<String>,
    time_zone: String,
    fields: Option<Fields>,
}

/// An expression that all schedulers read alike, once it is spelled as each of them likes it.
struct Fields {
    minute: Vec<Item>,
    hour: Vec<Item>,
    day: Vec<Item>,
    month: Vec<Item>,
    /// Days of the week from Sunday, 0; empty: all.
    weekdays: Vec<u8>,
}

/// An item of a field's list: `*`, `*/2`, `5`, `5-9`, `5-9/2`.
#[derive(Clone, Copy)]
struct Item {
    is_star: bool,
    from: u8,
    to: u8,
    step: u8,
}

impl Times {
    pub(super) fn of(spec: &HeartbeatSpec) -> Self {
        let (cron, time_zone) = match &spec.schedule {
            Schedule::Cron(cron) => (Some(cron.expression()), cron.time_zone()),
            // A day of local time has 25 hours once a year, one of UTC never.
            Schedule::Every(every) => (usual(*every + spec.grace), "UTC"),
        };
        Self {
            cron: cron.map(str::to_owned),
            time_zone: time_zone.to_owned(),
            fields: cron.and_then(Fields::read),
        }
    }

    pub(super) fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// The expression as Kubernetes, GitHub and Celery read it: numbers only, Sunday is 0.
    pub(super) fn portable(&self) -> Option<String> {
        let fields = self.fields.as_ref()?;
        Some(format!("{} {}", fields.first_four(), fields.numbers()))
    }

    /// The expression as APScheduler reads it: it counts weekdays from Monday, so they go by name,
    /// and wants both days to fit where cron wants either, so it does without such.
    pub(super) fn named(&self) -> Option<String> {
        let fields = self.fields.as_ref().filter(|fields| !fields.is_either())?;
        let names = fields.names(|name| name.to_owned());
        let names = names.unwrap_or_else(|| "*".to_owned());
        Some(format!("{} {names}", fields.first_four()))
    }

    /// Lines of a systemd timer; it runs whenever one of them fits.
    pub(super) fn calendar(&self) -> Option<String> {
        let fields = self.fields.as_ref()?;
        let all = [Item::all(1, 31)];
        let weekdays = fields.names(|name| format!("{}{}", name[..1].to_uppercase(), &name[1..]));
        let weekdays = weekdays.map(|names| names + " ");
        let line = |weekdays: Option<&str>, day: &[Item]| {
            format!(
                "OnCalendar={}*-{}-{} {}:{}:00 {}",
                weekdays.unwrap_or_default(),
                list(&fields.month, Item::systemd),
                list(day, Item::systemd),
                list(&fields.hour, Item::systemd),
                list(&fields.minute, Item::systemd),
                self.time_zone,
            )
        };
        Some(if fields.is_either() {
            let either = [line(None, &fields.day), line(weekdays.as_deref(), &all)];
            either.join("\n")
        } else {
            line(weekdays.as_deref(), &fields.day)
        })
    }

    /// Whether it is not more often than GitHub runs anything.
    pub(super) fn is_for_github(&self) -> bool {
        let minutes = self.fields.iter().flat_map(|fields| &fields.minute);
        minutes
            .into_iter()
            .all(|item| item.from == item.to || item.step >= GITHUB_EVERY)
    }
}

/// The longest usual period that leaves a job some time within `allowed`.
fn usual(allowed: Duration) -> Option<&'static str> {
    let fits = |period: u64| period + period / SLACK <= allowed.as_secs();
    let usual = USUAL.iter().rev().find(|(period, _)| fits(*period));
    usual.map(|(_, cron)| *cron)
}

impl Fields {
    fn read(cron: &str) -> Option<Self> {
        let parts: Vec<&str> = cron.split(' ').collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return None;
        };
        let weekday = items(weekday, 0, 6, &DAYS)?;
        let mut read = Self {
            minute: items(minute, 0, 59, &[])?,
            hour: items(hour, 0, 23, &[])?,
            day: items(day, 1, 31, &[])?,
            month: items(month, 1, 12, &MONTHS)?,
            weekdays: (0..7).filter(|day| holds(&weekday, *day)).collect(),
        };
        // Whether both days must fit or either, crons agree on only where one is a plain star.
        let is_stepped = |items: &[Item]| items.iter().any(|item| item.is_star && item.step > 1);
        if !read.is_any_day()
            && !is_any(&weekday)
            && (is_stepped(&read.day) || is_stepped(&weekday))
        {
            return None;
        }
        if read.weekdays.len() == 7 {
            if !is_any(&weekday) {
                read.day = vec![Item::all(1, 31)];
            }
            read.weekdays.clear();
        }
        Some(read)
    }

    fn is_any_day(&self) -> bool {
        is_any(&self.day)
    }

    /// Whether a day fits that is one of either sort.
    fn is_either(&self) -> bool {
        !self.is_any_day() && !self.weekdays.is_empty()
    }

    fn first_four(&self) -> String {
        [&self.minute, &self.hour, &self.day, &self.month]
            .map(|items| list(items, Item::cron))
            .join(" ")
    }

    fn numbers(&self) -> String {
        if self.weekdays.is_empty() {
            return "*".to_owned();
        }
        self.weekdays
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }

    fn names(&self, spelled: impl Fn(&str) -> String) -> Option<String> {
        let names = self
            .weekdays
            .iter()
            .map(|day| spelled(DAYS[usize::from(*day)]));
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl Item {
    const fn all(from: u8, to: u8) -> Self {
        Self {
            is_star: true,
            from,
            to,
            step: 1,
        }
    }

    fn cron(&self) -> String {
        match (self.is_star, self.step) {
            (true, 1) => "*".to_owned(),
            (true, step) => format!("*/{step}"),
            _ if self.from == self.to => self.from.to_string(),
            (false, 1) => format!("{}-{}", self.from, self.to),
            (false, step) => format!("{}-{}/{step}", self.from, self.to),
        }
    }

    fn systemd(&self) -> String {
        match (self.is_star, self.step) {
            (true, 1) => "*".to_owned(),
            (true, step) => format!("{:02}/{step}", self.from),
            _ if self.from == self.to => format!("{:02}", self.from),
            (false, 1) => format!("{:02}..{:02}", self.from, self.to),
            (false, step) => format!("{:02}..{:02}/{step}", self.from, self.to),
        }
    }
}

fn list(items: &[Item], spelled: impl Fn(&Item) -> String) -> String {
    items.iter().map(spelled).collect::<Vec<_>>().join(",")
}

fn is_any(items: &[Item]) -> bool {
    items.iter().any(|item| item.is_star && item.step == 1)
}

/// Whether a day of the week is among the items, where 7 is Sunday as 0 is.
fn holds(items: &[Item], day: u8) -> bool {
    let fits = |item: &Item, day: u8| {
        (item.from..=item.to).contains(&day) && (day - item.from).is_multiple_of(item.step)
    };
    items
        .iter()
        .any(|item| fits(item, day) || (day == 0 && !item.is_star && fits(item, 7)))
}

/// The items of a field; `None` where it has what only few schedulers know.
fn items(text: &str, min: u8, max: u8, names: &[&str]) -> Option<Vec<Item>> {
    let value = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let named = names.iter().position(|name| *name == lower);
        match named {
            Some(place) => u8::try_from(place).ok().map(|place| place + min),
            None => text.parse().ok(),
        }
    };
    let item = |text: &str| {
        let (base, step) = text.split_once('/').unwrap_or((text, ""));
        let is_stepped = !step.is_empty();
        let step = if is_stepped {
            step.parse().ok().filter(|step| *step > 0)?
        } else {
            1
        };
        let (from, to) = match base.split_once('-') {
            _ if base == "*" => (min, max),
            Some((from, to)) => (value(from)?, value(to)?),
            None if is_stepped => {
                let from = value(base)?;
                (from, max.max(from))
            }
            None => (value(base)?, value(base)?),
        };
        // Friday to Sunday ends with the week.
        let ends_week = names.len() == DAYS.len() && to == 0 && from > 0;
        let to = if ends_week { 7 } else { to };
        Some(Item {
            is_star: base == "*",
            from,
            to,
            step,
        })
    };
    text.split(',').map(item).collect()
}
