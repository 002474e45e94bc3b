//! The command line of davegan: one file for each subcommand, on the Rust interface of the library.
//!
//! Results go to standard output, errors and progress to standard error. The exit status is 0 for success, 1 for a failure
//! and 2 for wrong usage.

mod arguments;
mod evaluate;
mod export;
mod generate;
mod progress;
mod report;
mod representative;
mod train;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use davegan::{Error, Result};

/// Learns a microstructure from one micrograph and generates statistically equivalent volume elements.
#[derive(Parser)]
#[command(name = "davegan", version, after_help = "davegan train --help lists the options of a subcommand.")]
enum Command {
    Train(train::Arguments),
    Generate(generate::Arguments),
    Evaluate(evaluate::Arguments),
    Export(export::Arguments),
    Report(report::Arguments),
    Representative(representative::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Train(arguments) => train::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Representative(arguments) => representative::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("davegan: {error}");
            ExitCode::FAILURE
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
