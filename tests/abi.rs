//! The binary interface is the one that is written down for this minor version, in `tests/abi`: what a compiled C program finds
//! in `include/davegan.h`. `DAVEGAN_BLESS=1` writes what has been added.
//!
//! While a minor version lasts, the SONAME stays, and so does everything in its file: functions with their types, constants,
//! fields with their places. Functions, constants and fields at the end of a struct may come. Whatever breaks that counts the
//! minor version up, which makes another SONAME and another file here.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = include_str!("../include/davegan.h");

/// The header without comments and preprocessor.
fn declarations() -> Vec<String> {
    let mut code = String::new();
    let mut rest = HEADER;
    while let Some((before, behind)) = rest.split_once("/*") {
        code.push_str(before);
        rest = behind.split_once("*/").expect("comments end").1;
    }
    code.push_str(rest);
    let marks = ["DAVEGAN_API", "DAVEGAN_MUST_USE"];
    let is_code = |line: &&str| !line.starts_with("extern \"C\"") && *line != "}";
    // A macro of several lines goes on behind a backslash.
    let mut is_macro = false;
    let lines = code.lines().map(str::trim).filter(|line| {
        let skipped = is_macro || line.starts_with('#');
        is_macro = skipped && line.ends_with('\\');
        !skipped
    });
    let words: Vec<&str> =
        lines.filter(is_code).flat_map(str::split_whitespace).filter(|w| !marks.contains(w)).collect();
    let mut declarations = vec![String::new()];
    let mut depth = 0;
    for word in words {
        depth += word.matches('{').count();
        depth -= word.matches('}').count();
        let last = declarations.last_mut().unwrap();
        let space = if last.is_empty() { "" } else { " " };
        write!(last, "{space}{word}").unwrap();
        if depth == 0 && word.ends_with(';') {
            declarations.push(String::new());
        }
    }
    declarations.retain(|declaration| !declaration.is_empty());
    declarations
}

/// The names of the constants.
fn constants() -> Vec<&'static str> {
    let defined = HEADER.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let names =
        defined.filter(|(name, value)| !name.contains('(') && !value.starts_with("__") && !value.starts_with('"'));
    names.map(|(name, _)| name).filter(|name| name.starts_with("DAVEGAN_") && !name.contains("VERSION")).collect()
}

/// The type and the name of a field or argument, such as `const char *name` or `double fraction[8]`.
fn type_and_name(text: &str) -> (String, &str) {
    let (text, length) = text.trim().split_once('[').map_or((text.trim(), ""), |(before, behind)| (before, behind));
    let name = text.rsplit([' ', '*']).next().unwrap();
    let length = if length.is_empty() { String::new() } else { format!("[{length}") };
    (text.strip_suffix(name).unwrap().trim().to_owned() + &length, name)
}

/// A function without the names of its arguments.
fn without_names(declaration: &str) -> String {
    let (head, arguments) = declaration.split_once('(').unwrap();
    let arguments = arguments.trim_end_matches(");").split(',').map(|argument| match argument.trim() {
        "void" => "void".to_owned(),
        argument => type_and_name(argument).0,
    });
    format!("function {head}({})", arguments.collect::<Vec<_>>().join(", "))
}

/// A C program that prints the values of constants, and the sizes and offsets of structs.
fn program() -> String {
    let mut program = String::from("#include <davegan.h>\n#include <stdio.h>\n\nint main(void) {\n");
    for name in constants() {
        writeln!(program, "    printf(\"constant {name} %lld\\n\", (long long){name});").unwrap();
    }
    for declaration in declarations() {
        let Some((_, body)) = declaration.split_once('{') else { continue };
        let (fields, name) = body.split_once('}').unwrap();
        let name = name.trim().trim_end_matches(';');
        writeln!(program, "    printf(\"size {name} %zu\\n\", sizeof({name}));").unwrap();
        for field in fields.split(';').filter(|field| !field.trim().is_empty()) {
            let (of_type, field) = type_and_name(field);
            let place = format!("offsetof({name}, {field}), sizeof((({name} *)0)->{field})");
            writeln!(program, "    printf(\"field {name}.{field} at %zu, %zu bytes, {of_type}\\n\", {place});")
                .unwrap();
        }
    }
    program + "    return 0;\n}\n"
}

fn compiled_and_run(program: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("abi.c"), program).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut compiler = Command::new(std::env::var("CC").unwrap_or("cc".into()));
    let compiler = compiler.args(["-Wall", "-Werror", "-o", "abi", "abi.c", "-I"]).arg(include).current_dir(&folder);
    assert!(compiler.status().unwrap().success(), "{program}");
    let output = Command::new(folder.join("abi")).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn written_down() -> PathBuf {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/abi").join(version.to_owned() + ".txt")
}

#[test]
fn the_binary_interface_is_the_one_of_this_minor_version() {
    let declarations = declarations();
    let functions = declarations.iter().filter(|text| text.contains('(') && !text.starts_with("typedef"));
    let callbacks = declarations.iter().filter(|text| text.contains("(*"));
    let mut found = compiled_and_run(&program());
    callbacks.for_each(|text| writeln!(found, "{}", text.trim_end_matches(';')).unwrap());
    functions.for_each(|text| writeln!(found, "{}", without_names(text)).unwrap());
    assert!(
        found.contains("function davegan_status_t davegan_relax(") && found.contains("constant DAVEGAN_OK 0"),
        "{found}"
    );

    let path = written_down();
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let is_lost = |line: &&str| !line.starts_with("size ") && !found.lines().any(|other| other == *line);
    let lost: Vec<&str> = expected.lines().filter(is_lost).collect();
    assert!(
        lost.is_empty(),
        "programs that are linked already rely on this: {lost:#?}\nCount the minor version up. While it is not released, remove {} \
         and run this test with DAVEGAN_BLESS=1",
        path.display()
    );
    if std::env::var_os("DAVEGAN_BLESS").is_some() {
        fs::write(&path, &found).unwrap();
        return;
    }
    let new: Vec<&str> = found.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
    assert!(new.is_empty(), "this has been added: {new:#?}\nWrite it down: run this test with DAVEGAN_BLESS=1");
}
