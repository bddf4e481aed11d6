//! How a message is marked at a glance: one colour and one sign for each marker, in every channel.

/// How a message is marked at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Marker {
    /// Something is down.
    Red,
    /// Something fails in part.
    Yellow,
    /// Something is over.
    Green,
    /// Worth knowing, nothing changed for the worse or the better.
    Grey,
}

impl Marker {
    /// Its colour as `0xRRGGBB`: readable as a bar on light and dark.
    #[must_use]
    pub const fn rgb(self) -> u32 {
        match self {
            Self::Red => 0x00d0_342c,
            Self::Yellow => 0x00c9_8a00,
            Self::Green => 0x002e_8b57,
            Self::Grey => 0x007a_8494,
        }
    }

    /// Its colour as `#rrggbb`.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:06x}", self.rgb())
    }

    /// Its sign, for where there is only text.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Red => "🔴",
            Self::Yellow => "🟡",
            Self::Green => "🟢",
            Self::Grey => "⚪",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_marker_is_told_apart_by_colour_and_by_sign() {
        let all = [Marker::Red, Marker::Yellow, Marker::Green, Marker::Grey];
        let told: std::collections::BTreeSet<_> =
            all.into_iter().map(|m| (m.hex(), m.sign())).collect();
        assert_eq!(told.len(), 4);
        assert_eq!(Marker::Green.hex(), "#2e8b57");
    }
}
