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
/// holds. Realisation i depends on the model, the seed and i alone. One of more than 4096 pixels along x or y, or a volume of
/// more than 2^26 voxels, is stored block by block; if it is interrupted, the same command goes on with it, without --replace.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan generate model.h5 realisations.vtkhdf --count 100 --size 256x256
  davegan generate model.h5 solver.h5 --group rve --volume-fractions 0.25,0.75
  davegan generate volume.h5 volume.vtkhdf --size 128x128x128")]
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
    /// Size in voxels, such as 256x256 with a model of profile standard, or 128x128x128 with one of profile volume; multiples of
    /// 16 are periodic [default: that of a training tile]
    #[arg(long, value_name = "NXxNY[xNZ]", value_parser = size)]
    size: Option<[usize; 3]>,
    /// Block of each realisation that is wanted, with a model of profile standard or volume: its first voxel, then voxels along
    /// each axis. It may begin before 0 and go on beyond the end: realisations repeat
    #[arg(long, value_name = "X0,Y0,[Z0,]NX,NY[,NZ]", value_parser = block, allow_hyphen_values = true)]
    block: Option<Block>,
    /// Volume fraction of each phase, to one voxel, with a model of profile standard or volume, such as 0.25,0.75 [default: as it
    /// comes]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    volume_fractions: Option<Vec<f64>>,
    /// Standard deviation with which the fraction of the rarest phase varies between realisations; --volume-fractions are then
    /// the means
    #[arg(long, value_name = "SD", default_value_t = 0.0, requires = "volume_fractions")]
    volume_fraction_deviation: f64,
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

/// `[nz, ny, nx]`.
fn size(text: &str) -> std::result::Result<[usize; 3], String> {
    let numbers: Option<Vec<usize>> = text.split('x').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[nx, ny]) => Ok([1, ny, nx]),
        Some(&[nx, ny, nz]) => Ok([nz, ny, nx]),
        _ => Err("write the sides in voxels, such as 256x256 or 128x128x128".into()),
    }
}

fn block(text: &str) -> std::result::Result<Block, String> {
    let numbers: Option<Vec<i64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let block = numbers.and_then(|numbers| {
        let (first, size) = match numbers[..] {
            [x0, y0, nx, ny] => ([0, y0, x0], [1, ny, nx]),
            [x0, y0, z0, nx, ny, nz] => ([z0, y0, x0], [nz, ny, nx]),
            _ => return None,
        };
        let size = size.map(|length| usize::try_from(length).ok());
        Some(Block { first, size: [size[0]?, size[1]?, size[2]?] })
    });
    block.ok_or_else(|| "write whole numbers x0,y0,nx,ny, such as -1,-1,258,258, or x0,y0,z0,nx,ny,nz".into())
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = read_model(&arguments.model, arguments.machine.device)?;
    let options = GenerationOptions {
        seed: arguments.seed,
        first: arguments.first,
        count: arguments.count,
        shape: arguments.size,
        block: arguments.block,
        volume_fractions: arguments.volume_fractions.clone(),
        volume_fraction_deviation: arguments.volume_fraction_deviation,
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
    let is_cut = model.profile.is_fully_convolutional() && !options.are_periodic(&model)?;
    let note = if is_cut { "; not periodic: only multiples of 16 voxels are" } else { "" };
    print(&format!("wrote {} {noun} to {}{note}\n", arguments.count, arguments.output.display()))
}
