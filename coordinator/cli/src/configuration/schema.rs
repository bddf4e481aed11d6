//! The JSON Schema of configuration files, made of the table of keys: editors complete and check
//! by it.

use serde_json::{Map, Value, json};

use super::keys::{APART, DOCUMENT};
use super::shape::{Key, Shape, Table};

/// The schema.
pub(crate) fn schema() -> Value {
    let mut schema = table(&DOCUMENT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Vigilmon configuration");
    // Left alone: a place for anchors.
    schema["patternProperties"] = json!({ format!("^{APART}"): true });
    schema
}

fn table(table: &Table) -> Value {
    let mut properties = Map::new();
    for key in table.keys {
        for name in std::iter::once(key.name).chain(key.also) {
            properties.insert(name.to_owned(), property(key));
        }
    }
    let needed = table.keys.iter().filter(|key| key.required);
    let required: Vec<&str> = needed.map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if let Some(rule) = &table.one_of {
        let one = |key: &&str| json!({ "required": [key] });
        schema["oneOf"] = rule.keys.iter().map(one).collect();
        let parts = rule.parts.iter();
        let parts: Map<_, _> = parts
            .map(|(key, of)| ((*key).to_owned(), json!([of])))
            .collect();
        if !parts.is_empty() {
            schema["dependentRequired"] = Value::Object(parts);
        }
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    schema["description"] = json!(key.help);
    schema
}

fn shape(shape: &Shape) -> Value {
    // Where a text is wanted, a number or a truth without quotes is taken as its text.
    let text = || json!({ "type": ["string", "number", "boolean"] });
    let duration = || json!({ "type": "string", "pattern": DURATION });
    let variable = || json!({ "type": "string", "pattern": VARIABLE });
    let or_list = |one: Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
    let map = || json!({ "type": "object", "additionalProperties": text() });
    match shape {
        Shape::Text | Shape::Secret => text(),
        Shape::Word(words) => json!({ "anyOf": [words_of(words), variable()] }),
        Shape::Duration => duration(),
        Shape::Count => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, variable()] }),
        Shape::Truth => json!({ "anyOf": [{ "type": "boolean" }, variable()] }),
        Shape::Texts | Shape::Joined => or_list(text()),
        Shape::Words(words) => or_list(json!({ "anyOf": [words_of(words), variable()] })),
        Shape::Durations => or_list(duration()),
        Shape::Labels | Shape::Headers => json!({ "anyOf": [
            map(),
            text(),
            { "type": "array", "items": { "anyOf": [map(), text()] } },
        ]}),
        Shape::Map(inner) if inner.keys.is_empty() => {
            let mut schema = table(inner);
            schema["type"] = json!(["object", "null"]);
            schema
        }
        Shape::Map(inner) => table(inner),
        Shape::Maps(inner) => json!({ "type": ["array", "null"], "items": table(inner) }),
    }
}

/// Words, those that look like numbers also without quotes.
fn words_of(words: &[&str]) -> Value {
    let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    values.extend(
        words
            .iter()
            .filter_map(|w| Some(json!(w.parse::<u32>().ok()?))),
    );
    json!({ "enum": values })
}

/// Durations, or a variable that stands for one.
const DURATION: &str = r"^(0|([0-9]+(ms|s|m|h|d))+)$|\$\{";
const VARIABLE: &str = r"\$\{";
