//! Texts for chat services: one line, no longer than the service takes, none of it read as markup.
//!
//! What a target or a person said may hold anything. Lengths are counted in UTF-16 units: services
//! differ in what they call a character, and no way of counting code points counts more.
//!
//! What this module does not do: it knows no service; each brings its own escapes and limits.

use url::Url;

/// Longest link that is passed on, in UTF-16 units.
const LINK_MAX: usize = 1000;

/// The length of a text as services count it, at most.
pub(super) fn size(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text as one line of at most `max` units after escaping; what was cut ends with `…`. An
/// escape is never cut in two.
pub(super) fn fit(text: &str, max: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    // `cut` is the last place behind which there is room for the mark.
    let (mut units, mut cut) = (0, 0);
    let mut buffer = [0; 4];
    let plain: String = text
        .chars()
        .map(|c| if misleads(c) { ' ' } else { c })
        .collect();
    for c in plain.trim().chars() {
        let piece = escape(c).unwrap_or_else(|| c.encode_utf8(&mut buffer));
        units += size(piece);
        if units > max {
            out.truncate(cut);
            out.push('…');
            return out;
        }
        out.push_str(piece);
        if units < max {
            cut = out.len();
        }
    }
    out
}

/// Line breaks and other control characters, and those that turn the direction of what follows.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A link as it may stand between a service's own brackets; `None` for one that leads nowhere or
/// is too long to be one of ours.
pub(super) fn link(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let mut link = String::with_capacity(text.len());
    for c in url.as_str().chars() {
        match c {
            '<' => link.push_str("%3C"),
            '>' => link.push_str("%3E"),
            '|' => link.push_str("%7C"),
            c => link.push(c),
        }
    }
    (is_web && size(&link) <= LINK_MAX).then_some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escape(c: char) -> Option<&'static str> {
        (c == '&').then_some("&amp;")
    }

    #[test]
    fn a_text_that_fits_is_left_as_it_is() {
        assert_eq!(fit("DOWN: api", 9, escape), "DOWN: api");
        assert_eq!(fit("🔴🔴", 4, escape), "🔴🔴");
        assert_eq!(fit("a & b", 9, escape), "a &amp; b");
    }

    #[test]
    fn a_text_that_does_not_fit_ends_with_the_mark_and_no_half_escape() {
        assert_eq!(fit("DOWN: api", 8, escape), "DOWN: a…");
        assert_eq!(fit("🔴🔴", 3, escape), "🔴…");
        for max in 1..9 {
            let cut = fit("a & b", max, escape);
            assert!(size(&cut) <= max, "{cut}");
            assert!(!cut.contains('&') || cut.contains("&amp;"), "{cut}");
        }
    }

    #[test]
    fn a_text_is_one_line_that_reads_in_one_direction() {
        assert_eq!(fit(" a\r\nb\u{202e}c\u{0} ", 99, escape), "a  b c");
    }

    #[test]
    fn a_link_cannot_end_its_own_brackets() {
        let kept = link("http://127.0.0.1:8440/incidents/x").unwrap();
        assert_eq!(kept, "http://127.0.0.1:8440/incidents/x");
        assert_eq!(
            link("https://mon.example.org/a|b>c<d").unwrap(),
            "https://mon.example.org/a%7Cb%3Ec%3Cd"
        );
        for none in ["", "incidents/x", "javascript:alert(1)"] {
            assert_eq!(link(none), None, "{none}");
        }
        assert_eq!(link(&format!("https://x.org/{}", "a".repeat(1000))), None);
    }
}
