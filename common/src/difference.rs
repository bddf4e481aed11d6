//! What an edit changes, in words: field by field, secrets never shown.

/// A field of an object, under the name that users write.
#[derive(Clone, Eq, PartialEq)]
pub struct Field {
    name: &'static str,
    value: String,
    shown: String,
}

impl Field {
    /// A field that may be shown.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            name,
            shown: value.clone(),
            value,
        }
    }

    /// A field whose value is, or holds, a secret: compared, but shown as `shown`.
    pub fn secret(name: &'static str, value: impl Into<String>, shown: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
            shown: shown.into(),
        }
    }
}

/// One field that differs. Where only a secret differs, both texts are the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The field's name.
    pub field: &'static str,
    /// What it was; empty: nothing.
    pub from: String,
    /// What it is; empty: nothing.
    pub to: String,
}

/// The fields that differ. A field that only one side has is empty on the other.
#[must_use]
pub fn difference(before: &[Field], after: &[Field]) -> Vec<Change> {
    let absent = |name| Field::new(name, "");
    let named = |fields: &[Field], name| fields.iter().find(|f| f.name == name).cloned();
    let mut names: Vec<&'static str> = after.iter().map(|f| f.name).collect();
    names.extend(before.iter().map(|f| f.name));
    let mut seen = Vec::new();
    let mut changes = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let was = named(before, name).unwrap_or_else(|| absent(name));
        let is = named(after, name).unwrap_or_else(|| absent(name));
        if was.value != is.value {
            changes.push(Change {
                field: name,
                from: was.shown,
                to: is.shown,
            });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let before = [Field::new("every", "30s"), Field::new("quorum", "any")];
        let after = [Field::new("every", "1m"), Field::new("quorum", "any")];
        let change = Change {
            field: "every",
            from: "30s".to_owned(),
            to: "1m".to_owned(),
        };
        assert_eq!(difference(&before, &after), [change]);
    }

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let before = [Field::secret("bearer", "one", "…")];
        let after = [Field::secret("bearer", "two", "…")];
        let changes = difference(&before, &after);
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (changes[0].from.as_str(), changes[0].to.as_str()),
            ("…", "…")
        );
        assert!(difference(&before, &before).is_empty());
    }

    #[test]
    fn a_field_of_one_side_only_is_empty_on_the_other() {
        let changes = difference(&[Field::new("to", "a@b")], &[]);
        assert_eq!(
            (changes[0].from.as_str(), changes[0].to.as_str()),
            ("a@b", "")
        );
    }
}
