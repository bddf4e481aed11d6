//! Slugs: names as they stand in URLs.

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
