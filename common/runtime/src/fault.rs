//! Named points at which a test may end the process, as a power cut would.
//!
//! Compiled in by the feature `fault-points` alone; without it a point is nothing at all.

/// Ends the process without any clean-up when `VIGILMON_FAULT` names this point. A name with
/// `:N` behind it lets the first N passages through; with `@FILE` behind that, passages count only
/// once that file exists.
#[cfg(feature = "fault-points")]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Wanted {
        name: String,
        passes: AtomicU32,
        armed_by: Option<std::path::PathBuf>,
    }

    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("VIGILMON_FAULT").ok()?;
        let (text, file) = text
            .split_once('@')
            .map_or((&*text, None), |(text, file)| (text, Some(file)));
        let (name, passes) = text.split_once(':').unwrap_or((text, "0"));
        Some(Wanted {
            name: name.to_owned(),
            passes: AtomicU32::new(passes.parse().unwrap_or(0)),
            armed_by: file.map(Into::into),
        })
    });
    let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.name == name) else {
        return;
    };
    if wanted.armed_by.as_ref().is_some_and(|file| !file.exists()) {
        return;
    }
    let passes = &wanted.passes;
    let left = passes.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
    if left.is_err() {
        tracing::warn!(point = name, "fault point ends the process");
        kill_self();
    }
}

/// SIGKILL by the shell's `kill`, since this crate forbids unsafe code.
#[cfg(feature = "fault-points")]
fn kill_self() -> ! {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    std::process::abort()
}

/// Nothing: fault points are not compiled in.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub fn point(_name: &str) {}
