//! Slugs: names as they stand in URLs. One leads to one heartbeat, so a name whose slug another
//! heartbeat has is refused.

use crate::problem::Problem;

/// A name in lower case, every run of characters outside `a-z0-9` as one `-`, none at the ends.
/// Two names may have the same slug, and one may have none.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// What is wrong with a name whose slug the heartbeat `other` has.
#[must_use]
pub fn slug_taken(name: &str, other: &str) -> Problem {
    Problem {
        field: "name".to_owned(),
        message: format!(
            "`{name}` has the slug `{}` in ping URLs, as heartbeat `{other}` has",
            slug(name)
        ),
        remedy: "take a name that differs from it in more than case, spaces and punctuation"
            .to_owned(),
        dangling: false,
    }
}
