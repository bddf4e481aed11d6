//! Regular expressions on bodies: linear in time, bounded in size.

use std::fmt;

/// Longest expression, in bytes.
pub const PATTERN_MAX: usize = 1024;
/// Largest compiled expression, in bytes; a monitor holds it for as long as it is assigned.
const COMPILED_MAX: usize = 256 * 1024;
/// Largest cache of a matcher, in bytes.
const CACHE_MAX: usize = 512 * 1024;

/// A compiled expression; equal to another of the same text.
#[derive(Clone)]
pub struct Pattern(regex::Regex);

/// A text that is no expression that may be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPattern {
    /// Too long.
    #[error("the expression is longer than {PATTERN_MAX} bytes")]
    TooLong,
    /// It would need too much memory.
    #[error("`{0}` needs too much memory; repeat less")]
    TooLarge(String),
    /// Not an expression.
    #[error("`{0}` is not a regular expression: {1}")]
    Syntax(String, String),
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// The text is none, or one that is too large.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.len() > PATTERN_MAX {
            return Err(InvalidPattern::TooLong);
        }
        let shown = || text.chars().take(100).collect::<String>();
        regex::RegexBuilder::new(text)
            .size_limit(COMPILED_MAX)
            .dfa_size_limit(CACHE_MAX)
            .build()
            .map(Self)
            .map_err(|error| {
                if matches!(error, regex::Error::CompiledTooBig(_)) {
                    return InvalidPattern::TooLarge(shown());
                }
                // The last line says what is wrong; those before it point at the place.
                let whole = error.to_string();
                let last = whole.lines().last().unwrap_or_default();
                let what = last.trim().trim_start_matches("error: ").to_owned();
                InvalidPattern::Syntax(shown(), what)
            })
    }

    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches somewhere.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_expression_that_would_fill_the_memory_is_refused() {
        assert!(matches!(
            Pattern::parse("(a{1000}){1000}"),
            Err(InvalidPattern::TooLarge(_))
        ));
        assert_eq!(
            Pattern::parse(&"a".repeat(2000)),
            Err(InvalidPattern::TooLong)
        );
        assert!(Pattern::parse(&"(".repeat(1000)).is_err());
    }

    #[test]
    fn a_broken_expression_says_what_is_wrong_in_one_line() {
        let refused = Pattern::parse("ok(").unwrap_err().to_string();
        assert_eq!(refused, "`ok(` is not a regular expression: unclosed group");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}", body in ".{0,60}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _ = pattern.is_match(&body);
            }
        }
    }
}
