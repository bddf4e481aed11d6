//! Tokens: 256 random bits shown once, of which only the digest is kept.

use sha2::{Digest, Sha256};

/// Before every token of the API.
pub const API_PREFIX: &str = "vtk_";
/// Before every token of agents.
pub const AGENT_PREFIX: &str = "vta_";

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
    fn a_digest_is_that_of_the_whole_text() {
        assert_ne!(digest("vtk_a"), digest("vta_a"));
        assert_eq!(digest("vtk_a"), digest("vtk_a"));
    }
}
