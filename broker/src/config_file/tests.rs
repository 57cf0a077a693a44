use bolide_store::disk::FakeDisk;

use super::*;

#[test]
fn a_damaged_file_is_restored_from_the_version_before() {
    let disk: Arc<dyn Disk> = Arc::new(FakeDisk::new());
    let root = Path::new("/store");
    ConfigFile::create_folder(root, &*disk).unwrap();
    let file = ConfigFile::new(root, "numbers.json", disk.clone());
    assert_eq!(file.load::<Vec<u32>>().unwrap(), None);
    file.save(&vec![1]).unwrap();
    file.save(&vec![2]).unwrap();
    disk.replace(&root.join("config/numbers.json"), b"[2", false).unwrap();
    assert_eq!(file.load::<Vec<u32>>().unwrap(), Some(vec![1]));
    // A save that is cut short after it has kept the version before must not leave two damaged files.
    file.save(&vec![3]).unwrap();
    disk.replace(&root.join("config/numbers.json"), b"", false).unwrap();
    assert_eq!(file.load::<Vec<u32>>().unwrap(), Some(vec![1]));
    disk.replace(&root.join("config/numbers.json"), b"[2", false).unwrap();
    disk.replace(&root.join("config/numbers.json.bak"), b"{", false).unwrap();
    assert!(matches!(file.load::<Vec<u32>>(), Err(ConfigFileError::Damaged { .. })));
}
