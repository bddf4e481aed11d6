//! The last pings as a line of marks, one for each, the newest last.

use vigilmon_proto::v1;

/// A mark, its word in the legend, and the mark where only ASCII can be shown.
const LEGEND: [(Kind, char, char); 5] = [
    (Kind::Success, '●', 'o'),
    (Kind::Start, '▶', '>'),
    (Kind::Fail, '✗', 'x'),
    (Kind::Log, '·', '.'),
    (Kind::NeverFinished, '!', '!'),
];

/// What a ping means at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Success,
    Start,
    Fail,
    Log,
    NeverFinished,
}

impl Kind {
    fn of(ping: &v1::Ping) -> Self {
        match ping.signal.as_str() {
            "success" | "exit 0" => Self::Success,
            "start" if ping.never_finished => Self::NeverFinished,
            "start" => Self::Start,
            "log" => Self::Log,
            _ => Self::Fail,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Start => "start",
            Self::Fail => "fail",
            Self::Log => "log",
            Self::NeverFinished => "never finished",
        }
    }

    fn mark(self, is_ascii: bool) -> char {
        let found = LEGEND.iter().find(|(kind, ..)| *kind == self);
        found.map_or('?', |&(_, mark, plain)| if is_ascii { plain } else { mark })
    }
}

/// The marks of the newest pings that have room in `width` columns, and what they mean. The pings
/// come newest first.
pub(super) fn line(pings: &[v1::Ping], width: usize, is_ascii: bool) -> (String, String) {
    let shown = &pings[..pings.len().min(width)];
    let marks = shown.iter().rev().map(|ping| Kind::of(ping).mark(is_ascii));
    let known = LEGEND
        .iter()
        .map(|(kind, ..)| *kind)
        .filter(|kind| shown.iter().any(|ping| Kind::of(ping) == *kind))
        .map(|kind| format!("{} {}", kind.mark(is_ascii), kind.word()));
    (marks.collect(), known.collect::<Vec<_>>().join("  "))
}

/// Whether the locale says that only ASCII can be shown; `value` looks up variables.
pub(super) fn is_ascii(value: impl Fn(&str) -> Option<String>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let said = names.iter().filter_map(|name| value(name));
    match said.into_iter().find(|text| !text.is_empty()) {
        None => false,
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            !locale.contains("utf-8") && !locale.contains("utf8")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(signal: &str) -> v1::Ping {
        v1::Ping {
            signal: signal.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn each_ping_has_its_mark_the_newest_last() {
        let lost = v1::Ping {
            never_finished: true,
            ..ping("start")
        };
        let words = ["log", "exit 3", "exit 0", "start", "fail", "success"];
        let pings: Vec<v1::Ping> = words.map(ping).into_iter().chain([lost]).collect();
        let (marks, legend) = line(&pings, 80, false);
        assert_eq!(marks, "!●✗▶●✗·");
        assert_eq!(
            legend,
            "● success  ▶ start  ✗ fail  · log  ! never finished"
        );
        assert_eq!(line(&pings, 80, true).0, "!ox>ox.");
    }

    #[test]
    fn the_newest_fit_on_the_line_and_only_what_is_there_is_explained() {
        let pings: Vec<v1::Ping> = ["success", "success", "fail"].map(ping).into();
        assert_eq!(
            line(&pings, 2, true),
            ("oo".to_owned(), "o success".to_owned())
        );
        assert_eq!(line(&[], 2, true), (String::new(), String::new()));
    }

    #[test]
    fn marks_are_plain_where_the_locale_is() {
        let with = |name: &'static str, value: &'static str| {
            is_ascii(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert!(with("LANG", "C") && with("LC_ALL", "POSIX") && with("LANG", "de_DE.ISO-8859-1"));
        assert!(!with("LANG", "de_DE.UTF-8") && !with("LC_CTYPE", "C.utf8"));
        assert!(!is_ascii(|_| None));
    }
}
