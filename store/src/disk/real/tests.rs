use super::*;

#[test]
fn a_file_and_its_backup_are_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("topics.json");
    let backup = dir.path().join("topics.json.bak");
    for text in ["one", "two", "three"] {
        RealDisk.replace(&path, text.as_bytes(), true).unwrap();
    }
    // Who writes into a file changes it under all its names; who replaces it does not.
    let names = [(&path, dir.path().join("path")), (&backup, dir.path().join("backup"))];
    for (from, to) in &names {
        fs::hard_link(from, to).unwrap();
    }
    RealDisk.replace(&path, b"four", true).unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    assert_eq!([read(&names[0].1), read(&names[1].1)], ["three", "two"]);
    assert_eq!([read(&path), read(&backup)], ["four", "three"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "nothing temporary is left");
}

#[test]
fn reading_through_a_file_brings_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let contents: Vec<u8> = (0..300_000).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &contents).unwrap();
    let file = RealDisk.open(&path).unwrap();
    // The second time some of it may have left the memory.
    for _ in 0..2 {
        let mut read = vec![0; contents.len()];
        for (at, part) in read.chunks_mut(65_536).enumerate() {
            file.read_through(at as u64 * 65_536, part).unwrap();
        }
        assert!(read == contents);
    }
    assert!(file.read_through(299_999, &mut [0; 2]).is_err());
}
