//! Tokens: random texts of which the digest is kept, by which they are looked up.
//!
//! Those of the API and of agents have 256 bits and are shown once. Those in ping URLs are short,
//! for people copy them, and are kept sealed beside the digest, to be shown again.

use sha2::{Digest, Sha256};
use vigilmon_common::heartbeat::PingToken;
use vigilmon_runtime::random;

use crate::secret::SecretKey;
use crate::store::PingKeyRecord;

/// Before every token of the API.
pub const API_PREFIX: &str = "vtk_";
/// Before every token of agents.
pub const AGENT_PREFIX: &str = "vta_";

/// Before a project's key in ping URLs by slug.
pub const PING_KEY_PREFIX: &str = "pk_";
/// Letters and digits of a token in a ping URL: 131 bits.
const PING_LEN: usize = 22;

/// A new token of ping URLs, and what is kept of it.
#[must_use]
pub fn for_pings(key: &SecretKey) -> (String, PingToken) {
    let text = random::alphanumeric::<PING_LEN>();
    let kept = PingToken {
        digest: digest(&text),
        sealed: key.seal(text.as_bytes()),
        until: None,
    };
    (text, kept)
}

/// A new key of a project in ping URLs by slug, and what is kept of it.
#[must_use]
pub fn project_key(key: &SecretKey) -> (String, PingKeyRecord) {
    let text = format!("{PING_KEY_PREFIX}{}", random::alphanumeric::<PING_LEN>());
    let kept = PingKeyRecord {
        digest: digest(&text),
        sealed: key.seal(text.as_bytes()),
    };
    (text, kept)
}

/// What is kept of a token. Looking tokens up by it tells nothing through timing: who can steer
/// the digest of a guess can break SHA-256.
#[must_use]
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_pings_is_short_and_can_be_shown_again() {
        let key = SecretKey::from_bytes(&[7; 32]);
        let (text, kept) = for_pings(&key);
        assert_eq!((text.len(), kept.until), (PING_LEN, None));
        assert_eq!(kept.digest, digest(&text));
        assert_eq!(*key.unseal_text(&kept.sealed).unwrap(), text);
        assert_ne!(for_pings(&key).0, text);
    }

    #[test]
    fn a_digest_is_that_of_the_whole_text() {
        assert_ne!(digest("vtk_a"), digest("vta_a"));
        assert_eq!(digest("vtk_a"), digest("vtk_a"));
    }
}
