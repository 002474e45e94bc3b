//! `davegan generate`: realisations of a model as an HDF5 file.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::generation::GenerationOptions;
use davegan::micrograph::{Block, VoxelSize};
use davegan::storage::{FileOptions, Layout, Mode, generate_to_file, read_model};

use crate::arguments::Machine;
use crate::{print, progress};

/// Generate realisations of a model and write them to an HDF5 file
///
/// The file is a VTKHDF file, which ParaView opens, or with --group any HDF5 file. Realisations are added to those that it
/// holds. Realisation i depends on the model, the seed and i alone. One of more than 4096 pixels along x or y is stored block by
/// block; if it is interrupted, the same command goes on with it, without --replace.
#[derive(Args)]
pub struct Arguments {
    /// Model file that davegan train has written
    model: PathBuf,
    /// File for the realisations, such as realisations.vtkhdf
    output: PathBuf,
    /// Number of realisations
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: usize,
    /// Index of the first realisation
    #[arg(long, value_name = "I", default_value_t = 0)]
    first: u64,
    /// Seed of the realisations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Size in pixels, such as 256x256, with a model of profile standard; multiples of 16 are periodic [default: that of a training
    /// tile]
    #[arg(long, value_name = "NXxNY", value_parser = size)]
    size: Option<[usize; 2]>,
    /// Block of each realisation that is wanted, with a model of profile standard: first column and row, columns and rows. It
    /// may begin before 0 and go on beyond the end: realisations repeat
    #[arg(long, value_name = "X0,Y0,NX,NY", value_parser = block, allow_hyphen_values = true)]
    block: Option<Block>,
    /// Volume fraction of each phase, to one voxel, with a model of profile standard, such as 0.25,0.75 [default: as it comes]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    volume_fractions: Option<Vec<f64>>,
    /// Pixels of the smallest connected piece of a phase: smaller ones take the phase around them. Each phase keeps its number
    /// of pixels
    #[arg(long, value_name = "N", default_value_t = 0)]
    smallest_island: usize,
    /// Passes of a majority filter of 3 x 3 pixels. Each phase keeps its number of pixels
    #[arg(long, value_name = "N", default_value_t = 0)]
    majority: usize,
    /// Write the dataset phase of this group instead of a VTKHDF file
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Remove the realisations that the file holds
    #[arg(long)]
    replace: bool,
    /// Side of a voxel with its unit, such as 0.25um [default: that of the micrograph, or 1]
    #[arg(long, value_name = "LENGTH")]
    voxel_size: Option<VoxelSize>,
    #[command(flatten)]
    machine: Machine,
}

/// Width and height.
fn size(text: &str) -> std::result::Result<[usize; 2], String> {
    let numbers = text.split_once('x').and_then(|(nx, ny)| Some([nx.parse().ok()?, ny.parse().ok()?]));
    numbers.ok_or_else(|| "write width and height in pixels, such as 256x256".into())
}

/// First column and row, and numbers of both.
fn block(text: &str) -> std::result::Result<Block, String> {
    let numbers: Option<Vec<i64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let block = numbers.and_then(|numbers| {
        let [x0, y0, nx, ny] = numbers[..] else { return None };
        Some(Block { first: [0, y0, x0], size: [1, ny.try_into().ok()?, nx.try_into().ok()?] })
    });
    block.ok_or_else(|| "write four whole numbers x0,y0,nx,ny, such as -1,-1,258,258".into())
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = read_model(&arguments.model, arguments.machine.device)?;
    let options = GenerationOptions {
        seed: arguments.seed,
        first: arguments.first,
        count: arguments.count,
        shape: arguments.size.map(|[nx, ny]| [1, ny, nx]),
        block: arguments.block,
        volume_fractions: arguments.volume_fractions.clone(),
        smallest_island: arguments.smallest_island,
        majority: arguments.majority,
        threads: arguments.machine.threads,
        ..GenerationOptions::default()
    };
    let file = FileOptions {
        layout: arguments.group.clone().map_or(Layout::VtkHdf, Layout::Group),
        mode: if arguments.replace { Mode::Replace } else { Mode::Append },
        voxel_size: arguments.voxel_size,
        ..FileOptions::default()
    };
    generate_to_file(&model, &arguments.output, &options, &file, &mut progress::follow("generating")?)?;
    let noun = if arguments.count == 1 { "realisation" } else { "realisations" };
    print(&format!("wrote {} {noun} to {}\n", arguments.count, arguments.output.display()))
}
