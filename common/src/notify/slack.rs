//! Messages as Slack's incoming webhooks take them: a heading, the facts beside a coloured bar, and
//! the whole as text for notifications and for services that know no blocks.
//!
//! Within Slack's documented limits whatever a message holds, since Slack takes a payload that is
//! beyond one of them not at all. `&`, `<` and `>` are escaped, so that nothing in a message is
//! read as a link or calls anybody, and `verbatim` keeps Slack from making mentions of plain words.

use serde_json::{Value, json};

use super::chat;
use super::message::Message;

/// Longest heading.
const HEADER_MAX: usize = 150;
/// Longest text of a block, and of the text beside the blocks.
const TEXT_MAX: usize = 3000;
/// Longest value of a fact: a page of it helps nobody.
const VALUE_MAX: usize = 1000;
/// Most blocks of facts; with heading and link far below Slack's 50.
const SECTIONS_MAX: usize = 10;

/// The body to post.
#[must_use]
pub fn payload(message: &Message) -> String {
    let title = format!("{} {}", message.marker.sign(), message.title);
    let link = message.link.as_deref().and_then(chat::link);
    let link = link.map(|link| link.replace('&', "&amp;"));
    let heading = json!({
        "type": "header",
        "text": {
            "type": "plain_text",
            "text": fit(&title, HEADER_MAX),
            "emoji": false,
        },
    });
    let mut body = json!({
        "text": text(message, &title, link.as_deref()),
        "blocks": [heading],
    });
    let mut blocks: Vec<Value> = sections(message).iter().map(|s| section(s)).collect();
    blocks.extend(link.map(|link| section(&format!("<{link}|Open the incident>"))));
    if !blocks.is_empty() {
        body["attachments"] = json!([{
            "color": message.marker.hex(),
            "fallback": fit(&title, HEADER_MAX),
            "blocks": blocks,
        }]);
    }
    body.to_string()
}

/// The facts, a line each, as few blocks as hold them.
fn sections(message: &Message) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for fact in &message.facts {
        let line = format!("*{}:* {}", fact.label, fit(&fact.value, VALUE_MAX));
        match sections.last_mut() {
            Some(last) if chat::size(last) + 1 + chat::size(&line) <= TEXT_MAX => {
                last.push('\n');
                last.push_str(&line);
            }
            Some(_) | None => sections.push(line),
        }
    }
    sections.truncate(SECTIONS_MAX);
    sections
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// What notifications show, and services that take Slack's payload but know no blocks. The link
/// stands as it is, for a service that knows nothing of Slack's brackets.
fn text(message: &Message, title: &str, link: Option<&str>) -> String {
    let mut lines = vec![fit(title, HEADER_MAX)];
    let facts = message.facts.iter();
    lines.extend(facts.map(|fact| format!("{}: {}", fact.label, fit(&fact.value, VALUE_MAX))));
    lines.extend(link.map(str::to_owned));
    let mut text = String::new();
    for line in lines {
        if chat::size(&text) + 1 + chat::size(&line) > TEXT_MAX {
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

fn fit(text: &str, max: usize) -> String {
    chat::fit(text, max, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
