//! Why a command ends badly: an exit code, what happened, and the remedy.

use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt};

/// Exit codes; scripts rely on them.
pub(crate) mod exit {
    /// Done.
    pub(crate) const DONE: u8 = 0;
    /// Refused or failed.
    pub(crate) const FAILED: u8 = 1;
    /// Usage.
    pub(crate) const USAGE: u8 = 2;
    /// The object that the command names does not exist.
    pub(crate) const NOT_FOUND: u8 = 3;
    /// The coordinator cannot be reached.
    pub(crate) const UNREACHABLE: u8 = 4;
    /// Not allowed.
    pub(crate) const DENIED: u8 = 5;
}

/// Why a command ends badly.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What happened, a line each.
    pub(crate) messages: Vec<String>,
    /// What to do about each of them; shorter where the last have none of their own.
    pub(crate) remedies: Vec<String>,
    /// What to do; empty without a remedy.
    pub(crate) hint: String,
}

impl Failure {
    /// One message with its remedy.
    pub(crate) fn new(code: u8, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            messages: vec![message.into()],
            remedies: Vec::new(),
            hint: hint.into(),
        }
    }

    /// A wrong use of flags.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message, hint)
    }

    /// A field of a specification is wrong; it is said by the flag that sets it.
    pub(crate) fn of_field(field: &str, message: &str, remedy: &str) -> Self {
        Self::new(exit::FAILED, format!("{}: {message}", flag(field)), remedy)
    }

    /// The coordinator at `endpoint` does not answer.
    pub(crate) fn unreachable(endpoint: &str, why: &str) -> Self {
        let hint = if why.contains("certificate") {
            "give the coordinator's authority with --ca (its DATA/ca.pem)"
        } else {
            "is it running? start it with `vigilmon up`, or name it with --endpoint"
        };
        let message = format!("cannot reach the coordinator at {endpoint} ({why})");
        Self::new(exit::UNREACHABLE, message, hint)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let hint = details
            .error_info()
            .and_then(|info| info.metadata.get("hint").cloned())
            .unwrap_or_default();
        let fields = details.bad_request().map(|bad| &bad.field_violations);
        let (mut messages, remedies): (Vec<_>, Vec<_>) =
            fields.into_iter().flatten().map(apart).unzip();
        if messages.is_empty() {
            messages.push(status.message().to_owned());
        }
        let (code, hint) = match status.code() {
            Code::NotFound => (exit::NOT_FOUND, hint),
            Code::Unauthenticated => (
                exit::DENIED,
                "the token of the context is not good; see --token".to_owned(),
            ),
            Code::PermissionDenied => (exit::DENIED, hint),
            Code::Unavailable | Code::DeadlineExceeded => (exit::UNREACHABLE, hint),
            _ => (exit::FAILED, hint),
        };
        Self {
            code,
            messages,
            remedies,
            hint,
        }
    }
}

/// What is wrong with a field, and the remedy, which the description repeats at its end.
fn apart(field: &FieldViolation) -> (String, String) {
    let remedy = field.localized_message.as_ref();
    let remedy = remedy
        .map(|remedy| remedy.message.as_str())
        .unwrap_or_default();
    let end = format!("; {remedy}");
    let (said, remedy) = match field.description.strip_suffix(&end) {
        Some(said) if !remedy.is_empty() => (said, remedy),
        _ => (field.description.as_str(), ""),
    };
    (format!("{}: {said}", flag(&field.field)), remedy.to_owned())
}

/// A field as the specification names it, spelled as the flag that sets it.
fn flag(field: &str) -> String {
    let name = match field {
        "http" | "http.url" => "http",
        "labels" => "label",
        "monitors" => "monitor",
        "webhook.url" => "webhook",
        "slack.url" => "slack",
        "discord.url" => "discord",
        "webhook.secret" => "secret",
        "email.to" => "email",
        other => other.strip_prefix("http.").unwrap_or(other),
    };
    if name.starts_with("--") || name == "name" || name.is_empty() {
        return name.to_owned();
    }
    let (name, index) = name
        .split_once('[')
        .map_or((name, None), |(n, i)| (n, Some(i)));
    let spelled = format!("--{}", name.replace('_', "-"));
    match (field, index) {
        ("http.url", _) => format!("{spelled} (url)"),
        (_, Some(index)) => format!("{spelled}[{index}"),
        _ => spelled,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage};

    use super::*;

    #[test]
    fn every_wrong_field_is_said_by_its_flag() {
        let mut first = FieldViolation::new("http.expect_status", "`2x` is no status; say 2xx");
        first.localized_message = Some(LocalizedMessage {
            locale: "en".to_owned(),
            message: "say 2xx".to_owned(),
        });
        let fields = vec![
            first,
            FieldViolation::new("timeout", "30s is longer than every 10s"),
        ];
        let details = ErrorDetails::with_bad_request(fields);
        let failure: Failure =
            Status::with_error_details(Code::InvalidArgument, "wrong", details).into();
        assert_eq!(failure.code, exit::FAILED);
        let said = [
            "--expect-status: `2x` is no status",
            "--timeout: 30s is longer than every 10s",
        ];
        assert_eq!(failure.messages, said);
        assert_eq!(failure.remedies, ["say 2xx", ""]);
    }

    #[test]
    fn each_status_has_its_exit_code() {
        let code = |code| Failure::from(Status::new(code, "x")).code;
        assert_eq!(code(Code::NotFound), 3);
        assert_eq!(code(Code::Unavailable), 4);
        assert_eq!(code(Code::Unauthenticated), 5);
        assert_eq!(code(Code::PermissionDenied), 5);
        assert_eq!(code(Code::FailedPrecondition), 1);
        assert_eq!(code(Code::AlreadyExists), 1);
    }
}
