use super::*;

#[test]
fn levels_are_levels() {
    let parse = |text: &str| LogLevels::parse(text, &LogLevels::ALLOWED);
    for good in ["info", "WARN", "off", "info,bolide_broker::timer=debug", "audit=info, warn"] {
        assert_eq!(parse(good).map(|levels| levels.print()).as_deref(), Some(good));
    }
    for bad in ["", "loud", "info,", "a=b", "bolide_broker", "info;debug"] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
}

#[test]
fn files_are_bounded_in_size_and_number() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("logs").display().to_string();
    let levels = LogLevels::default();
    let options = LogOptions { levels: &levels, folder: &place, name: "broker", file_bytes: 10, files: 3 };
    for lines in [["one\n", "two\n"], ["three\n", "four\n"], ["five\n", "a line that is too long\n"]] {
        // A server that starts again goes on with the file that it left.
        let mut file = RollingFile::open(&options).unwrap();
        lines.iter().for_each(|line| file.write_all(line.as_bytes()).unwrap());
    }
    let read = |number| std::fs::read_to_string(path(Path::new(&place), "broker", number)).ok();
    let kept = ["a line that is too long\n", "four\nfive\n", "three\n"];
    assert_eq!([0, 1, 2].map(|number| read(number).unwrap_or_default()), kept);
    assert_eq!(read(3), None);
}
