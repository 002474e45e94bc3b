//! The shared library shows its hosts `davegan_*` and nothing else: above all no HDF5, which the host may have too. Neither it
//! nor the program names the folder that it was built in.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared library that cargo built along with this test, in the same folder.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libdavegan.so")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(library()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn exports_are_the_functions_of_the_header() {
    let header = include_str!("../include/davegan.h");
    let symbols = output("nm", &["-D", "--defined-only", "--format=posix"]);
    let mut exported: Vec<&str> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();
    exported.sort_unstable();
    let code = header.lines().filter(|line| !line.trim_start().starts_with('*'));
    let before_brackets = code.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next());
    let mut declared: Vec<&str> = before_brackets.filter(|word| word.starts_with("davegan_")).collect();
    declared.sort_unstable();
    assert!(!declared.is_empty());
    assert_eq!(exported, declared);
}

#[test]
fn the_library_is_named_after_its_abi() {
    let name = format!("[libdavegan.so.{}.{}]", env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    assert!(output("readelf", &["-d"]).lines().any(|line| line.contains("SONAME") && line.ends_with(&name)));
}

/// Builds would differ in the names that are not exported.
#[test]
fn names_that_are_not_exported_are_not_there() {
    assert!(!output("readelf", &["--sections", "--wide"]).contains(".symtab"));
}

#[test]
fn no_folder_of_the_build_is_named() {
    let library = library();
    let profile = library.ancestors().nth(2).unwrap().file_name().unwrap().to_str().unwrap();
    for file in [&library, Path::new(env!("CARGO_BIN_EXE_davegan"))] {
        let bytes = std::fs::read(file).unwrap();
        // Build scripts work in the second.
        for folder in [env!("CARGO_MANIFEST_DIR"), &format!("/{profile}/build/")] {
            let place = bytes.windows(folder.len()).position(|part| part == folder.as_bytes());
            let text = |at: usize| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 100)]).into_owned();
            assert_eq!(place.map(text), None, "{} names a folder of the build", file.display());
        }
    }
}
