//! A document against the table of keys: unknown keys, wrong types, several kinds; all of it.

use std::rc::Rc;

use vigilmon_common::duration;

use super::faults::Faults;
use super::keys::{APART, DOCUMENT};
use super::shape::{Key, OneOf, Shape, Table};
use super::tree::{Entry, Node, Place, Value};

/// As much of a value as a message repeats.
const SHOWN_MAX: usize = 40;

/// What is wrong with one object: places and words, and the paths that they are about.
pub(super) struct Found {
    pub(super) faults: Vec<(Place, String)>,
    pub(super) paths: Vec<String>,
}

/// The top of a document; its objects are checked one by one as they are taken.
pub(super) fn document(root: &Node, faults: &mut Faults) {
    let entries = match &root.value {
        Value::Null => return,
        Value::Map(entries) => entries,
        Value::Scalar { .. } | Value::List(_) => {
            let keys: Vec<_> = DOCUMENT.keys.iter().map(|key| key.name).collect();
            let message = format!("a map is expected, with the keys {}", keys.join(", "));
            faults.add(root.place, message);
            return;
        }
    };
    for entry in entries.iter().filter(|entry| !entry.key.starts_with(APART)) {
        let Some(_) = DOCUMENT.key(&entry.key) else {
            faults.add(entry.place, unknown(&DOCUMENT, &entry.key));
            continue;
        };
        match &entry.value.value {
            Value::Null | Value::List(_) => {}
            Value::Scalar { .. } | Value::Map(_) => {
                let message = format!("{}: a list is expected", entry.key);
                faults.add(entry.value.place, message);
            }
        }
    }
}

/// One object against its table; `faults` says what places are called.
pub(super) fn object(node: &Rc<Node>, table: &'static Table, faults: &Faults) -> Found {
    let mut checking = Checking {
        faults,
        found: Found {
            faults: Vec::new(),
            paths: Vec::new(),
        },
    };
    checking.map(node, table, "");
    checking.found
}

struct Checking<'a> {
    faults: &'a Faults,
    found: Found,
}

impl Checking<'_> {
    fn wrong(&mut self, place: Place, path: &str, message: impl std::fmt::Display) {
        let text = match path {
            "" => message.to_string(),
            path => format!("{path}: {message}"),
        };
        self.found.faults.push((place, text));
        self.found.paths.push(path.to_owned());
    }

    fn map(&mut self, node: &Node, table: &'static Table, path: &str) {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            // An empty map may be left empty.
            Value::Null if table.keys.is_empty() => return,
            Value::Null | Value::Scalar { .. } | Value::List(_) => {
                return self.wrong(node.place, path, expected("a map", node));
            }
        };
        let mut seen: Vec<&'static str> = Vec::new();
        for entry in entries {
            let at = below(path, &entry.key);
            let Some(key) = table.key(&entry.key) else {
                self.wrong(entry.place, &at, unknown(table, &entry.key));
                continue;
            };
            if seen.contains(&key.name) {
                let other = format!("is given twice, as {} too", key.name);
                self.wrong(entry.place, &at, other);
            }
            seen.push(key.name);
            self.value(entry, key, &at);
        }
        for key in table.keys.iter().filter(|key| key.required) {
            if !seen.contains(&key.name) {
                let at = below(path, key.name);
                self.wrong(
                    node.place,
                    &at,
                    format!("is missing: {} needs it", table.what),
                );
            }
        }
        if let Some(rule) = &table.one_of {
            self.one_of(node, entries, table, rule, path);
        }
    }

    fn one_of(
        &mut self,
        node: &Node,
        entries: &[Entry],
        table: &'static Table,
        rule: &'static OneOf,
        path: &str,
    ) {
        let (what, noun) = (table.what, rule.noun);
        let given: Vec<&Entry> = entries
            .iter()
            .filter(|entry| rule.keys.contains(&entry.key.as_str()))
            .collect();
        if let [first, second, ..] = given[..] {
            let (key, at) = (&first.key, self.faults.at(first.place));
            let remedy = rule.remedy;
            let message = format!("{what} has one {noun}, and `{key}` is given at {at}; {remedy}");
            self.wrong(second.place, &below(path, &second.key), message);
        }
        if given.is_empty() {
            // One of these that is misspelled is not missing too: one line says enough.
            let misspelled = |entry: &Entry| {
                table.key(&entry.key).is_none()
                    && table
                        .nearest(&entry.key)
                        .is_some_and(|key| rule.keys.contains(&key))
            };
            if entries.iter().any(misspelled) {
                return;
            }
            let message = format!("{what} needs a {noun}: {}", rule.keys.join(", "));
            return self.wrong(node.place, path, message);
        }
        for (part, of) in rule.parts {
            let part = entries.iter().find(|entry| entry.key == *part);
            if let Some(part) = part.filter(|_| given.iter().all(|entry| entry.key != *of)) {
                let message = format!("belongs to `{of}`; leave it out, or give `{of}`");
                self.wrong(part.place, &below(path, &part.key), message);
            } else if let Some(part) = part
                && part.value.text().is_some_and(|text| text.trim().is_empty())
            {
                let message = "is empty; give a value, or leave the key out";
                self.wrong(part.place, &below(path, &part.key), message);
            }
        }
    }

    fn value(&mut self, entry: &Entry, key: &'static Key, path: &str) {
        let node = &*entry.value;
        let wrong = match (&key.shape, &node.value) {
            (Shape::Map(table), _) => return self.map(node, table, path),
            (Shape::Maps(table), Value::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.map(item, table, &format!("{path}[{index}]"));
                }
                return;
            }
            (_, Value::Null) => Some("is empty; give a value, or leave the key out".to_owned()),
            (
                Shape::Texts | Shape::Joined | Shape::Words(_) | Shape::Durations,
                Value::List(items),
            ) => {
                for item in items {
                    if let Some(wrong) = scalar(item, &key.shape) {
                        self.wrong(item.place, path, wrong);
                    }
                }
                return;
            }
            (Shape::Labels | Shape::Headers, Value::List(items)) => {
                for item in items {
                    if let Some(wrong) = pair(item, &key.shape) {
                        self.wrong(item.place, path, wrong);
                    }
                }
                return;
            }
            (Shape::Labels | Shape::Headers, _) => pair(node, &key.shape),
            (_, _) => scalar(node, &key.shape),
        };
        if let Some(wrong) = wrong {
            self.wrong(node.place, path, wrong);
        }
    }
}

/// What is wrong with a single value.
fn scalar(node: &Node, shape: &Shape) -> Option<String> {
    let Value::Scalar { text, plain } = &node.value else {
        let wanted = match shape {
            Shape::Texts | Shape::Joined | Shape::Words(_) => "a text or a list of texts",
            Shape::Duration | Shape::Durations => "a duration such as 30s",
            Shape::Count => "a whole number",
            Shape::Truth => "true or false",
            Shape::Maps(_) => "a list",
            _ => "a text",
        };
        return Some(expected(wanted, node));
    };
    match shape {
        Shape::Duration | Shape::Durations => {
            let error = duration::parse(text).err()?;
            Some(match text.parse::<u32>() {
                Ok(n) => format!("`{n}` has no unit; write {n}s"),
                Err(_) => error.to_string(),
            })
        }
        Shape::Count if *plain && text.parse::<u32>().is_ok() => None,
        Shape::Truth if *plain && matches!(text.as_str(), "true" | "false") => None,
        Shape::Count => Some(expected("a whole number", node)),
        Shape::Truth => Some(expected("true or false", node)),
        Shape::Word(words) | Shape::Words(words) => (!words.contains(&text.as_str()))
            .then(|| format!("`{}` is not one of {}", cut(text), words.join(", "))),
        _ => None,
    }
}

/// What is wrong with a pair: a map of texts, or a text with its sign.
fn pair(node: &Node, shape: &Shape) -> Option<String> {
    let (sign, example) = match shape {
        Shape::Headers => (':', "'Name: value'"),
        _ => ('=', "key: value, or key=value"),
    };
    match &node.value {
        Value::Map(entries) => entries.iter().find_map(|entry| match &entry.value.value {
            Value::Scalar { .. } => None,
            _ => Some(format!(
                "`{}`: {}",
                cut(&entry.key),
                expected("a text", &entry.value)
            )),
        }),
        Value::Scalar { text, .. } if !text.contains(sign) => {
            // It may be a secret, so it is not repeated.
            Some(format!("a text without `{sign}`; write {example}"))
        }
        Value::Scalar { .. } => None,
        Value::Null | Value::List(_) => Some(expected("a map of texts", node)),
    }
}

fn expected(wanted: &str, node: &Node) -> String {
    let given = match &node.value {
        Value::Null => "nothing".to_owned(),
        // In place of a map may stand what belongs into it, and that may be a secret.
        Value::Scalar { .. } if wanted.starts_with("a map") => "a text".to_owned(),
        Value::Scalar { text, .. } => format!("`{}`", cut(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    };
    format!("{wanted} is expected, not {given}")
}

fn unknown(table: &Table, key: &str) -> String {
    let shown = cut(key);
    if let Some(known) = table.nearest(key) {
        return format!(
            "`{shown}` is no key of {}; did you mean `{known}`?",
            table.what
        );
    }
    let keys: Vec<_> = table.keys.iter().map(|key| key.name).collect();
    match keys[..] {
        [] => format!("`{shown}` is no key of {}: it has none", table.what),
        _ => format!("`{shown}` is no key of {}: {}", table.what, keys.join(", ")),
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
