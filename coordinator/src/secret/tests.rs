use super::*;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; KEY_LEN])
}

#[test]
fn what_is_sealed_opens_with_the_same_key_alone() {
    let sealed = key(1).seal(b"whsec_abc");
    assert_eq!(*key(1).unseal(&sealed).unwrap(), b"whsec_abc");
    assert_eq!(key(2).unseal(&sealed), Err(OpenError::OtherKey));
    assert!(!sealed.windows(5).any(|part| part == b"whsec"));
}

#[test]
fn the_same_secret_is_never_sealed_alike() {
    assert_ne!(key(1).seal(b"x"), key(1).seal(b"x"));
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let sealed = key(1).seal(b"secret");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(key(1).unseal(&changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(key(1).unseal(&sealed[..length]).is_err(), "length {length}");
    }
}

#[test]
fn a_new_folder_gets_a_key_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let first = SecretKey::open(folder.path()).unwrap();
    let path = folder.path().join(FILE);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let again = SecretKey::open(folder.path()).unwrap();
    assert_eq!(*again.unseal(&first.seal(b"x")).unwrap(), b"x");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no draft stays behind");
}

#[test]
fn an_exposed_key_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    SecretKey::open(folder.path()).unwrap();
    let path = folder.path().join(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = SecretKey::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("mode 640") && error.contains("chmod 600"),
        "{error}"
    );
}

#[test]
fn a_foreign_file_is_not_taken_for_a_key_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    for text in ["", "hello", "vigilmon-secret-key-1 abc", &"x".repeat(1000)] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = SecretKey::open(folder.path()).unwrap_err();
        assert!(matches!(error, KeyError::Foreign { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
