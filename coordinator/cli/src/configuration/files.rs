//! Which files are read: those that are named, those of folders, and standard input.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, exit};

/// All files together, in bytes.
pub(super) const BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 8;
/// Most files.
const FILES_MAX: usize = 1000;
/// What stands for standard input.
const STDIN: &str = "-";

/// A file that was read.
pub(super) struct File {
    /// What messages call it.
    pub(super) name: String,
    /// What is in it.
    pub(super) text: String,
}

/// Reads all that the paths name, folders in the order of their names.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Vec<File>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            walk(path, 0, &mut found)?;
            if found.len() == before {
                let message = format!("{} holds no *.yaml or *.yml", path.display());
                return Err(Failure::new(exit::FAILED, message, ""));
            }
        } else {
            found.push(path.clone());
        }
    }
    if found.len() > FILES_MAX {
        let message = format!("{} files are too many", found.len());
        return Err(Failure::new(
            exit::FAILED,
            message,
            format!("keep them within {FILES_MAX}"),
        ));
    }
    let mut left = BYTES_MAX;
    found.iter().map(|path| read(path, &mut left)).collect()
}

/// Hidden files and folders are left out: version control and mounts keep theirs there.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        let message = format!("{} lies too deep", folder.display());
        return Err(Failure::new(
            exit::FAILED,
            message,
            format!("folders are looked into {DEPTH_MAX} levels deep"),
        ));
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<PathBuf> = entries
        .map_err(|error| unreadable(folder, &error))?
        .into_iter()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let is_yaml = path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml");
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if is_yaml {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path, left: &mut u64) -> Result<File, Failure> {
    let name = match path.to_str() {
        Some(STDIN) => "<stdin>".to_owned(),
        _ => path.display().to_string(),
    };
    let source: std::io::Result<Box<dyn Read>> = if path.as_os_str() == STDIN {
        Ok(Box::new(std::io::stdin()))
    } else {
        fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    let mut bytes = Vec::new();
    let read = source.and_then(|source| source.take(*left + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(path, &error))?;
    let length = bytes.len() as u64;
    if length > *left {
        let message = format!("{name}: more than {} MiB in all", BYTES_MAX / 1024 / 1024);
        return Err(Failure::new(
            exit::FAILED,
            message,
            "apply parts of the configuration one after the other",
        ));
    }
    *left -= length;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|b| *b == b'\n').count();
        Failure::new(exit::FAILED, format!("{name}:{line}: is not UTF-8"), "")
    })?;
    Ok(File { name, text })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    Failure::new(exit::FAILED, message, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_in_order_and_without_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("b")).unwrap();
        fs::create_dir(at(".git")).unwrap();
        for name in ["c.yml", "a.yaml", "b/x.yaml", ".git/y.yaml", "notes.txt"] {
            fs::write(at(name), name).unwrap();
        }
        let files = gather(&[folder.path().to_owned()]).unwrap();
        let texts: Vec<_> = files.iter().map(|file| file.text.as_str()).collect();
        assert_eq!(texts, ["a.yaml", "b/x.yaml", "c.yml"]);
    }

    #[test]
    fn a_folder_without_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(gather(&[folder.path().to_owned()]).is_err());
    }

    #[test]
    fn more_than_fits_is_refused_whatever_the_number_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let half = vec![b'#'; usize::try_from(BYTES_MAX / 2 + 1).unwrap()];
        fs::write(folder.path().join("a.yaml"), &half).unwrap();
        assert_eq!(gather(&[folder.path().to_owned()]).unwrap().len(), 1);
        fs::write(folder.path().join("b.yaml"), &half).unwrap();
        assert!(gather(&[folder.path().to_owned()]).is_err());
    }
}
