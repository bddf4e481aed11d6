//! Settings of a daemon's file, in TOML: read key by key, each value with the line that it came
//! from, and everything that is wrong noted at once.
//!
//! Flags and environment go over the file: what is read `under` a flag is the flag's where it was
//! given, and remembers its name, so that a complaint names the place that must be mended. What nobody asked for when the
//! file is [finished](Settings::finish) is unknown and refused: a key with a typing error must not
//! be a default in silence.
//!
//! # What this module does not do
//! It knows no key: which exist, and what their values may be, is the daemons'.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use vigilmon_common::problem::Problems;

/// Largest file that is read; a real one is a few kilobytes.
const FILE_MAX: u64 = 1024 * 1024;

/// A value, and where the user wrote it: a flag, or a line of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it was written, such as `--http` or `/etc/x.toml:12: http.listen`.
    pub place: String,
}

impl<T> Given<T> {
    /// A value of a flag, or of the variable beside it.
    pub fn flag(flag: &str, value: T) -> Self {
        let place = flag.to_owned();
        Self { value, place }
    }
}

/// The flag's values where there are any, else the file's.
pub fn all_over(flag: &str, given: &[String], file: Vec<Given<String>>) -> Vec<Given<String>> {
    match given {
        [] => file,
        given => given
            .iter()
            .map(|text| Given::flag(flag, text.clone()))
            .collect(),
    }
}

/// What a daemon prints before it ends, since its settings are wrong.
#[must_use]
pub fn complaint(program: &str, problems: &Problems) -> String {
    let mut text = format!("{program}: invalid configuration\n");
    for problem in problems.as_slice() {
        text.push_str(&format!("  {problem}\n"));
    }
    let count = match problems.as_slice().len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    text + &format!("{count}; nothing was started\n")
}

/// What a file says, taken apart; without a file it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    path: PathBuf,
    /// What nobody has asked for yet, by key: `http.listen`, `regions[0].name`.
    values: BTreeMap<String, Entry>,
    /// The heads of sections, by key.
    sections: BTreeMap<String, usize>,
    /// What was asked for.
    known: BTreeSet<String>,
    problems: Problems,
}

#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    List(Vec<Entry>),
    /// What no setting is: a date, a number with a fraction, a list with a table in it.
    Other(&'static str),
}

impl Settings {
    /// Reads a file; that it cannot be read is the only problem then.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = std::fs::metadata(path).and_then(|meta| {
            if meta.len() > FILE_MAX {
                let text = format!("it is larger than {FILE_MAX} bytes");
                return Err(std::io::Error::other(text));
            }
            std::fs::read_to_string(path)
        });
        match text {
            Ok(text) => Self::parse(path, &text),
            Err(error) => {
                let mut settings = Self::default();
                let remedy = "name a file in TOML that this user may read";
                let field = path.display().to_string();
                settings
                    .problems
                    .add(field, format!("cannot read it: {error}"), remedy);
                settings
            }
        }
    }

    /// Takes a text apart; `path` names it in complaints, and is what relative paths begin at.
    #[must_use]
    pub fn parse(path: &Path, text: &str) -> Self {
        let mut settings = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines(text);
        for error in errors {
            let line = lines.of(error.span().unwrap_or_default());
            let field = format!("{}:{line}", path.display());
            settings.problems.add(field, error.message(), "");
        }
        settings.take_apart("", table.get_ref(), &lines);
        settings
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<Given<String>> {
        self.take(key, "a text in quotes", |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// A path; a relative one begins at the file's folder.
    pub fn path(&mut self, key: &str) -> Option<Given<PathBuf>> {
        let text = self.text(key)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Some(Given {
            value: folder.join(text.value),
            place: text.place,
        })
    }

    /// A text, unless the flag over it was given.
    pub fn text_under(
        &mut self,
        flag: &str,
        given: &Option<String>,
        key: &str,
    ) -> Option<Given<String>> {
        let below = self.text(key);
        over(flag, given, below)
    }

    /// A path, unless the flag over it was given.
    pub fn path_under(
        &mut self,
        flag: &str,
        given: &Option<PathBuf>,
        key: &str,
    ) -> Option<Given<PathBuf>> {
        let below = self.path(key);
        over(flag, given, below)
    }

    /// A whole number, as text: flags bring it so.
    pub fn number(&mut self, key: &str) -> Option<Given<String>> {
        self.take(key, "a whole number", |value| match value {
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// `true` or `false`.
    pub fn truth(&mut self, key: &str) -> Option<Given<bool>> {
        self.take(key, "true or false", |value| match value {
            Value::Truth(truth) => Some(truth),
            _ => None,
        })
    }

    /// A list of texts, each with its own line.
    pub fn texts(&mut self, key: &str) -> Vec<Given<String>> {
        let wanted = "a list of texts, such as [\"a\", \"b\"]";
        let list = self.take(key, wanted, |value| match value {
            Value::List(list) => {
                let texts = list.into_iter().map(|entry| match entry.value {
                    Value::Text(text) => Some((entry.line, text)),
                    _ => None,
                });
                texts.collect::<Option<Vec<_>>>()
            }
            _ => None,
        });
        let texts = list.map(|list| list.value).unwrap_or_default();
        let given = texts.into_iter().map(|(line, value)| Given {
            value,
            place: self.place(line, key),
        });
        given.collect()
    }

    /// The keys of a list of sections, `[[key]]`, in the file's order: `key[0]`, `key[1]` ….
    pub fn each(&mut self, key: &str) -> Vec<String> {
        self.known.insert(format!("{key}[]"));
        let keys = (0..).map(|i| format!("{key}[{i}]"));
        keys.take_while(|key| self.sections.contains_key(key))
            .collect()
    }

    /// Where a section's head stands.
    #[must_use]
    pub fn head(&self, key: &str) -> String {
        self.place(self.sections.get(key).copied().unwrap_or(1), key)
    }

    /// Everything that is wrong with the file itself, once all that is known was asked for.
    #[must_use]
    pub fn finish(mut self) -> Problems {
        let mut unknown: BTreeMap<usize, (String, String)> = BTreeMap::new();
        let is_section = |key: &str| {
            let below = format!("{key}.");
            let many = format!("{key}[]");
            self.known
                .iter()
                .any(|known| known.starts_with(&below) || *known == many)
        };
        for (key, line) in &self.sections {
            if !is_section(key) && !self.known.contains(&without_index(key)) {
                let remedy = "there is no such section here".to_owned();
                unknown.insert(*line, (key.clone(), remedy));
            }
        }
        let foreign: Vec<String> = unknown.values().map(|(key, _)| format!("{key}.")).collect();
        for (key, entry) in &self.values {
            if foreign
                .iter()
                .any(|section| key.starts_with(section.as_str()))
            {
                continue;
            }
            let remedy = if is_section(key) {
                format!("it is a section: write [{key}] and its keys below that")
            } else {
                self.like(key)
            };
            unknown.insert(entry.line, (key.clone(), remedy));
        }
        for (line, (key, remedy)) in unknown {
            let field = self.place(line, &key);
            self.problems.add(field, "is not known", remedy);
        }
        self.problems
    }

    /// The keys that stand beside an unknown one.
    fn like(&self, key: &str) -> String {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let beside = self.known.iter().filter_map(|known| {
            let name = match section {
                "" => Some(known.as_str()),
                section => known.strip_prefix(section)?.strip_prefix('.'),
            };
            name.filter(|name| !name.contains(['.', '[']))
        });
        let names: Vec<&str> = beside.collect();
        format!("known here: {}", names.join(", "))
    }

    fn take<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<Given<T>> {
        self.known.insert(key.to_owned());
        if let Some(line) = self.sections.get(key) {
            let field = self.place(*line, key);
            self.problems
                .add(field, "is a section here", format!("write {wanted}"));
            return None;
        }
        let Entry { line, value } = self.values.remove(key)?;
        let place = self.place(line, key);
        let sort = value.sort();
        let value = read(value);
        if value.is_none() {
            let message = format!("is {sort}");
            self.problems
                .add(place.as_str(), message, format!("write {wanted}"));
        }
        value.map(|value| Given { value, place })
    }

    fn place(&self, line: usize, key: &str) -> String {
        format!("{}:{line}: {key}", self.path.display())
    }

    fn take_apart(&mut self, below: &str, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (name, value) in table {
            let key = match below {
                "" => name.get_ref().to_string(),
                below => format!("{below}.{}", name.get_ref()),
            };
            // A section stands where its name does, a value in a list where it does itself.
            let line = lines.of(name.span());
            match value.get_ref() {
                DeValue::Table(table) => {
                    self.sections.insert(key.clone(), line);
                    self.take_apart(&key, table, lines);
                }
                DeValue::Array(list)
                    if !list.is_empty() && list.iter().all(|v| v.get_ref().is_table()) =>
                {
                    for (i, item) in list.iter().enumerate() {
                        let key = format!("{key}[{i}]");
                        self.sections.insert(key.clone(), lines.of(item.span()));
                        if let Some(table) = item.get_ref().as_table() {
                            self.take_apart(&key, table, lines);
                        }
                    }
                }
                other => {
                    let value = Value::of(other, lines);
                    self.values.insert(key, Entry { line, value });
                }
            }
        }
    }
}

impl Value {
    fn of(value: &DeValue<'_>, lines: &Lines<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Boolean(truth) => Self::Truth(*truth),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                parsed.map_or(Self::Other("a number that is too large"), Self::Number)
            }
            DeValue::Array(list) => Self::List(
                list.iter()
                    .map(|item| Entry {
                        line: lines.of(item.span()),
                        value: Self::of(item.get_ref(), lines),
                    })
                    .collect(),
            ),
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a section"),
        }
    }

    const fn sort(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Truth(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(sort) => sort,
        }
    }
}

fn over<T: Clone>(flag: &str, given: &Option<T>, below: Option<Given<T>>) -> Option<Given<T>> {
    match given {
        Some(value) => Some(Given::flag(flag, value.clone())),
        None => below,
    }
}

fn without_index(key: &str) -> String {
    match key.split_once('[') {
        Some((list, _)) => format!("{list}[]"),
        None => key.to_owned(),
    }
}

/// Finds lines, counted from 1.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of(&self, span: Range<usize>) -> usize {
        let before = self
            .0
            .as_bytes()
            .get(..span.start)
            .unwrap_or(self.0.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

#[cfg(test)]
mod tests;
