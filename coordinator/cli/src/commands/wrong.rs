//! What is wrong with flags that the coordinator never sees, said together with what it finds.
//!
//! Some flags are read here: a word that is no severity, a label without `=`, a file that is not
//! there. They are left out of what is wanted, and the coordinator is asked for a plan of the rest,
//! which changes nothing: so nobody mends one flag to hear of the next.

use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::{Failure, exit};

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Wrong(Vec<Failure>);

impl Wrong {
    /// Notes what cannot be read, and goes on without it.
    pub(crate) fn note<T>(&mut self, read: Result<T, Failure>) -> Option<T> {
        read.map_err(|failure| self.0.push(failure)).ok()
    }

    /// Whether nothing is.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value where nothing is wrong, else all of it.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Failure> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self.failure())
        }
    }

    /// All of it, and what the coordinator finds wrong with the rest.
    pub(crate) async fn with(mut self, rest: v1::Configuration, client: &Client) -> Failure {
        let request = v1::PlanRequest {
            project: client.project.clone(),
            configuration: Some(rest),
            prune: None,
        };
        // Where it answers nothing, what was found here is still so.
        if let Ok(plan) = client.configuration().plan(request).await {
            let problems = plan.into_inner().problems;
            self.0.extend(problems.iter().map(of_coordinator));
        }
        self.failure()
    }

    fn failure(self) -> Failure {
        let is_usage = self.0.iter().all(|one| one.code == exit::USAGE);
        let mut all = Failure {
            code: if is_usage { exit::USAGE } else { exit::FAILED },
            messages: Vec::new(),
            remedies: Vec::new(),
            hint: String::new(),
        };
        for one in self.0 {
            let count = all.messages.len() + one.messages.len();
            all.messages.extend(one.messages);
            all.remedies.extend(one.remedies);
            // What one says for all of its messages follows the last of them.
            all.remedies.resize(count, String::new());
            if let Some(last) = all.remedies.last_mut().filter(|_| !one.hint.is_empty()) {
                *last = one.hint;
            }
        }
        all
    }
}

/// Of the one object that was planned: `heartbeats[0].grace` is what `--grace` sets.
fn of_coordinator(problem: &v1::ConfigProblem) -> Failure {
    let (_, field) = problem.field.split_once("].").unwrap_or_default();
    Failure::of_field(field, &problem.message, &problem.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_with_its_own_remedy() {
        let mut wrong = Wrong::default();
        assert_eq!(wrong.note(Ok(1)), Some(1));
        assert!(wrong.is_empty());
        let label = Failure::usage("--label: `bad` has no `=`", "write key=value");
        assert_eq!(wrong.note::<u8>(Err(label)), None);
        let refused = of_coordinator(&v1::ConfigProblem {
            field: "heartbeats[0].max_run".to_owned(),
            message: "900d is too long".to_owned(),
            remedy: String::new(),
        });
        wrong.0.push(refused);
        let severity = Failure::new(exit::FAILED, "--severity: `x` is none", "use info");
        wrong.note::<u8>(Err(severity));
        let all = wrong.or(()).unwrap_err();
        assert_eq!(all.code, exit::FAILED);
        let said = [
            "--label: `bad` has no `=`",
            "--max-run: 900d is too long",
            "--severity: `x` is none",
        ];
        assert_eq!(all.messages, said);
        assert_eq!(all.remedies, ["write key=value", "", "use info"]);
        assert_eq!(all.hint, "");
    }

    #[test]
    fn wrong_use_alone_has_its_own_code() {
        let mut wrong = Wrong::default();
        wrong.note::<u8>(Err(Failure::usage("a", "b")));
        wrong.note::<u8>(Err(Failure::usage("c", "")));
        assert_eq!(wrong.or(()).unwrap_err().code, exit::USAGE);
    }
}
