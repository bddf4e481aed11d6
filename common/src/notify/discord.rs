//! Messages as Discord's webhooks take them: one embed with a colour, a field for each fact.
//!
//! Within Discord's documented limits whatever a message holds, since Discord takes a payload that
//! is beyond one of them not at all. Markdown is escaped, and `allowed_mentions` allows none, so
//! that nothing in a message calls anybody. The link is a field and not the title's, because
//! Discord refuses an embed whose link it cannot make sense of, such as one to `localhost`.

use serde_json::{Value, json};

use super::chat;
use super::message::Message;

/// Longest title.
const TITLE_MAX: usize = 256;
/// Most fields.
const FIELDS_MAX: usize = 25;
/// Longest name of a field.
const NAME_MAX: usize = 256;
/// Longest value of a field.
const VALUE_MAX: usize = 1024;
/// Longest title, names and values together.
const TOTAL_MAX: usize = 6000;
/// A fact that would be cut below this is left out.
const VALUE_MIN: usize = 16;
/// The name of the last field.
const LINK: &str = "Link";

/// The body to post.
#[must_use]
pub fn payload(message: &Message) -> String {
    let title = format!("{} {}", message.marker.sign(), message.title);
    let title = fit(&title, TITLE_MAX);
    let link = message.link.as_deref().and_then(chat::link);
    let link = link.map(|link| field(LINK, &link));
    let reserved: usize = link.iter().map(Field::size).sum();
    let mut left = TOTAL_MAX - chat::size(&title) - reserved;
    let mut fields = Vec::new();
    for fact in &message.facts {
        let name = fit(fact.label, NAME_MAX);
        let room = left.saturating_sub(chat::size(&name));
        if room < VALUE_MIN || fields.len() + 1 == FIELDS_MAX {
            break;
        }
        let value = match fit(&fact.value, room.min(VALUE_MAX)) {
            value if value.is_empty() => "–".to_owned(),
            value => value,
        };
        let field = field(&name, &value);
        left -= field.size();
        fields.push(field);
    }
    fields.extend(link);
    let fields: Vec<Value> = fields.iter().map(Field::to_json).collect();
    json!({
        "embeds": [{
            "title": title,
            "color": message.marker.rgb(),
            "fields": fields,
        }],
        "allowed_mentions": { "parse": [] },
    })
    .to_string()
}

struct Field {
    name: String,
    value: String,
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

impl Field {
    fn size(&self) -> usize {
        chat::size(&self.name) + chat::size(&self.value)
    }

    fn to_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "inline": false })
    }
}

fn fit(text: &str, max: usize) -> String {
    chat::fit(text, max, |c| {
        Some(match c {
            '\\' => "\\\\",
            '*' => "\\*",
            '_' => "\\_",
            '~' => "\\~",
            '`' => "\\`",
            '|' => "\\|",
            '<' => "\\<",
            '>' => "\\>",
            '[' => "\\[",
            ']' => "\\]",
            '(' => "\\(",
            ')' => "\\)",
            '#' => "\\#",
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests;
