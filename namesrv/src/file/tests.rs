use super::*;

#[test]
fn replaces_and_creates_folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/c.json");
    assert_eq!(read(&path).unwrap(), None);
    replace(&path, b"one").unwrap();
    replace(&path, b"two").unwrap();
    assert_eq!(read(&path).unwrap(), Some(b"two".to_vec()));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn keeps_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "one").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    replace(&link, b"two").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"two");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
