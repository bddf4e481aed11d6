//! Pings: what a job says when it calls its URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::id::MonitorId;
use crate::time::Time;

/// Longest run id, in characters of `A-Za-z0-9._-`.
pub const RID_MAX: usize = 64;
/// Longest part of a user agent that is kept, in characters.
pub const AGENT_MAX: usize = 100;

/// What a ping says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Signal {
    /// The job is done.
    Success,
    /// A run begins.
    Start,
    /// The job says that it failed.
    Fail,
    /// The job's exit code: 0 is success, 1 to 255 failure.
    Exit(u8),
    /// Something for the record; changes nothing.
    Log,
}

impl Signal {
    /// Whether it says that the job is well.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Exit(0))
    }

    /// Whether it says that the job is not.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Fail | Self::Exit(1..))
    }

    /// Reads the last part of a ping URL: `start`, `fail`, `log` or an exit code; nothing is
    /// success.
    #[must_use]
    pub fn of_path(part: &str) -> Option<Self> {
        match part {
            "" => Some(Self::Success),
            "start" => Some(Self::Start),
            "fail" => Some(Self::Fail),
            "log" => Some(Self::Log),
            code => {
                let is_number = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
                is_number.then(|| code.parse().ok().map(Self::Exit))?
            }
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.pad("success"),
            Self::Start => f.pad("start"),
            Self::Fail => f.pad("fail"),
            Self::Log => f.pad("log"),
            Self::Exit(code) => f.pad(&format!("exit {code}")),
        }
    }
}

/// By which method a ping came.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
}

impl Method {
    /// The word for it in HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl FromStr for Method {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "GET" => Ok(Self::Get),
            "HEAD" => Ok(Self::Head),
            "POST" => Ok(Self::Post),
            "PUT" => Ok(Self::Put),
            _ => Err(()),
        }
    }
}

/// One ping as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ping {
    /// Of which heartbeat.
    pub heartbeat: MonitorId,
    /// Its number among all pings of the store, growing in the order in which they are applied.
    pub seq: u64,
    /// The number of its row among the heartbeat's own, from 1. The last [`super::PINGS_KEPT`] are
    /// kept.
    pub n: u64,
    /// How many pings of its heartbeat there were with it.
    pub total: u64,
    /// When its request was read.
    pub at: Time,
    /// What it says.
    pub signal: Signal,
    /// Which run it is about, where the job says so.
    pub rid: Option<Box<str>>,
    /// By which method it came.
    pub method: Method,
    /// Whence it came, as far as the connection tells.
    pub from: Option<IpAddr>,
    /// What the client calls itself, cut to [`AGENT_MAX`] characters.
    pub agent: Box<str>,
    /// How many pings it stands for: more than 1 where they came faster than they are stored.
    pub count: u32,
    /// Whether its row is one that pings share which came faster: then it begins and ends no run.
    pub shared: bool,
    /// The size of what is kept of its body, in bytes.
    pub body_kept: u32,
    /// The size of its body, in bytes, as far as it was read.
    pub body_size: u64,
}

/// Whether a text may be a run id.
#[must_use]
pub fn is_rid(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=RID_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_url_says_what_a_ping_means() {
        let read = Signal::of_path;
        assert_eq!(read(""), Some(Signal::Success));
        assert_eq!(read("start"), Some(Signal::Start));
        assert_eq!(read("0"), Some(Signal::Exit(0)));
        assert_eq!(read("255"), Some(Signal::Exit(255)));
        assert!(Signal::Exit(0).is_success() && Signal::Exit(1).is_failure());
        for bad in ["256", "-1", "+1", "1.0", "done", "Start"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_run_id_is_short_and_plain() {
        assert!(is_rid("0192d3c1-7f2a-7c3e-9a55-0242ac120002") && is_rid("job_1.2"));
        assert!(!is_rid("") && !is_rid("a b") && !is_rid(&"x".repeat(65)));
    }
}
