//! `davegan devices`: what this build can use on this machine.

use std::fmt::Write;

use clap::Args;
use davegan::{DeviceInfo, Result, default_threads, devices, instruction_set};
use serde::Serialize;

use crate::{print, print_json};

/// List what davegan can use on this machine: processor, accelerators, memory, threads
///
/// The first column is what --device takes. Equal seeds and options give the same bytes on processors of one instruction set.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan devices
  OMP_NUM_THREADS=4 davegan devices --json")]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Devices {
    devices: Vec<DeviceInfo>,
    /// AVX-512, AVX2, NEON or none.
    instruction_set: &'static str,
    /// Threads of a command with --threads 0.
    default_threads: usize,
    /// Kinds of accelerators that this build can use.
    accelerators: Vec<&'static str>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let found = Devices {
        devices: devices(),
        instruction_set: instruction_set(),
        default_threads: default_threads(),
        accelerators: [("cuda", cfg!(feature = "cuda")), ("wgpu", cfg!(feature = "wgpu"))]
            .into_iter()
            .filter_map(|(kind, is_built)| is_built.then_some(kind))
            .collect(),
    };
    if arguments.json { print_json(&found) } else { print(&found.table()) }
}

impl Devices {
    fn table(&self) -> String {
        let mut table = String::new();
        self.write_to(&mut table).expect("a text takes what is written");
        table
    }

    fn write_to(&self, table: &mut String) -> std::fmt::Result {
        for DeviceInfo { device, name, memory } in &self.devices {
            let memory =
                memory.map_or("memory not known".into(), |bytes| format!("{:.1} GiB", bytes as f64 / 2f64.powi(30)));
            writeln!(table, "{:8} {name}, {memory}", device.to_string())?;
        }
        writeln!(table, "\ninstruction set of the processor: {}", self.instruction_set)?;
        writeln!(table, "threads with --threads 0: {}", self.default_threads)?;
        match &self.accelerators[..] {
            [] => writeln!(table, "this build uses no accelerators; see docs/gpu.md for one that does"),
            kinds => writeln!(table, "accelerators that this build can use: {}", kinds.join(", ")),
        }
    }
}
