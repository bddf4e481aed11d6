//! Lists of many things: narrowed by a text and a status, the worst first, a page of them at a
//! time.
//!
//! Sorting and counting read a board; only what is on the page itself is asked of owners. So a
//! page takes as long for a hundred thousand things as for a hundred, but for one pass over them.

use std::cmp::Reverse;

use serde::Deserialize;
use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;

/// Rows on a page.
pub(super) const PAGE: usize = 50;
/// Longest text that is looked for; more is cut off.
const TEXT_MAX: usize = 200;

/// What is listed: where, and by which words it can be narrowed, the worst first.
pub(super) struct Listed {
    pub(super) path: &'static str,
    pub(super) words: &'static [&'static str],
}

/// What is wanted; whatever cannot be read counts as absent.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    page: String,
}

/// Which of them, and which page.
pub(super) struct Filter {
    listed: &'static Listed,
    text: String,
    /// The place of a status among the words.
    status: Option<usize>,
    page: usize,
}

impl Filter {
    pub(super) fn of(listed: &'static Listed, asked: &Asked) -> Self {
        let mut words = listed.words.iter();
        Self {
            listed,
            text: asked.q.trim().chars().take(TEXT_MAX).collect(),
            status: words.position(|word| *word == asked.status),
            page: asked.page.parse().unwrap_or(1).max(1),
        }
    }

    /// Whether something is wanted that is found by these texts; they are made only if one is
    /// looked for.
    pub(super) fn wants<I: Iterator<Item = String>>(&self, texts: impl FnOnce() -> I) -> bool {
        self.text.is_empty() || texts().any(|text| contains(&text, &self.text))
    }

    /// The address of the list, narrowed like this but for what is given.
    fn path(&self, status: Option<usize>, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        if let Some(word) = status.and_then(|place| self.listed.words.get(place)) {
            query.append_pair("status", word);
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => self.listed.path.to_owned(),
            query => format!("{}?{query}", self.listed.path),
        }
    }
}

/// Whether one contains the other, whatever the case of ASCII letters.
fn contains(hay: &str, needle: &str) -> bool {
    let (hay, needle) = (hay.as_bytes(), needle.as_bytes());
    needle.is_empty()
        || hay
            .windows(needle.len())
            .any(|w| w.eq_ignore_ascii_case(needle))
}

/// Something that may be listed.
pub(super) struct Candidate {
    pub(super) id: MonitorId,
    /// The place among the words: how bad it is.
    pub(super) rank: usize,
    /// What changed last comes first among equals; absent: by name.
    pub(super) since: Option<Time>,
    /// Whether its texts are wanted.
    pub(super) wanted: bool,
}

/// What is on a page, and how much there is.
pub(super) struct Selected {
    pub(super) ids: Vec<MonitorId>,
    /// By place among the words, whatever status is wanted.
    pub(super) counts: Vec<usize>,
    /// All that match, on all pages.
    found: usize,
    /// All that exist.
    exist: usize,
    /// The page that is shown.
    page: usize,
}

impl Selected {
    /// Picks those of a page: the worst first, of those what changed last first, then in the order
    /// in which they come.
    pub(super) fn of(filter: &Filter, all: impl Iterator<Item = Candidate>) -> Self {
        let mut counts = vec![0; filter.listed.words.len()];
        let mut exist = 0;
        let mut found = Vec::new();
        for (place, one) in all.enumerate() {
            exist += 1;
            if !one.wanted {
                continue;
            }
            counts[one.rank] += 1;
            if filter.status.is_none_or(|wanted| wanted == one.rank) {
                let newest = one.since.map_or(0, Time::as_millis);
                found.push((one.rank, Reverse(newest), place, one.id));
            }
        }
        let many = found.len();
        let page = filter.page.min(many.div_ceil(PAGE).max(1));
        let end = page * PAGE;
        if end < many {
            // What comes behind the page need not be in order.
            found.select_nth_unstable(end);
            found.truncate(end);
        }
        found.sort_unstable();
        let shown = found.into_iter().skip((page - 1) * PAGE);
        Self {
            ids: shown.map(|(.., id)| id).collect(),
            counts,
            found: many,
            exist,
            page,
        }
    }
}

/// One of the words that the list can be narrowed to.
pub(super) struct Chip {
    pub(super) word: &'static str,
    pub(super) count: usize,
    pub(super) path: String,
    pub(super) here: bool,
}

/// What stands around the rows.
pub(super) struct Around {
    pub(super) path: &'static str,
    pub(super) text: String,
    pub(super) status: &'static str,
    pub(super) all: Chip,
    pub(super) chips: Vec<Chip>,
    pub(super) exist: usize,
    pub(super) found: usize,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Around {
    pub(super) fn new(filter: &Filter, selected: &Selected) -> Self {
        let words = filter.listed.words;
        let chip = |(place, word): (usize, &&'static str)| Chip {
            word,
            count: selected.counts[place],
            path: filter.path(Some(place), 1),
            here: filter.status == Some(place),
        };
        let chips = words.iter().enumerate().map(chip);
        let page = selected.page;
        let first = (page - 1) * PAGE + 1;
        let more = page * PAGE < selected.found;
        Self {
            path: filter.listed.path,
            text: filter.text.clone(),
            status: filter.status.map_or("", |place| words[place]),
            all: Chip {
                word: "all",
                count: selected.counts.iter().sum(),
                path: filter.path(None, 1),
                here: filter.status.is_none(),
            },
            // A status that nothing has is not offered, but for the one that is shown.
            chips: chips.filter(|chip| chip.count > 0 || chip.here).collect(),
            exist: selected.exist,
            found: selected.found,
            first,
            last: first + selected.ids.len().saturating_sub(1),
            before: (page > 1).then(|| filter.path(filter.status, page - 1)),
            after: more.then(|| filter.path(filter.status, page + 1)),
        }
    }
}

/// `The monitor is`, `All monitors are`, `1 of 3 monitors is`.
pub(super) fn so_many(count: usize, total: usize, what: &str) -> String {
    match total {
        1 => format!("The {what} is"),
        _ if count == total => format!("All {what}s are"),
        _ if count == 1 => format!("1 of {total} {what}s is"),
        _ => format!("{count} of {total} {what}s are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: Listed = Listed {
        path: "/",
        words: &["down", "up"],
    };

    fn asked(q: &str, status: &str, page: &str) -> Filter {
        let asked = Asked {
            q: q.to_owned(),
            status: status.to_owned(),
            page: page.to_owned(),
        };
        Filter::of(&LISTED, &asked)
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        assert!(contains("API-Gateway", "gate"));
        assert!(contains("api", ""));
        assert!(!contains("api", "apis"));
    }

    #[test]
    fn a_filter_keeps_what_it_does_not_change() {
        let filter = asked(" a&b ", "down", "3");
        assert_eq!(
            filter.path(filter.status, 4),
            "/?q=a%26b&status=down&page=4"
        );
        assert_eq!(filter.path(None, 1), "/?q=a%26b");
        let nonsense = asked("", "sideways", "-1");
        assert_eq!(nonsense.path(nonsense.status, nonsense.page), "/");
    }

    #[test]
    fn a_page_has_the_worst_and_of_those_what_changed_last() {
        let id = |n: usize| MonitorId::from_bytes([u8::try_from(n).unwrap(); 16]);
        let candidates = || {
            (0..120).map(|n| Candidate {
                id: id(n),
                rank: usize::from(n % 60 != 7),
                since: (n % 60 == 7).then(|| Time::from_millis(i64::try_from(n).unwrap())),
                wanted: true,
            })
        };
        let first = Selected::of(&asked("", "", ""), candidates());
        assert_eq!(first.ids[..4], [id(67), id(7), id(0), id(1)]);
        assert_eq!((first.ids.len(), first.counts), (PAGE, vec![2, 118]));
        let last = Selected::of(&asked("", "", "9"), candidates());
        assert_eq!((last.page, last.ids.len()), (3, 20));
        assert_eq!(last.ids[19], id(119));
        let down = Selected::of(&asked("", "down", ""), candidates());
        assert_eq!((down.found, down.exist), (2, 120));
    }
}
