//! Assertions: what a monitor demands of an answer, and the judgement.

mod json;
mod path_guard;
mod pattern;

pub use json::{Held, InvalidJsonAssertion, JSON_ASSERTION_MAX, JsonAssertion, JsonOp};
pub use path_guard::{PATH_MAX, Refused};
pub use pattern::{InvalidPattern, PATTERN_MAX, Pattern};
