//! Sets of HTTP statuses: `200`, `2xx`, `200,302`, `400-404`.
//!
//! A set is kept as sorted ranges that do not touch, so equal sets are equal however written.

use std::fmt;
use std::str::FromStr;

/// The statuses that an answer may have. Never empty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct StatusSet {
    ranges: Vec<(u16, u16)>,
}

/// The lowest and highest status; some servers go beyond the 599 of the standard.
const BOUNDS: (u16, u16) = (100, 999);

/// A text that is no set of statuses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a status, class or range")]
pub struct InvalidStatusSet(pub String);

impl StatusSet {
    /// Whether the set has this status.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&status))
    }

    /// Whether some redirect is in the set, so that redirects are answers and not to be followed.
    #[must_use]
    pub fn expects_redirect(&self) -> bool {
        self.ranges
            .iter()
            .any(|(low, high)| *low <= 399 && *high >= 300)
    }
}

impl Default for StatusSet {
    /// `2xx`.
    fn default() -> Self {
        Self {
            ranges: vec![(200, 299)],
        }
    }
}

impl FromStr for StatusSet {
    type Err = InvalidStatusSet;
    fn from_str(text: &str) -> Result<Self, InvalidStatusSet> {
        let mut ranges = text.split(',').map(range).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Ok(Self { ranges: merged })
    }
}

fn range(part: &str) -> Result<(u16, u16), InvalidStatusSet> {
    let part = part.trim();
    let refused = || InvalidStatusSet(part.chars().take(40).collect());
    let single = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let status = text.parse::<u16>().ok().filter(|_| digits)?;
        (BOUNDS.0..=BOUNDS.1).contains(&status).then_some(status)
    };
    if let [class @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = part.as_bytes() {
        let low = u16::from(class - b'0') * 100;
        return Ok((low, low + 99));
    }
    let (low, high) = part.split_once('-').unwrap_or((part, part));
    match (single(low.trim()), single(high.trim())) {
        (Some(low), Some(high)) if low <= high => Ok((low, high)),
        _ => Err(refused()),
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (low, high)) in self.ranges.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match (low, high) {
                _ if low == high => write!(f, "{low}")?,
                _ if low % 100 == 0 && *high == low + 99 => write!(f, "{}xx", low / 100)?,
                _ => write!(f, "{low}-{high}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> StatusSet {
        text.parse().unwrap()
    }

    #[test]
    fn statuses_classes_lists_and_ranges_make_a_set() {
        let mixed = set("200,302, 400-404");
        for has in [200, 302, 400, 402, 404] {
            assert!(mixed.contains(has), "{has}");
        }
        for lacks in [201, 301, 399, 405, 0, u16::MAX] {
            assert!(!mixed.contains(lacks), "{lacks}");
        }
        assert!(set("2xx").contains(204) && !set("2xx").contains(301));
        assert_eq!(StatusSet::default(), set("2XX"));
    }

    #[test]
    fn equal_sets_are_equal_however_written() {
        assert_eq!(set("404,200-250,251-299"), set("2xx,404"));
        assert_eq!(set("404, 400-403,401").to_string(), "400-404");
    }

    #[test]
    fn what_is_no_status_is_refused_by_its_own_text() {
        for bad in [
            "", "20", "0200", "099", "1000", "xx", "0xx", "2x", "400-", "404-400", "200,,201",
            "abc", "-200", "+20",
        ] {
            assert!(bad.parse::<StatusSet>().is_err(), "{bad}");
        }
        assert_eq!(
            "200,4o4".parse::<StatusSet>(),
            Err(InvalidStatusSet("4o4".into()))
        );
    }

    #[test]
    fn a_set_knows_whether_it_expects_a_redirect() {
        for redirect in ["301", "3xx", "200,302", "200-404"] {
            assert!(set(redirect).expects_redirect(), "{redirect}");
        }
        assert!(!set("2xx,4xx").expects_redirect());
    }

    proptest! {
        #[test]
        fn a_set_survives_its_text_form(parts in proptest::collection::vec((100_u16..=999, 0_u16..300), 1..8)) {
            let text: Vec<String> = parts
                .iter()
                .map(|(low, more)| format!("{low}-{}", (low + more).min(999)))
                .collect();
            let made = set(&text.join(","));
            prop_assert_eq!(set(&made.to_string()), made.clone());
            for (low, more) in parts {
                prop_assert!(made.contains(low) && made.contains((low + more).min(999)));
            }
        }

        #[test]
        fn no_text_panics(text in "[0-9xX, -]{0,20}|.{0,20}") {
            let _ = text.parse::<StatusSet>();
        }
    }
}
