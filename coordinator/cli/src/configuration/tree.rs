//! YAML as a tree that knows the place of everything in it.
//!
//! Scalars keep their text: what `200` or `30s` is, the key that it belongs to decides. Aliases
//! share what they repeat, and count as if they did not: a file that would grow beyond bounds is
//! refused, however small it is. Variables are put into texts here, after parsing.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::environment::expand;
use super::faults::Faults;

/// How deep maps and lists may lie in each other.
const DEPTH_MAX: usize = 32;
/// Most values of one document, those that aliases repeat included.
const NODES_MAX: u64 = 2_000_000;
/// The key that takes in another map.
const MERGE: &str = "<<";

/// A place in a file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// Which file.
    pub(super) file: usize,
    /// From 1.
    pub(super) line: usize,
    /// From 1.
    pub(super) column: usize,
}

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// How many values it is, aliases followed.
    weight: u64,
}

/// A value.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing: `key:`, `~` or `null`.
    Null,
    /// A text; `plain` without quotes, so that it may be a number or a truth.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Rc<Node>>),
    /// A map, in its order, each key once.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Rc<Node>,
}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let found = entries.iter().find(|entry| entry.key == key);
        found.map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Parses a file into its documents. What is wrong is noted; after a wrong syntax nothing follows.
pub(super) fn parse(
    file: usize,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    faults: &mut Faults,
) -> Vec<Rc<Node>> {
    let mut builder = Builder {
        file,
        env,
        faults,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
        weight: 0,
    };
    for event in Parser::new_from_str_with_options(text, Options::default()) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let place = Place {
                    file,
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                };
                builder
                    .faults
                    .add(place, format!("not YAML: {}", error.info()));
                break;
            }
        };
        let place = builder.place(&span);
        if let Err(message) = builder.on(event, place) {
            builder.faults.add(place, message);
            break;
        }
    }
    builder.documents
}

/// A list or map that is not closed yet.
enum Open {
    List {
        place: Place,
        anchor: usize,
        items: Vec<Rc<Node>>,
    },
    Map {
        place: Place,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(String, Place)>,
    },
}

struct Builder<'a> {
    file: usize,
    env: &'a dyn Fn(&str) -> Option<String>,
    faults: &'a mut Faults,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    documents: Vec<Rc<Node>>,
    weight: u64,
}

impl Builder<'_> {
    fn place(&self, span: &Span) -> Place {
        Place {
            file: self.file,
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }

    fn on(&mut self, event: Event<'_>, place: Place) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.weight = 0;
            }
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some() {
                    self.faults.add(place, "a tag; leave it out");
                }
                self.scalar(&text, style, anchor, place)?;
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or("an alias of what holds it")?;
                let weight = node.weight;
                self.attach(node, weight)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open(Open::List {
                place,
                anchor,
                items: Vec::new(),
            })?,
            Event::MappingStart(_, anchor, _) => self.open(Open::Map {
                place,
                anchor,
                entries: Vec::new(),
                key: None,
            })?,
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        place: Place,
    ) -> Result<(), String> {
        if let Some(Open::Map { key, .. }) = self.open.last_mut()
            && key.is_none()
        {
            *key = Some((text.to_owned(), place));
            return Ok(());
        }
        let plain = style == ScalarStyle::Plain;
        let value = match expand(text, self.env) {
            _ if plain && matches!(text, "" | "~" | "null") => Value::Null,
            Ok(Some(text)) => Value::Scalar { text, plain },
            Ok(None) => Value::Scalar {
                text: text.to_owned(),
                plain,
            },
            Err(message) => {
                self.faults.add(place, message);
                Value::Scalar {
                    text: text.to_owned(),
                    plain,
                }
            }
        };
        self.finish(place, anchor, value, 1)
    }

    fn open(&mut self, one: Open) -> Result<(), String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("lies deeper than {DEPTH_MAX} levels"));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err("a key must be a text".to_owned());
        }
        self.open.push(one);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::List {
                place,
                anchor,
                items,
            }) => {
                let weight = items
                    .iter()
                    .fold(1, |sum: u64, item| sum.saturating_add(item.weight));
                self.finish(place, anchor, Value::List(items), weight)
            }
            Some(Open::Map {
                place,
                anchor,
                entries,
                ..
            }) => {
                let entries = self.merged(entries);
                let weight = |sum: u64, entry: &Entry| sum.saturating_add(entry.value.weight + 1);
                let weight = entries.iter().fold(1, weight);
                self.finish(place, anchor, Value::Map(entries), weight)
            }
            None => Ok(()),
        }
    }

    fn finish(
        &mut self,
        place: Place,
        anchor: usize,
        value: Value,
        weight: u64,
    ) -> Result<(), String> {
        let node = Rc::new(Node {
            place,
            value,
            weight,
        });
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        // What lies in a list or map was counted when it was attached there.
        self.attach(node, 1)
    }

    fn attach(&mut self, node: Rc<Node>, weight: u64) -> Result<(), String> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > NODES_MAX {
            return Err(format!(
                "stands for more than {NODES_MAX} values, aliases followed; write less"
            ));
        }
        match self.open.last_mut() {
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((key, place)) => entries.push(Entry {
                    key,
                    place,
                    value: node,
                }),
                None => return Err("a key must be a text".to_owned()),
            },
            None => self.documents.push(node),
        }
        Ok(())
    }

    /// Each key once, and what `<<` takes in behind what is given.
    fn merged(&mut self, given: Vec<Entry>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(given.len());
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut taken_in = Vec::new();
        for entry in given {
            if entry.key == MERGE {
                match &entry.value.value {
                    Value::Map(more) => taken_in.extend(more.iter().cloned()),
                    Value::List(maps) => {
                        for map in maps {
                            if let Value::Map(more) = &map.value {
                                taken_in.extend(more.iter().cloned());
                            }
                        }
                    }
                    Value::Null | Value::Scalar { .. } => {
                        self.faults
                            .add(entry.place, "`<<` takes in a map; name one by its alias");
                    }
                }
                continue;
            }
            match lines.get(&entry.key) {
                Some(line) => {
                    let message = format!("`{}` is given twice; first in line {line}", entry.key);
                    self.faults.add(entry.place, message);
                }
                None => {
                    lines.insert(entry.key.clone(), entry.place.line);
                    entries.push(entry);
                }
            }
        }
        for entry in taken_in {
            if lines.insert(entry.key.clone(), entry.place.line).is_none() {
                entries.push(entry);
            }
        }
        entries
    }
}
