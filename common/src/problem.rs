//! What is wrong with an input, said for people: the field, the value, the remedy.
//!
//! Validation collects all problems before it refuses, so that nobody mends one to meet the next.

use std::fmt;

/// One thing wrong with an input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The field as the user spells it, such as `http.url` or `timeout`.
    pub field: String,
    /// What is wrong with which value: `"30x" is not a duration`.
    pub message: String,
    /// What to do instead: `write 500ms, 5s, 1h30m`. Empty when the message says it all.
    pub remedy: String,
    /// A reference to something that does not exist (an unknown region, channel …), as opposed to
    /// a malformed value: commands end with another exit code.
    pub dangling: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// All that is wrong with an input; empty means that it may be used.
#[derive(Clone, Debug, Default, Eq, PartialEq, thiserror::Error)]
#[error("{}", .list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// Nothing wrong yet.
    #[must_use]
    pub const fn none() -> Self {
        Self { list: Vec::new() }
    }

    /// Notes a malformed value.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.list.push(Problem {
            field: field.into(),
            message: message.into(),
            remedy: remedy.into(),
            dangling: false,
        });
    }

    /// Notes a reference to something that does not exist.
    pub fn add_dangling(
        &mut self,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(field, message, remedy);
        if let Some(last) = self.list.last_mut() {
            last.dangling = true;
        }
    }

    /// Takes what another part of the input had wrong, its fields put below `prefix`.
    pub fn extend_below(&mut self, prefix: &str, other: Self) {
        self.list.extend(other.list.into_iter().map(|p| Problem {
            field: format!("{prefix}.{}", p.field),
            ..p
        }));
    }

    /// Takes what another part of the input had wrong.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// The value when nothing is wrong, else all problems.
    ///
    /// # Errors
    /// At least one problem was noted.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems, in the order in which they were noted.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.list
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            list: vec![problem],
        }
    }
}
