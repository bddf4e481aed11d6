//! What is wrong with files: collected, led back to places, said in the order of the files.

use std::rc::Rc;

use vigilmon_proto::v1;

use super::tree::{Node, Place, Value};

/// Most faults that are printed.
const SHOWN_MAX: usize = 1000;

/// Something wrong.
struct Fault {
    place: Option<Place>,
    text: String,
}

/// An object of the wanted configuration, and where it stands.
struct Object {
    node: Rc<Node>,
    label: String,
    /// Paths below it that were found wrong here.
    wrong: Vec<String>,
}

/// All that is wrong with the files.
pub(crate) struct Faults {
    files: Vec<String>,
    faults: Vec<Fault>,
    /// The objects of each list, in the order of the request.
    objects: Vec<(&'static str, Vec<Object>)>,
}

impl Faults {
    /// Nothing is wrong with these files yet.
    pub(super) fn of(files: Vec<String>) -> Self {
        Self {
            files,
            faults: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes something wrong at a place.
    pub(super) fn add(&mut self, place: Place, message: impl Into<String>) {
        self.faults.push(Fault {
            place: Some(place),
            text: message.into(),
        });
    }

    /// Where a place is, for people.
    pub(super) fn at(&self, place: Place) -> String {
        let file = self.files.get(place.file).map_or("", String::as_str);
        format!("{file}:{}:{}", place.line, place.column)
    }

    /// The next object of a list of the request, with the paths below it that were found wrong.
    pub(super) fn object(
        &mut self,
        list: &'static str,
        node: &Rc<Node>,
        label: String,
        wrong: Vec<String>,
    ) {
        let object = Object {
            node: Rc::clone(node),
            label,
            wrong,
        };
        match self.objects.iter_mut().find(|(name, _)| *name == list) {
            Some((_, objects)) => objects.push(object),
            None => self.objects.push((list, vec![object])),
        }
    }

    /// Takes what the coordinator found wrong, save what only follows from what was found here.
    pub(crate) fn take_coordinators(&mut self, problems: Vec<v1::ConfigProblem>) {
        for problem in problems {
            let text = match problem.remedy.as_str() {
                "" => problem.message.clone(),
                remedy => format!("{}; {remedy}", problem.message),
            };
            // What stands for a stored secret has another word here.
            let text = text.replace("`…`", "`keep`");
            let fault = match self.find(&problem.field) {
                None => Fault {
                    place: None,
                    text: match problem.field.as_str() {
                        "" => text,
                        field => format!("{field}: {text}"),
                    },
                },
                Some((object, _)) if object.explains(&problem.field, &problem.message) => continue,
                Some((object, field)) => Fault {
                    place: Some(place_of(&object.node, field, &problem.message)),
                    text: format!("{}: {field}: {text}", object.label),
                },
            };
            self.faults.push(fault);
        }
    }

    /// The object that a path such as `monitors[3].http.url` names, and the path below it.
    fn find<'a>(&self, path: &'a str) -> Option<(&Object, &'a str)> {
        let (list, rest) = path.split_once('[')?;
        let (index, field) = rest.split_once(']')?;
        let (_, objects) = self.objects.iter().find(|(name, _)| *name == list)?;
        let object = objects.get(index.parse::<usize>().ok()?)?;
        Some((object, field.trim_start_matches('.')))
    }

    /// All of it, a line each, in the order of the files.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut sorted: Vec<&Fault> = self.faults.iter().collect();
        sorted.sort_by_key(|fault| fault.place);
        let line = |fault: &&Fault| match fault.place {
            Some(place) => format!("{}: {}", self.at(place), fault.text),
            None => fault.text.clone(),
        };
        let mut lines: Vec<String> = sorted.iter().map(line).collect();
        // What an alias repeats is wrong once.
        lines.dedup();
        if lines.len() > SHOWN_MAX {
            let more = lines.len() - SHOWN_MAX;
            lines.truncate(SHOWN_MAX);
            lines.push(format!("{more} more problems are not shown"));
        }
        lines
    }
}

impl Object {
    /// Whether what was found wrong here is why the coordinator says this.
    fn explains(&self, path: &str, message: &str) -> bool {
        let field = path.split_once("].").map_or("", |(_, field)| field);
        let below = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}."));
        // A kind, or a schedule, that is misspelled is one that is missing.
        let kind_missing = ["needs a kind", "needs a schedule"]
            .iter()
            .any(|missing| message.contains(missing));
        self.wrong
            .iter()
            .any(|wrong| below(field, wrong) || below(wrong, field) || kind_missing)
    }
}

/// The place of a field: as far as the path leads, and of a list the item that is meant.
fn place_of(object: &Rc<Node>, path: &str, message: &str) -> Place {
    let mut node = object;
    for part in path.split('.') {
        let Value::Map(entries) = &node.value else {
            break;
        };
        let named = |node: &'_ [super::tree::Entry]| {
            node.iter().position(|entry| {
                entry.key == part
                    || format!("{}s", entry.key) == part
                    || entry.key == format!("{part}s")
            })
        };
        match named(entries) {
            Some(at) => node = &entries[at].value,
            // Matchers of routes lie one level deeper than the coordinator names them.
            None => match entries.iter().find(|entry| entry.key == "match") {
                Some(matcher) => {
                    node = &matcher.value;
                    if let Value::Map(entries) = &node.value
                        && let Some(at) = named(entries)
                    {
                        node = &entries[at].value;
                    }
                }
                None => break,
            },
        }
    }
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| meant(item, message)),
        Value::Null | Value::Scalar { .. } | Value::Map(_) => None,
    }
    .unwrap_or(node.place)
}

/// The place of the text that a message repeats.
fn meant(node: &Node, message: &str) -> Option<Place> {
    match &node.value {
        Value::Scalar { text, .. } => message.contains(&format!("`{text}`")).then_some(node.place),
        Value::List(items) => items.iter().find_map(|item| meant(item, message)),
        Value::Map(entries) => entries
            .iter()
            .find_map(|entry| meant(&entry.value, message)),
        Value::Null => None,
    }
}
