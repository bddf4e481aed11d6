//! Visits: browsers that signed in, and the links that let them in once.
//!
//! | from        | input                            | to                                   |
//! |-------------|----------------------------------|--------------------------------------|
//! | —           | a link is made                   | a link, good for [`LINK_FOR`]        |
//! | a link      | it is followed                   | a visit; the link is used for good   |
//! | a used link | it is followed again             | refused: used                        |
//! | a visit     | a request                        | the visit, its idle time begins anew |
//! | a visit     | idle for [`IDLE_FOR`], or older than [`VISIT_FOR`], or signed out | — |
//!
//! Both are known by the digest of a secret that only the browser holds. What a visit may do, and
//! whether its token is still good, its owner decides anew at each request. Nothing of it is
//! stored: after a start everybody signs in again.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::time::Time;

/// How long a link may be followed.
pub const LINK_FOR: Duration = Duration::from_mins(10);
/// A visit ends when nothing was asked in it for so long.
pub const IDLE_FOR: Duration = Duration::from_hours(7 * 24);
/// A visit ends after this, however busy.
pub const VISIT_FOR: Duration = Duration::from_hours(30 * 24);
/// Most links at once; the oldest makes room.
pub const LINKS_MAX: usize = 1000;
/// Most visits at once; the one that was idle for longest makes room.
pub const VISITS_MAX: usize = 10_000;

/// Most visits of one pass; the one that was idle for longest makes room. So nobody ends the visits
/// of others by beginning many.
pub const PASS_VISITS_MAX: usize = 500;

/// SHA-256 of a link's or a visit's secret.
pub type Digest = [u8; 32];

/// Why a link lets nobody in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LinkRefused {
    /// Somebody followed it before.
    #[error("this link was used already")]
    Used,
    /// It is too old.
    #[error("this link is older than ten minutes")]
    Expired,
    /// There is none like it, or it is so old that it was forgotten.
    #[error("this link is not one of ours")]
    Unknown,
}

#[derive(Debug)]
struct Link<P> {
    /// What it lets do; `None` once it was followed.
    pass: Option<P>,
    made: Time,
}

#[derive(Debug)]
struct Visit<P> {
    pass: P,
    began: Time,
    seen: Time,
}

/// See the module. `P` is what a visit may do.
#[derive(Debug)]
pub struct Visits<P> {
    links: HashMap<Digest, Link<P>>,
    visits: HashMap<Digest, Visit<P>>,
}

impl<P> Default for Visits<P> {
    fn default() -> Self {
        Self {
            links: HashMap::new(),
            visits: HashMap::new(),
        }
    }
}

impl<P: Clone + PartialEq> Visits<P> {
    /// Makes a link.
    pub fn link(&mut self, digest: Digest, pass: P, now: Time) {
        // Old ones are kept a little longer, so that they can be told from those never made.
        self.links
            .retain(|_, link| now.since(link.made) < 2 * LINK_FOR);
        if self.links.len() >= LINKS_MAX {
            remove_first(&mut self.links, |link| link.made);
        }
        let made = now;
        let pass = Some(pass);
        self.links.insert(digest, Link { pass, made });
    }

    /// Whether a link would let somebody in; it stays unused.
    ///
    /// # Errors
    /// It would not.
    pub fn look(&self, link: &Digest, now: Time) -> Result<(), LinkRefused> {
        let link = self.links.get(link).ok_or(LinkRefused::Unknown)?;
        match link.pass {
            None => Err(LinkRefused::Used),
            Some(_) if now.since(link.made) >= LINK_FOR => Err(LinkRefused::Expired),
            Some(_) => Ok(()),
        }
    }

    /// Follows a link, for the first and last time.
    ///
    /// # Errors
    /// It lets nobody in.
    pub fn follow(&mut self, link: &Digest, now: Time) -> Result<P, LinkRefused> {
        self.look(link, now)?;
        let link = self.links.get_mut(link).ok_or(LinkRefused::Unknown)?;
        link.pass.take().ok_or(LinkRefused::Used)
    }

    /// A visit begins.
    pub fn begin(&mut self, digest: Digest, pass: P, now: Time) {
        let own = || self.visits.iter().filter(|(_, visit)| visit.pass == pass);
        if own().count() >= PASS_VISITS_MAX {
            let idle = own().min_by_key(|(digest, visit)| (visit.seen, **digest));
            if let Some(digest) = idle.map(|(digest, _)| *digest) {
                self.visits.remove(&digest);
            }
        }
        if self.visits.len() >= VISITS_MAX {
            self.visits.retain(|_, visit| visit.is_on(now));
        }
        if self.visits.len() >= VISITS_MAX {
            remove_first(&mut self.visits, |visit| visit.seen);
        }
        let (began, seen) = (now, now);
        self.visits.insert(digest, Visit { pass, began, seen });
    }

    /// What a visit may do, at a request in it.
    pub fn request(&mut self, digest: &Digest, now: Time) -> Option<P> {
        let visit = self.visits.get_mut(digest)?;
        if !visit.is_on(now) {
            self.visits.remove(digest);
            return None;
        }
        visit.seen = now;
        Some(visit.pass.clone())
    }

    /// A visit ends: somebody signed out.
    pub fn end(&mut self, digest: &Digest) {
        self.visits.remove(digest);
    }
}

impl<P> Visit<P> {
    fn is_on(&self, now: Time) -> bool {
        now.since(self.seen) < IDLE_FOR && now.since(self.began) < VISIT_FOR
    }
}

fn remove_first<T>(of: &mut HashMap<Digest, T>, by: impl Fn(&T) -> Time) {
    let first = of.iter().min_by_key(|(digest, one)| (by(one), **digest));
    if let Some(digest) = first.map(|(digest, _)| *digest) {
        of.remove(&digest);
    }
}

/// Failed attempts that a peer may make at once.
pub const ATTEMPTS_MAX: u32 = 10;
/// How long it takes until a peer may make one more.
pub const ATTEMPT_EVERY: Duration = Duration::from_secs(6);
/// Most peers whose attempts are remembered; the one whose last failure is oldest is forgotten.
pub const PEERS_MAX: usize = 1000;

/// Failed attempts to sign in, by peer. Secrets have 256 bits, so this guards the coordinator's
/// time and its log, not the secrets: whoever brings a good one is let in however often others
/// failed, who may be the same peer behind a proxy.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: HashMap<IpAddr, Failed>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    at: Time,
}

impl Failed {
    /// As it is now: what lies back is forgiven bit by bit.
    fn now(self, now: Time) -> u32 {
        let forgiven = now.since(self.at).as_millis() / ATTEMPT_EVERY.as_millis();
        self.count
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

impl Attempts {
    /// Whether a peer may try.
    ///
    /// # Errors
    /// It may not before this time has passed.
    pub fn may_try(&self, peer: IpAddr, now: Time) -> Result<(), Duration> {
        match self.failed.get(&network(peer)) {
            Some(failed) if failed.now(now) >= ATTEMPTS_MAX => Err(ATTEMPT_EVERY),
            _ => Ok(()),
        }
    }

    /// A peer tried and failed.
    pub fn failed(&mut self, peer: IpAddr, now: Time) {
        let peer = network(peer);
        if self.failed.len() >= PEERS_MAX && !self.failed.contains_key(&peer) {
            let first = self.failed.iter().min_by_key(|(peer, f)| (f.at, **peer));
            if let Some(first) = first.map(|(peer, _)| *peer) {
                self.failed.remove(&first);
            }
        }
        let before = self.failed.get(&peer).map_or(0, |failed| failed.now(now));
        let count = before + 1;
        self.failed.insert(peer, Failed { count, at: now });
    }
}

/// Whoever has an IPv6 address has the 2^64 beside it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Time = Time::from_secs(1_000_000);

    #[test]
    fn a_link_lets_in_once_within_its_time() {
        let mut visits = Visits::default();
        visits.link([1; 32], "admin", T);
        visits.link([2; 32], "admin", T);
        assert_eq!(visits.look(&[1; 32], T), Ok(()), "looking uses nothing up");
        assert_eq!(visits.follow(&[1; 32], T), Ok("admin"));
        assert_eq!(visits.follow(&[1; 32], T), Err(LinkRefused::Used));
        let late = T + LINK_FOR;
        assert_eq!(visits.follow(&[2; 32], late), Err(LinkRefused::Expired));
        assert_eq!(visits.follow(&[3; 32], T), Err(LinkRefused::Unknown));
    }

    #[test]
    fn links_are_bounded_and_the_oldest_makes_room() {
        let mut visits = Visits::default();
        for n in 0..=u16::try_from(LINKS_MAX).unwrap() {
            let mut digest = [0; 32];
            digest[..2].copy_from_slice(&n.to_be_bytes());
            visits.link(digest, (), T + Duration::from_millis(n.into()));
        }
        assert_eq!(visits.links.len(), LINKS_MAX);
        assert_eq!(visits.look(&[0; 32], T), Err(LinkRefused::Unknown));
    }

    #[test]
    fn many_visits_of_one_pass_end_none_of_another() {
        let mut visits = Visits::default();
        visits.begin([255; 32], "quiet", T);
        for n in 0..=u16::try_from(PASS_VISITS_MAX).unwrap() {
            let mut digest = [0; 32];
            digest[..2].copy_from_slice(&n.to_be_bytes());
            visits.begin(digest, "busy", T + Duration::from_millis(n.into()));
        }
        assert_eq!(visits.visits.len(), PASS_VISITS_MAX + 1);
        let now = T + Duration::from_secs(60);
        assert_eq!(visits.request(&[0; 32], now), None, "the one idle longest");
        assert_eq!(visits.request(&[255; 32], now), Some("quiet"));
    }

    #[test]
    fn a_visit_ends_when_idle_when_old_and_when_signed_out() {
        let mut visits = Visits::default();
        let hour = Duration::from_hours(1);
        visits.begin([1; 32], "viewer", T);
        assert_eq!(
            visits.request(&[1; 32], T + IDLE_FOR - hour),
            Some("viewer")
        );
        assert_eq!(
            visits.request(&[1; 32], T + IDLE_FOR + hour),
            Some("viewer")
        );
        assert_eq!(visits.request(&[1; 32], T + IDLE_FOR * 3), None);

        visits.begin([2; 32], "viewer", T);
        let mut now = T;
        while now < T + VISIT_FOR {
            assert!(visits.request(&[2; 32], now).is_some());
            now = now + Duration::from_hours(24);
        }
        assert_eq!(visits.request(&[2; 32], now), None, "however busy");

        visits.begin([3; 32], "viewer", T);
        visits.end(&[3; 32]);
        assert_eq!(visits.request(&[3; 32], T), None);
    }

    #[test]
    fn whoever_fails_often_waits_and_nobody_else_does() {
        let mut attempts = Attempts::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(attempts.may_try(one, T), Ok(()));
            attempts.failed(one, T);
        }
        assert_eq!(attempts.may_try(one, T), Err(ATTEMPT_EVERY));
        assert_eq!(attempts.may_try(other, T), Ok(()));
        assert_eq!(attempts.may_try(one, T + ATTEMPT_EVERY), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_are_one_peer() {
        let mut attempts = Attempts::default();
        for n in 0..ATTEMPTS_MAX {
            attempts.failed(format!("2001:db8::{n:x}").parse().unwrap(), T);
        }
        assert!(
            attempts
                .may_try("2001:db8::ffff".parse().unwrap(), T)
                .is_err()
        );
        assert!(
            attempts
                .may_try("2001:db8:0:1::1".parse().unwrap(), T)
                .is_ok()
        );
        assert!(PEERS_MAX > attempts.failed.len());
    }
}
