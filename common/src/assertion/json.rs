//! JSON assertions: `PATH OP VALUE`, such as `$.status == "ok"`.
//!
//! PATH is RFC 9535, OP the last of `== != < <= > >= contains exists` outside brackets and
//! quotes, VALUE a JSON literal. An assertion holds when the path selects at least one node and
//! every node satisfies it.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::path_guard::{self, Refused};

/// Longest assertion, in bytes: a path, an operator and a value.
pub const JSON_ASSERTION_MAX: usize = path_guard::PATH_MAX + 1024;

/// A parsed assertion; equal to another of the same path, operator and value.
#[derive(Clone)]
pub struct JsonAssertion {
    text: String,
    path: JsonPath,
    op: JsonOp,
    value: Value,
}

/// What must hold of every selected node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonOp {
    /// Equal to the value; numbers by their size.
    Equal,
    /// Not equal to it.
    NotEqual,
    /// Less: numbers by their size, texts by their characters; others never are.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// A text with that part, an array with that element, an object with that key.
    Contains,
    /// There.
    Exists,
}

/// The operators as they are written; longer ones before those they begin with.
const OPS: [(&str, JsonOp); 8] = [
    ("==", JsonOp::Equal),
    ("!=", JsonOp::NotEqual),
    ("<=", JsonOp::LessOrEqual),
    (">=", JsonOp::GreaterOrEqual),
    ("<", JsonOp::Less),
    (">", JsonOp::Greater),
    ("contains", JsonOp::Contains),
    ("exists", JsonOp::Exists),
];

/// A text that is no assertion.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidJsonAssertion {
    /// Too long.
    #[error("the assertion is longer than {JSON_ASSERTION_MAX} bytes")]
    TooLong,
    /// Without an operator.
    #[error("`{0}` has none of == != < <= > >= contains exists after its path")]
    NoOperator(String),
    /// The path was refused before it was parsed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The path is none.
    #[error("`{0}` is not a JSONPath: {1}")]
    Path(String, String),
    /// The value is no JSON.
    #[error("`{0}` is not a JSON value; put texts in double quotes")]
    Value(String),
    /// `exists` takes no value.
    #[error("`exists` takes no value, but `{0}` follows")]
    ValueAfterExists(String),
}

/// Whether an assertion held, and if not, what was seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Held {
    /// It held.
    Yes,
    /// The path selected nothing.
    NothingSelected,
    /// This node did not satisfy it.
    Was(String),
}

/// Longest node that evidence repeats, in characters.
const SHOWN_MAX: usize = 100;

impl JsonAssertion {
    /// Reads an assertion.
    ///
    /// # Errors
    /// Its path, operator or value is wrong, or the path could cost too much.
    pub fn parse(text: &str) -> Result<Self, InvalidJsonAssertion> {
        if text.len() > JSON_ASSERTION_MAX {
            return Err(InvalidJsonAssertion::TooLong);
        }
        let text = text.trim();
        let (at, written, op) =
            last_operator(text).ok_or_else(|| InvalidJsonAssertion::NoOperator(cut(text)))?;
        let path = text[..at].trim_end();
        let literal = text[at + written.len()..].trim();
        path_guard::check(path)?;
        let parsed = JsonPath::parse(path)
            .map_err(|error| InvalidJsonAssertion::Path(cut(path), error.message().to_owned()))?;
        let value = match op {
            JsonOp::Exists if literal.is_empty() => Value::Null,
            JsonOp::Exists => return Err(InvalidJsonAssertion::ValueAfterExists(cut(literal))),
            JsonOp::Equal
            | JsonOp::NotEqual
            | JsonOp::Less
            | JsonOp::LessOrEqual
            | JsonOp::Greater
            | JsonOp::GreaterOrEqual
            | JsonOp::Contains => serde_json::from_str(literal)
                .map_err(|_| InvalidJsonAssertion::Value(cut(literal)))?,
        };
        let text = format!("{path} {written} {literal}").trim_end().to_owned();
        Ok(Self {
            text,
            path: parsed,
            op,
            value,
        })
    }

    /// The assertion as written, with single spaces around the operator.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Judges a document.
    #[must_use]
    pub fn judge(&self, document: &Value) -> Held {
        let nodes = self.path.query(document);
        if nodes.is_empty() {
            return Held::NothingSelected;
        }
        let failing = nodes.iter().find(|node| !self.op.holds(node, &self.value));
        match failing {
            Some(node) => Held::Was(cut(&node.to_string())),
            None => Held::Yes,
        }
    }
}

impl JsonOp {
    fn holds(self, node: &Value, value: &Value) -> bool {
        let order = || compare(node, value);
        match self {
            Self::Equal => equal(node, value),
            Self::NotEqual => !equal(node, value),
            Self::Less => order() == Some(Ordering::Less),
            Self::LessOrEqual => order().is_some_and(Ordering::is_le),
            Self::Greater => order() == Some(Ordering::Greater),
            Self::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Self::Contains => contains(node, value),
            Self::Exists => true,
        }
    }
}

fn equal(node: &Value, value: &Value) -> bool {
    match (node, value) {
        (Value::Number(_), Value::Number(_)) => compare(node, value) == Some(Ordering::Equal),
        _ => node == value,
    }
}

fn compare(node: &Value, value: &Value) -> Option<Ordering> {
    match (node, value) {
        (Value::Number(a), Value::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
                return Some(a.cmp(&b));
            }
            if let (Some(a), Some(b)) = (a.as_u64(), b.as_u64()) {
                return Some(a.cmp(&b));
            }
            a.as_f64()?.partial_cmp(&b.as_f64()?)
        }
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn contains(node: &Value, value: &Value) -> bool {
    if let Value::Array(elements) = node {
        return elements.iter().any(|element| equal(element, value));
    }
    match (node, value) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Object(entries), Value::String(key)) => entries.contains_key(key),
        _ => false,
    }
}

/// Finds the last operator outside brackets and quotes: its place, how it is written, what it is.
fn last_operator(text: &str) -> Option<(usize, &'static str, JsonOp)> {
    let bytes = text.as_bytes();
    let (mut found, mut depth, mut quote) = (None, 0_usize, None);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) => quote = (byte != open).then_some(open),
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'[' | b'(' | b'{') => depth += 1,
            (None, b']' | b')' | b'}') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => {
                if let Some((written, op)) = operator_at(bytes, at) {
                    found = Some((at, written, op));
                    at += written.len() - 1;
                }
            }
            (None, _) => {}
        }
        at += 1;
    }
    found
}

fn operator_at(bytes: &[u8], at: usize) -> Option<(&'static str, JsonOp)> {
    let rest = &bytes[at..];
    let (written, op) = OPS
        .into_iter()
        .find(|(written, _)| rest.starts_with(written.as_bytes()))?;
    // A word stands alone: `$.contains` is a path.
    let is_word = written.as_bytes()[0].is_ascii_alphabetic();
    let space = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let alone = at > 0 && space(before) && space(rest.get(written.len()));
    (!is_word || alone).then_some((written, op))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl PartialEq for JsonAssertion {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JsonAssertion {}

impl fmt::Debug for JsonAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests;
