//! Help, completions and manual pages.

use std::process::Command;

use super::{folder, run};

/// The commands that users see.
const COMMANDS: [&str; 10] =
    ["train", "generate", "evaluate", "report", "export", "representative", "relax", "info", "devices", "completions"];

#[test]
fn help_names_every_command_and_every_command_has_help() {
    let folder = folder("help");
    let (help, errors) = run(&folder, 0, &["--help"]);
    assert!(COMMANDS.iter().all(|name| help.contains(name)) && errors.is_empty(), "{help}{errors}");
    for name in COMMANDS {
        let (help, _) = run(&folder, 0, &[name, "--help"]);
        assert!(help.contains(&format!("Usage: davegan {name}")), "{help}");
    }
    assert!(run(&folder, 0, &["--version"]).0.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_examples_of_the_help_are_right_usage() {
    let folder = folder("examples");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_davegan"));
    let path = [program.parent().unwrap().to_str().unwrap(), &std::env::var("PATH").unwrap()].join(":");
    for name in [&[][..], &COMMANDS.map(Some)].concat().into_iter().chain([None]) {
        let arguments: Vec<&str> = name.into_iter().chain(["--help"]).collect();
        let (help, _) = run(&folder, 0, &arguments);
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        let examples: Vec<&str> = examples.take_while(|line| !line.is_empty()).map(str::trim).collect();
        assert!(examples.len() > 1 && examples.iter().all(|example| example.contains("davegan ")), "{help}");
        for example in examples {
            let output =
                Command::new("sh").args(["-c", example]).env("PATH", &path).current_dir(&folder).output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            // The files are not there: that is a failure, and no wrong usage.
            let is_missing = output.status.code() == Some(1) && errors.contains("No such file");
            assert!(output.status.success() || is_missing, "{example}: {errors}");
        }
    }
}

#[test]
fn every_exit_status_is_written_down() {
    let folder = folder("status");
    let (help, _) = run(&folder, 0, &["--help"]);
    let statuses = help.lines().skip_while(|line| *line != "Exit status:").skip(1);
    let statuses: Vec<_> = statuses.map_while(|line| line.split_whitespace().next()?.parse::<u8>().ok()).collect();
    assert_eq!(statuses, [0, 1, 2, 3, 130]);
}

#[test]
fn manual_pages_and_completions_are_written_as_they_are_installed() {
    let folder = folder("manual");
    run(&folder, 0, &["manual", "share"]);
    let text = |name: &str| std::fs::read_to_string(folder.join("share").join(name)).unwrap();
    for name in COMMANDS {
        let page = text(&format!("man/man1/davegan-{name}.1"));
        for words in [".SH EXAMPLES", ".SH \"EXIT STATUS\"", "stopped by Ctrl"] {
            assert!(page.contains(words), "{name}: {words}: {page}");
        }
    }
    let page = text("man/man1/davegan.1");
    assert!(page.matches("EXIT STATUS").count() == 1 && page.contains("davegan\\-relax(1)"), "{page}");
    assert!(!folder.join("share/man/man1/davegan-manual.1").exists());
    for (shell, path, words) in [
        ("bash", "bash-completion/completions/davegan", "complete -F _davegan"),
        ("zsh", "zsh/site-functions/_davegan", "#compdef davegan"),
        ("fish", "fish/vendor_completions.d/davegan.fish", "complete -c davegan"),
    ] {
        let script = text(path);
        assert!(script.contains(words) && script.contains("volume-fractions"), "{script}");
        assert_eq!(run(&folder, 0, &["completions", shell]).0, script);
    }
}

#[test]
fn devices_are_listed_with_memory_instruction_set_and_threads() {
    let folder = folder("devices");
    let (table, _) = run(&folder, 0, &["devices"]);
    assert!(
        table.starts_with("cpu ") && table.contains("GiB") && table.contains("threads with --threads 0"),
        "{table}"
    );
    let output = super::davegan(&folder, &["devices", "--json"]).env("OMP_NUM_THREADS", "1").output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["devices"][0]["device"], &found["default_threads"]), (&"cpu".into(), &1.into()), "{found}");
    assert!(found["devices"][0]["memory"].as_u64().unwrap() > 1 << 20, "{found}");
    let sets = ["AVX-512", "AVX2", "NEON", "none"];
    assert!(sets.contains(&found["instruction_set"].as_str().unwrap()), "{found}");
}
