//! Each line of docs/promises.md names tests that there are.

use std::path::Path;

#[test]
fn every_promise_names_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/promises.md")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(lines.len() > 20, "{} lines", lines.len());
    for line in lines {
        let held_by = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let paths: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!paths.is_empty(), "nothing holds this: {line}");
        for path in paths {
            assert!(root.join(path).is_file(), "there is no {path}: {line}");
        }
    }
}
