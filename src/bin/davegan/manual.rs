//! `davegan completions`: what a shell completes; `davegan manual`: the manual pages, for packages.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use davegan::{Error, Result};

use crate::{EXIT_STATUS, Program, print};

const NAME: &str = "davegan";

/// Print what a shell completes: commands, options and their values
///
/// Packages install it for bash, zsh and fish.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan completions bash > davegan.bash   # then, in ~/.bashrc: source davegan.bash
  davegan completions zsh > _davegan        # in a folder of zsh's $fpath
  davegan completions fish > davegan.fish   # in ~/.config/fish/completions")]
pub struct Completions {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<()> {
        print(&String::from_utf8_lossy(&script(self.shell)))
    }
}

/// Write manual pages and completions into a folder, as they are installed: share/man, share/bash-completion and so on
#[derive(Args)]
pub struct Manual {
    /// The folder that is to be share/
    folder: PathBuf,
}

impl Manual {
    pub fn run(&self) -> Result<()> {
        for (shell, path) in [
            (Shell::Bash, "bash-completion/completions/davegan"),
            (Shell::Zsh, "zsh/site-functions/_davegan"),
            (Shell::Fish, "fish/vendor_completions.d/davegan.fish"),
        ] {
            write(&self.folder.join(path), &script(shell))?;
        }
        let mut program = Program::command().disable_help_subcommand(true);
        program.build();
        for command in std::iter::once(&program).chain(program.get_subcommands()).filter(|it| !it.is_hide_set()) {
            let name = command.get_display_name().unwrap_or(NAME);
            write(&self.folder.join(format!("man/man1/{name}.1")), &page(command))?;
        }
        Ok(())
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Program::command(), NAME, &mut script);
    script
}

/// The manual page of `command`. The text behind its help has sections of its own, whose lines stay as they are.
fn page(command: &clap::Command) -> Vec<u8> {
    let behind = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut sections = Roff::new();
    for line in
        behind.lines().chain((!behind.contains(EXIT_STATUS)).then_some(EXIT_STATUS).into_iter().flat_map(str::lines))
    {
        match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            Some(title) => sections.control("SH", [title.to_uppercase().as_str()]).control("nf", []),
            None if line.is_empty() => sections.control("fi", []).control("PP", []),
            None => sections.text([roman(line)]),
        };
    }
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone().after_help(None).version(None)).source(source).manual("User Commands");
    let mut page = Vec::new();
    man.render(&mut page).expect("a vector takes what is written");
    page.extend(sections.to_roff().into_bytes());
    page
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| fs::write(path, content));
    written.map_err(|error| Error::io(path, format!("cannot write the file: {error}")))
}
