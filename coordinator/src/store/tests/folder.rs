//! The data folder: made, marked, locked, or refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::store::{DataDir, DataDirError};

#[test]
fn a_new_folder_is_private_and_kept_out_of_version_control() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("deep/vigilmon-data");
    let data = DataDir::open(&path).unwrap();
    assert_eq!(data.path(), path.canonicalize().unwrap());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    let error = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(error, DataDirError::Foreign { .. }));
    let text = error.to_string();
    assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    assert!(
        text.contains("thesis.tex") && text.contains("--data"),
        "{text}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn foreign_files_in_our_folder_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(DataDir::open(folder.path()).unwrap());
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    drop(DataDir::open(folder.path()).unwrap());
    assert_eq!(
        fs::read_to_string(folder.path().join("notes.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn a_folder_in_use_is_refused_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataDir::open(folder.path()).unwrap();
    let second = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(second, DataDirError::InUse { .. }), "{second}");
    drop(first);
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_names_itself_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let text = DataDir::open(&file.join("data")).unwrap_err().to_string();
    assert!(
        text.contains("file/data") && text.contains("chown"),
        "{text}"
    );
}

#[test]
fn a_folder_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(DataDir::open(folder.path()).unwrap());
    fs::write(folder.path().join("vigilmon.format"), "2\n").unwrap();
    let text = DataDir::open(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("has layout 2, this version knows 1"),
        "{text}"
    );
}
