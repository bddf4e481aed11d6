//! Refusals as statuses, with the details that clients act on.
//!
//! | why                                   | status              | details                    |
//! |---------------------------------------|---------------------|----------------------------|
//! | a malformed field                     | INVALID_ARGUMENT    | BadRequest: every field    |
//! | only references to what is not there  | FAILED_PRECONDITION | BadRequest: every field    |
//! | the named object does not exist       | NOT_FOUND           | ResourceInfo               |
//! | the name is taken                     | ALREADY_EXISTS      | ResourceInfo               |
//! | somebody was faster                   | ABORTED             | ResourceInfo               |
//! | a rule forbids it now                 | FAILED_PRECONDITION | ErrorInfo, the hint in it  |
//! | the token's role does not reach so far | PERMISSION_DENIED  | ErrorInfo, the hint in it  |
//! | stopping, or the store fails          | UNAVAILABLE         | —                          |
//!
//! Statuses travel in headers, which clients bound to some kilobytes: lists and texts are cut.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt};
use vigilmon_common::problem::Problems;

use super::etag;
use crate::engine::{self, CommandError, Object};
use crate::store::StoreError;

/// Most fields that one status lists.
const FIELDS_MAX: usize = 16;
/// Longest text about one field, in bytes.
const FIELD_TEXT_MAX: usize = 300;
/// Longest message of a status, in bytes.
const MESSAGE_MAX: usize = 1000;
/// Whose reasons an ErrorInfo names.
const DOMAIN: &str = "vigilmon";

/// A refusal of the engine.
pub(super) fn status(error: CommandError) -> Status {
    let message = cut(&error.to_string(), MESSAGE_MAX);
    match error {
        CommandError::Invalid(problems) => invalid(&problems),
        CommandError::NotFound { object, reference } => {
            about(Code::NotFound, message, object, &reference)
        }
        CommandError::Exists { object, name } => about(Code::AlreadyExists, message, object, &name),
        CommandError::Conflict { object, reference } => {
            about(Code::Aborted, message, object, &reference)
        }
        CommandError::Refused { hint, .. } => {
            hinted(Code::FailedPrecondition, "REFUSED", message, &hint)
        }
        CommandError::Unavailable(_) => Status::unavailable(message),
    }
}

/// What is wrong with an input, by field.
pub(super) fn invalid(problems: &Problems) -> Status {
    let all = problems.as_slice();
    let dangling = !all.is_empty() && all.iter().all(|problem| problem.dangling);
    let code = if dangling {
        Code::FailedPrecondition
    } else {
        Code::InvalidArgument
    };
    let violations = all.iter().take(FIELDS_MAX).map(|problem| {
        let text = match problem.remedy.as_str() {
            "" => problem.message.clone(),
            remedy => format!("{}; {remedy}", problem.message),
        };
        // The remedy by itself too, for those who show it by itself.
        let remedy = (!problem.remedy.is_empty()).then(|| LocalizedMessage {
            locale: "en".to_owned(),
            message: cut(&problem.remedy, FIELD_TEXT_MAX),
        });
        FieldViolation {
            field: cut(&problem.field, FIELD_TEXT_MAX),
            description: cut(&text, FIELD_TEXT_MAX),
            reason: String::new(),
            localized_message: remedy,
        }
    });
    let mut details = ErrorDetails::with_bad_request(violations.collect::<Vec<_>>());
    if dangling {
        details.set_error_info("DANGLING_REFERENCE", DOMAIN, HashMap::new());
    }
    let message = cut(&problems.to_string(), MESSAGE_MAX);
    Status::with_error_details(code, message, details)
}

/// One malformed field.
pub(super) fn invalid_field(field: &str, message: &str, remedy: &str) -> Status {
    let mut problems = Problems::none();
    problems.add(field, message, remedy);
    invalid(&problems)
}

/// A part of a request that must be there and is not.
pub(super) fn absent(field: &str) -> Status {
    invalid_field(field, "must be set", "")
}

/// Refuses an etag that is not the present one.
pub(super) fn same_version(
    given: &str,
    version: u64,
    object: Object,
    reference: &str,
) -> Result<(), Status> {
    engine::same_version(etag(given), version, object, reference).map_err(status)
}

/// The named object does not exist.
pub(super) fn not_found(object: Object, reference: &str) -> Status {
    status(CommandError::NotFound {
        object,
        reference: reference.to_owned(),
    })
}

/// The named object does not exist, but something else of that name does.
pub(super) fn not_found_but(object: Object, reference: &str, hint: &str) -> Status {
    let absent = CommandError::NotFound {
        object,
        reference: reference.to_owned(),
    };
    let message = format!("{}; {hint}", cut(&absent.to_string(), MESSAGE_MAX));
    about(Code::NotFound, message, object, reference)
}

/// A store that does not answer.
pub(super) fn unavailable(error: &StoreError) -> Status {
    status(CommandError::Unavailable(error.to_string()))
}

/// No good token.
pub(super) fn unauthenticated(text: &str) -> Status {
    Status::unauthenticated(text)
}

/// A good token that does not reach so far.
pub(super) fn denied(text: String, hint: &str) -> Status {
    hinted(Code::PermissionDenied, "DENIED", text, hint)
}

/// A place in a sequence from which one cannot go on, and the nearest from which one can.
pub(super) fn out_of_range(text: &str, oldest: &str) -> Status {
    let metadata = HashMap::from([
        ("oldest".to_owned(), oldest.to_owned()),
        (
            "hint".to_owned(),
            format!("go on from {oldest}; what came before is lost"),
        ),
    ]);
    let details = ErrorDetails::with_error_info("CURSOR", DOMAIN, metadata);
    Status::with_error_details(Code::OutOfRange, text, details)
}

/// With the remedy beside it, where there is one.
fn hinted(code: Code, reason: &str, message: String, hint: &str) -> Status {
    let hint = cut(hint, FIELD_TEXT_MAX);
    let metadata: HashMap<String, String> = (!hint.is_empty())
        .then(|| ("hint".to_owned(), hint))
        .into_iter()
        .collect();
    let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

fn about(code: Code, message: String, object: Object, reference: &str) -> Status {
    let reference = cut(reference, FIELD_TEXT_MAX);
    let details = ErrorDetails::with_resource_info(object.as_str(), reference, "", "");
    Status::with_error_details(code, message, details)
}

fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
