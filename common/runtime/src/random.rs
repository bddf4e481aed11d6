//! The one place that makes random bytes, from the operating system's generator.

use rand::TryRng;
use rand::rngs::SysRng;
use vigilmon_common::time::Time;

/// Fills an array with random bytes fit for keys and tokens.
///
/// # Panics
/// The operating system has no randomness: nothing safe can be done then.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    SysRng
        .try_fill_bytes(&mut out)
        .expect("the operating system gives random bytes");
    out
}

/// A random number, all values alike.
#[must_use]
pub fn number() -> u64 {
    u64::from_be_bytes(bytes())
}

/// A fraction in `0.0..1.0`, for jitter.
#[must_use]
pub fn fraction() -> f64 {
    // 53 bits are what a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let top = (number() >> 11) as f64;
    top / 9_007_199_254_740_992.0
}

/// A secret text: `prefix` and 256 random bits in base 62-safe hexadecimal.
#[must_use]
pub fn token(prefix: &str) -> String {
    let mut out = prefix.to_owned();
    for byte in bytes::<32>() {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    out
}

/// A secret text without a prefix for places where people read and copy it, such as URLs: `N`
/// letters and digits, each nearly 6 random bits.
#[must_use]
pub fn alphanumeric<const N: usize>() -> String {
    const SIGNS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(N);
    while out.len() < N {
        // 248 is four times 62: what lies above would favour some signs.
        let fair = bytes::<32>().into_iter().filter(|byte| *byte < 248);
        let signs = fair.map(|byte| char::from(SIGNS[usize::from(byte % 62)]));
        out.extend(signs.take(N - out.len()));
    }
    out
}

/// What a new object's id is made of.
#[must_use]
pub fn for_id(now: Time) -> (Time, [u8; 10]) {
    (now, bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_are_never_alike() {
        let one = token("vtk_");
        assert_eq!(one.len(), 4 + 64);
        assert_ne!(one, token("vtk_"));
    }

    #[test]
    fn a_short_text_is_letters_and_digits_of_every_kind() {
        let long = alphanumeric::<2000>();
        assert_eq!(long.len(), 2000);
        let kinds: std::collections::BTreeSet<char> = long.chars().collect();
        assert_eq!(kinds.len(), 62);
        assert_ne!(alphanumeric::<22>(), alphanumeric::<22>());
    }

    #[test]
    fn a_fraction_is_below_one() {
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&fraction()));
        }
    }
}
