//! `davegan export`: a realisation in the format of another program.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use davegan::export::{
    MeshOptions, Spacing, write_abaqus, write_dream3d, write_npy, write_tiff, write_vti, write_xdmf,
};
use davegan::micrograph::VoxelSize;
use davegan::storage::{Layout, RealisationSet, check_other_file, read_realisation};
use davegan::{Error, Result};

use crate::print;

/// Write a realisation in the format of a solver or another program
///
/// The voxel size and its unit go with it, where the format has a place for them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan export realisations.vtkhdf --index 3 --output element.dream3d
  davegan export realisations.vtkhdf --output periodic.inp --periodic
  davegan export solver.h5 --group rve --output element.tif")]
pub struct Arguments {
    /// File that davegan generate has written
    realisations: PathBuf,
    /// File for the realisation
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Format [default: by the ending of FILE: .dream3d, .vti, .inp, .tif, .tiff, .npy, .xdmf]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Index of the realisation [default: that of the first one in the file]
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// Take the dataset phase of this group, as generate --group has written it
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Side of a voxel with its unit, such as 0.25um [default: as the file says]
    #[arg(long, value_name = "LENGTH")]
    voxel_size: Option<VoxelSize>,
    /// Equations for periodic boundary conditions, in the format abaqus
    #[arg(long)]
    periodic: bool,
    /// Elements of plane stress instead of plane strain, in the format abaqus
    #[arg(long)]
    plane_stress: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// DREAM.3D 7.0, for DREAM.3D, simplnx and DAMASK
    Dream3d,
    /// VTK image data, for DAMASK and ParaView
    Vti,
    /// Mesh of voxels for Abaqus and CalculiX
    Abaqus,
    /// Stack of pages, for ImageJ
    Tiff,
    /// Array for NumPy
    Npy,
    /// XDMF with an HDF5 file beside it, for ParaView
    Xdmf,
}

impl Format {
    /// The format that the ending of `path` says.
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
            "dream3d" => Ok(Self::Dream3d),
            "vti" => Ok(Self::Vti),
            "inp" => Ok(Self::Abaqus),
            "tif" | "tiff" => Ok(Self::Tiff),
            "npy" => Ok(Self::Npy),
            "xdmf" => Ok(Self::Xdmf),
            other => Err(Error::invalid(format!(
                "the ending {other:?} of {} is that of no format; end it in .dream3d, .vti, .inp, .tif, .npy or .xdmf, or give \
                 --format",
                path.display()
            ))),
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let path = arguments.output.as_path();
    let format = arguments.format.map_or_else(|| Format::of(path), Ok)?;
    if format != Format::Abaqus && (arguments.periodic || arguments.plane_stress) {
        return Err(Error::invalid("--periodic and --plane-stress are for the format abaqus; leave them out"));
    }
    check_other_file(&arguments.realisations, path)?;
    let layout = arguments.group.clone().map_or(Layout::VtkHdf, Layout::Group);
    let (image, set) = read_realisation(&arguments.realisations, &layout, arguments.index)?;
    if arguments.periodic {
        check_periodic(&set, &arguments.realisations)?;
    }
    let spacing = Spacing::from(arguments.voxel_size.unwrap_or(set.voxel_size));
    match format {
        Format::Dream3d => write_dream3d(&image, &spacing, path),
        Format::Vti => write_vti(&image, &spacing, path),
        Format::Abaqus => {
            let options = MeshOptions { periodic: arguments.periodic, plane_stress: arguments.plane_stress };
            write_abaqus(&image, &spacing, &options, path)
        }
        Format::Tiff => write_tiff(&image, &spacing, path),
        Format::Npy => write_npy(&image, path),
        Format::Xdmf => write_xdmf(&image, &spacing, path),
    }?;
    let [nz, ny, nx] = image.shape();
    print(&format!("wrote {nx} x {ny} x {nz} voxels to {}\n", path.display()))
}

/// Refuses elements of the file at `path` that are not periodic.
fn check_periodic(set: &RealisationSet, path: &Path) -> Result<()> {
    if set.is_periodic {
        return Ok(());
    }
    let [nz, ny, nx] = set.shape;
    Err(Error::format(
        path,
        format!(
            "elements of {nx} x {ny} x {nz} voxels that are not periodic, whose opposite sides --periodic would tie; generate \
             whole ones of multiples of 16 voxels, or leave --periodic out"
        ),
    ))
}
