//! The near miss of keywords on JSON: `"status":"ok"` against `"status": "ok"`.
//!
//! `contains` is exact. Where a body is JSON and only white space keeps a keyword from matching,
//! the reason says so, and the hint names the JSON assertion that is blind to white space.

use serde_json::Value;

/// Whether a text contains a keyword once neither has white space.
pub(super) fn same_without(text: &str, keyword: &str) -> bool {
    let bare = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let keyword = bare(keyword);
    !keyword.is_empty() && bare(text).contains(&keyword)
}

/// What to write in place of a keyword that missed by white space.
pub(super) fn hint(document: &Value, keyword: &str) -> String {
    let pair = pair(keyword);
    let path = pair
        .as_ref()
        .and_then(|(key, value)| path_to(document, key, value, "$".to_owned()));
    match (path, pair) {
        (Some(path), Some((_, value))) => format!(
            "white space differs between the keyword and the body; write --json '{}' instead",
            format!("{path} == {value}").replace('\'', r"'\''")
        ),
        _ => "white space differs between the keyword and the body; --json does not mind it"
            .to_owned(),
    }
}

/// The key and value that a keyword names: `"status":"ok"`, with or without braces.
fn pair(keyword: &str) -> Option<(String, Value)> {
    let trimmed = keyword.trim().trim_end_matches(',');
    let braced = [trimmed.to_owned(), format!("{{{trimmed}}}")];
    let object = braced
        .iter()
        .find_map(|text| match serde_json::from_str(text) {
            Ok(Value::Object(object)) if object.len() == 1 => Some(object),
            _ => None,
        })?;
    object.into_iter().next()
}

/// The path to the first place where `key` has `value`. As deep as documents are parsed.
fn path_to(document: &Value, key: &str, value: &Value, path: String) -> Option<String> {
    if let Value::Array(elements) = document {
        let mut places = elements.iter().enumerate();
        return places.find_map(|(n, next)| path_to(next, key, value, format!("{path}[{n}]")));
    }
    let Value::Object(entries) = document else {
        return None;
    };
    if entries.get(key) == Some(value) {
        return Some(path + &step(key));
    }
    let mut entries = entries.iter();
    entries.find_map(|(name, next)| path_to(next, key, value, format!("{path}{}", step(name))))
}

fn step(key: &str) -> String {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let plain = key.chars().all(|c| letter(c) || c.is_ascii_digit());
    if plain && key.starts_with(letter) {
        format!(".{key}")
    } else {
        format!("[{}]", Value::from(key))
    }
}
