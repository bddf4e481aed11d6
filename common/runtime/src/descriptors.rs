//! How many files and sockets the process may have open: as many as the system lets it.
//!
//! The soft limit that processes start with, commonly 1024, is for programs that still use
//! `select`; ours may take what the hard limit allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this many is never asked for.
const DESCRIPTORS_MAX: u64 = 65_536;

/// Raises the soft limit towards the hard one, and says how many there may be now.
#[must_use]
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(DESCRIPTORS_MAX);
    let wanted = limit
        .maximum
        .unwrap_or(DESCRIPTORS_MAX)
        .min(DESCRIPTORS_MAX);
    if wanted <= now {
        return now;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_is_said() {
        let said = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current.unwrap_or(DESCRIPTORS_MAX), said);
        assert_eq!(raise(), said, "raising it again changes nothing");
    }
}
