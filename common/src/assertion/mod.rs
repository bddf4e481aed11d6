//! Assertions: what a monitor demands of an answer, and the judgement.
//!
//! [`judge()`] turns an answer into an outcome. Everything that users write is parsed here into
//! values that cost a bounded amount of time and memory to apply.

mod json;
mod judge;
mod path_guard;
mod pattern;
mod white_space;

pub use json::{Held, InvalidJsonAssertion, JSON_ASSERTION_MAX, JsonAssertion, JsonOp};
pub use judge::{Answer, Verdict, judge};
pub use path_guard::{PATH_MAX, Refused};
pub use pattern::{InvalidPattern, PATTERN_MAX, Pattern};
