//! The house rules: what `ARCHITECTURE.md`, `CONTRIBUTING.md` and `deny.toml` say about the code,
//! held by tests instead of good will.
//!
//! Each rule reads the repository as it lies there and lists every place that breaks it, so that
//! one run shows all of them. Nothing of Vigilmon is started here.

mod bans;
mod files;
mod layers;
mod map;
mod style;
mod text;

/// Fails with every finding, one a line.
#[track_caller]
fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}
