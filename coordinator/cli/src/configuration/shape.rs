//! What may stand at a key.

/// A map with known keys.
pub(super) struct Table {
    /// What it describes: `a monitor`.
    pub(super) what: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
    /// Keys of which exactly one is given, where there is such a rule.
    pub(super) one_of: Option<OneOf>,
}

/// Keys of which exactly one is given.
pub(super) struct OneOf {
    /// The keys.
    pub(super) keys: &'static [&'static str],
    /// What each of them is: `kind`.
    pub(super) noun: &'static str,
    /// What to do where two are given.
    pub(super) remedy: &'static str,
    /// Other keys, each with the one of these that it belongs to.
    pub(super) parts: &'static [(&'static str, &'static str)],
}

/// A key of a map.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Another name that is taken for it.
    pub(super) also: Option<&'static str>,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// What it says, for editors.
    pub(super) help: &'static str,
}

/// What may stand at a key.
pub(super) enum Shape {
    /// One line or more of text.
    Text,
    /// As text; `keep` stands for what is stored.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Such as `30s`.
    Duration,
    /// A whole number.
    Count,
    /// `true` or `false`.
    Truth,
    /// A text or a list of them.
    Texts,
    /// One of these words or a list of them.
    Words(&'static [&'static str]),
    /// A text or a list of them, joined by commas.
    Joined,
    /// A duration or a list of them.
    Durations,
    /// A map of texts; also `key=value` or a list of such.
    Labels,
    /// A map of texts; also `Name: value` or a list of such.
    Headers,
    /// A map with known keys.
    Map(&'static Table),
    /// A list of such maps.
    Maps(&'static Table),
}

impl Table {
    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        let named = |key: &&Key| key.name == name || key.also == Some(name);
        self.keys.iter().find(named)
    }

    /// The known name that is most like an unknown one.
    pub(super) fn nearest(&self, name: &str) -> Option<&'static str> {
        let like = |known: &'static str| (strsim::jaro_winkler(name, known), known);
        let best = self.keys.iter().map(|key| like(key.name));
        let best = best.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 > 0.8).then_some(best.1)
    }
}
