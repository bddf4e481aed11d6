//! Names that users give, and regions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name, in characters.
pub const NAME_MAX: usize = 100;
/// Longest name for people, in characters.
const DISPLAY_NAME_MAX: usize = 60;
/// Longest region id, in characters.
pub const REGION_MAX: usize = 40;

/// The name of a monitor, channel, route …: 1–100 of `A-Za-z0-9 ._-`, first and last a letter or
/// digit.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<str>);

/// A region tag: lower-case letters, digits and single `-` between them, such as `us-east`.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Region(Arc<str>);

/// A text that cannot be a name or a region; the message says what would be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidName {
    /// Not a name.
    #[error("use 1 to {NAME_MAX} of A-Z a-z 0-9 space . _ -, first and last a letter or digit")]
    Name,
    /// Not a name for people.
    #[error("use 1 to {DISPLAY_NAME_MAX} characters in one line")]
    DisplayName,
    /// Not a region id.
    #[error(
        "use 1 to {REGION_MAX} lower-case letters and digits with single `-` between, such as us-east"
    )]
    Region,
}

impl Name {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// The text breaks a rule of names.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let inner = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
        let fits = text.len() <= NAME_MAX && text.chars().all(inner);
        if fits && edge(text.chars().next()) && edge(text.chars().last()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName::Name)
        }
    }

    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Region {
    /// Checks and takes a region id.
    ///
    /// # Errors
    /// The text breaks a rule of region ids.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let part = |p: &str| {
            !p.is_empty()
                && p.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= REGION_MAX && text.split('-').all(part) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName::Region)
        }
    }

    /// The id, as CLI, JSON, logs and metrics print it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that messages and pages show unless the operator set one: parts at `-`, two
    /// letters in capitals, longer ones capitalised (`us-east` → `US-East`).
    #[must_use]
    pub fn display_name(&self) -> String {
        let shown = |part: &str| match part.len() {
            2 => part.to_ascii_uppercase(),
            _ => part[..1].to_ascii_uppercase() + &part[1..],
        };
        self.0.split('-').map(shown).collect::<Vec<_>>().join("-")
    }
}

/// Checks a name for people: one line, without white space around it.
///
/// # Errors
/// It is empty, too long, or more than a line.
pub fn display_name(text: &str) -> Result<String, InvalidName> {
    let text = text.trim();
    let fits = (1..=DISPLAY_NAME_MAX).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(InvalidName::DisplayName)
    }
}

macro_rules! text_form {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_form!(Name Region);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_and_end_with_a_letter_or_digit() {
        for good in ["api", "a", "Shop 2.0_eu-west"] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        for bad in ["", " api", "api-", "a/b", "ümlaut", &"x".repeat(101)] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_are_shown_as_people_write_them() {
        let shown = |id: &str| Region::parse(id).unwrap().display_name();
        assert_eq!(shown("us-east"), "US-East");
        assert_eq!(shown("ap-southeast"), "AP-Southeast");
        assert_eq!(shown("berlin"), "Berlin");
        for bad in ["", "US", "us--east", "-us", "us_east", "a b"] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
    }
}
