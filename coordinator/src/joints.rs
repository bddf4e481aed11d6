//! Where parts meet that do not know each other: the gRPC door hands channels to the notifier's
//! checks.

use vigilmon_common::notify::channel::Sealed;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::random;

use crate::grpc::SealChannels;
use crate::notify::check::Checker;

impl SealChannels for Checker {
    fn url(&self, kind: &str, url: &str) -> Result<(String, Sealed), Problems> {
        Checker::url(self, kind, url)
    }

    fn webhook_secret(&self, given: Option<&str>) -> Result<(Sealed, Option<String>), Problems> {
        Checker::webhook_secret(self, given, random::bytes())
    }

    fn same(&self, one: &Sealed, other: &Sealed) -> bool {
        match (self.key.unseal(&one.0), self.key.unseal(&other.0)) {
            (Ok(one), Ok(other)) => *one == *other,
            (Ok(_) | Err(_), _) => false,
        }
    }

    fn email(&self, to: &[String]) -> Result<Vec<String>, Problems> {
        Checker::email(self, to)
    }
}
