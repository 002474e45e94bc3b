//! The command line of davegan: one file for each subcommand, on the Rust interface of the library.
//!
//! Results go to standard output, errors and progress to standard error.

mod arguments;
mod devices;
mod evaluate;
mod export;
mod generate;
mod info;
mod manual;
mod progress;
mod relax;
mod report;
mod representative;
mod train;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use davegan::{Error, Result};
use serde::Serialize;

/// Exit status of work that Ctrl-C or SIGTERM has stopped.
const STOPPED: u8 = 3;

/// What every exit status means; the manual pages have it too.
const EXIT_STATUS: &str = "\
Exit status:
  0    success
  1    failure: the message says what was wrong, with the value, and what to do
  2    wrong usage: no such command or option, or a value that cannot be one
  3    stopped by Ctrl-C or SIGTERM: what is complete is kept
  130  ended at once by a second Ctrl-C";

const EXAMPLES: &str = "\
Examples:
  davegan train micrograph.png --otsu 2 --model model.h5
  davegan generate model.h5 realisations.vtkhdf --count 100 --size 256x256
  davegan report model.h5 micrograph.png --otsu 2 --output report.html
  davegan export realisations.vtkhdf --index 3 --output element.vti
  davegan info realisations.vtkhdf

davegan train --help lists the options of a command, with examples.";

/// Learns a microstructure from one micrograph and generates statistically equivalent volume elements.
#[derive(Parser)]
#[command(name = "davegan", version, after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}"))]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Arguments),
    Generate(generate::Arguments),
    Evaluate(evaluate::Arguments),
    Report(report::Arguments),
    Export(export::Arguments),
    Representative(representative::Arguments),
    Relax(relax::Arguments),
    Info(info::Arguments),
    Devices(devices::Arguments),
    Completions(manual::Completions),
    #[command(hide = true)]
    Manual(manual::Manual),
}

/// The arguments. A negative number is a value, which the option then refuses by name.
fn arguments() -> Program {
    let command = Program::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    Program::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

fn main() -> ExitCode {
    let done = match arguments().command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Representative(arguments) => representative::run(&arguments),
        Command::Relax(arguments) => relax::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Completions(arguments) => arguments.run(),
        Command::Manual(arguments) => arguments.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("davegan: {error}");
            if matches!(error, Error::Cancelled(_)) { ExitCode::from(STOPPED) } else { ExitCode::FAILURE }
        }
    }
}

/// Writes results to standard output.
///
/// # Errors
///
/// [`Error::Io`] if nobody reads them, or the disk is full.
fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| Error::io("standard output", error))
}

/// Writes results to standard output as JSON. Numbers that are not finite become null.
fn print_json(results: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(results).map_err(|error| Error::Internal(error.to_string()))?;
    print(&(text + "\n"))
}
