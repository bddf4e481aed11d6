//! A small disk of its own, that a test can fill: a tmpfs in a mount namespace.
//!
//! Only processes that are started inside see it. The test reaches its files through the process
//! that keeps the namespace.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::getuid;

use crate::process::{Plan, Process};
use crate::wait;

const START_WITHIN: Duration = Duration::from_secs(10);
/// What fills the disk.
const FILLER: &str = "filler";

/// The disk; it goes when dropped, with all that was written to it.
pub struct SmallDisk {
    keeper: Process,
    mounted: PathBuf,
}

impl SmallDisk {
    /// Makes a disk of so many bytes, seen inside as this (existing, empty) folder.
    #[must_use]
    pub fn mount(folder: &Path, bytes: u64, log: &Path) -> Self {
        let namespaces: &[&str] = if getuid().is_root() {
            &["--mount"]
        } else {
            &["--user", "--map-root-user", "--mount"]
        };
        let script = "mount -t tmpfs -o mode=700,size=$1 tmpfs \"$2\" && echo mounted && exec sleep infinity";
        let keeper = Plan::new("unshare")
            .args(namespaces)
            .args(["--", "sh", "-c", script, "sh", &bytes.to_string()])
            .args([folder])
            .start(log);
        let mut disk = Self {
            keeper,
            mounted: folder.to_owned(),
        };
        wait::until_true("the small disk is there", START_WITHIN, || {
            disk.keeper.must_run();
            disk.keeper.log().contains("mounted")
        });
        disk
    }

    /// What to put before a program so that it runs inside.
    #[must_use]
    pub fn enter(&self) -> Vec<OsString> {
        let keeper = self.keeper.id().to_string();
        let user: &[&str] = if getuid().is_root() {
            &[]
        } else {
            &["--user", "--preserve-credentials"]
        };
        let mut words = vec!["nsenter", "--target", &keeper, "--mount"];
        words.extend(user);
        words.push("--");
        words.into_iter().map(OsString::from).collect()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let path = self.outside(FILLER);
        let mut filler = File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for size in [1 << 20, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.outside(FILLER)).expect("the filler is there");
    }

    /// The path by which this process reaches a file of it.
    fn outside(&self, name: &str) -> PathBuf {
        let inside = self
            .mounted
            .strip_prefix("/")
            .expect("the folder's path is absolute");
        Path::new("/proc")
            .join(self.keeper.id().to_string())
            .join("root")
            .join(inside)
            .join(name)
    }
}
