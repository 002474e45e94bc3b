//! `davegan relax`: images from elsewhere, with the patterns of a micrograph.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::micrograph::{Directions, Micrograph, PhaseImages, VoxelSize};
use davegan::model::Origin;
use davegan::relaxation::{RelaxationOptions, relax_images};
use davegan::storage::{Header, Layout, Mode, PERIODIC, RealisationFile, VOXEL_UNIT, check_other_file};

use crate::arguments::MicrographArguments;
use crate::{print, progress};

/// Correct the fine structure of images or volumes from elsewhere
///
/// Changes interface voxels until the images have the patterns of the micrograph as often as the micrograph has: dust, gaps and
/// rough interfaces go, long-range order stays. The more images, the better. The images have the values of the micrograph's
/// phases, or phase numbers. The result is a file of realisations, numbered from 0.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan relax elements.h5 relaxed.vtkhdf micrograph.png --otsu 2 --dataset /phase
  davegan relax volume.tif relaxed.vtkhdf micrograph.tif --volume --not-periodic
  davegan relax image.png relaxed.vtkhdf scan.h5 /phase --volume-fractions 0.25,0.75")]
pub struct Arguments {
    /// HDF5, PNG or TIFF file with images: in HDF5 (ny, nx), (n, ny, nx) or (n, nz, ny, nx), in TIFF a page for each
    images: PathBuf,
    /// File for the relaxed images, such as relaxed.vtkhdf
    output: PathBuf,
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Path of the dataset with the images in an HDF5 file that holds several
    #[arg(long = "dataset", value_name = "NAME")]
    images_dataset: Option<String>,
    /// The images of a stack, or the pages of a TIFF, are the layers of one volume
    #[arg(long)]
    volume: bool,
    /// Opposite edges do not fit: nothing is assumed outside the images
    #[arg(long)]
    not_periodic: bool,
    /// Visits of each voxel
    #[arg(long, value_name = "N", default_value_t = RelaxationOptions::default().sweeps)]
    sweeps: usize,
    /// Volume fraction of each phase that each image gets, to one voxel, such as 0.25,0.75 [default: as it comes]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    volume_fractions: Option<Vec<f64>>,
    /// Seed of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write the dataset phase of this group instead of a VTKHDF file
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Remove the realisations that the file holds
    #[arg(long)]
    replace: bool,
    /// Threads on the CPU; 0: one for each processor, at most OMP_NUM_THREADS
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

impl Arguments {
    /// What is said about the relaxed images, which come from `source`.
    fn header(&self, micrograph: &Micrograph, images: &PhaseImages, source: String) -> Header {
        let text = |name: &str, value: String| (name.to_owned(), value);
        let VoxelSize { side, unit } = micrograph.voxel_size.unwrap_or_default();
        let fractions = self.volume_fractions.as_ref().map(|fractions| format!("{fractions:?}"));
        Header {
            shape: images.shape(),
            first_voxel: [0; 3],
            whole_shape: images.shape(),
            n_phases: images.n_phases(),
            seed: self.seed,
            voxel_size: side,
            identity: vec![
                text("relaxed_from", source),
                text("micrograph_sha256", Origin::new(micrograph).digest),
                text(VOXEL_UNIT, unit.symbol().to_owned()),
                text("sweeps", self.sweeps.to_string()),
                text(PERIODIC, if self.not_periodic { "no" } else { "" }.to_owned()),
                text("volume_fractions", fractions.unwrap_or_default()),
            ],
            provenance: vec![
                text("library_version", env!("CARGO_PKG_VERSION").to_owned()),
                text("micrograph", micrograph.source.to_string()),
                text("phase_values", format!("{:?}", micrograph.phase_values)),
            ],
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let output = arguments.output.as_path();
    check_other_file(&arguments.images, output)?;
    arguments.micrograph.check_not(output)?;
    let micrographs = arguments.micrograph.open_all()?;
    let micrograph = &micrographs[0];
    let dataset = arguments.images_dataset.as_deref();
    let (images, source) =
        PhaseImages::read_of_material(&arguments.images, dataset, &micrograph.phase_values, arguments.volume)?;
    let header = arguments.header(micrograph, &images, source);
    let options = RelaxationOptions {
        sweeps: arguments.sweeps,
        seed: arguments.seed,
        periodic: !arguments.not_periodic,
        ..RelaxationOptions::default()
    };
    let (count, fractions) = (images.len(), arguments.volume_fractions.as_deref());
    let mut progress = progress::follow("relaxing")?;
    let planes = Directions::new(micrographs.iter().map(|micrograph| &micrograph.images).collect())?;
    let relaxed =
        relax_images(&planes, images, fractions, &options, arguments.threads, progress::INTERVAL, &mut progress)?;
    let layout = arguments.group.clone().map_or(Layout::VtkHdf, Layout::Group);
    let mode = if arguments.replace { Mode::Replace } else { Mode::Append };
    let mut file = RealisationFile::open(output, &layout, &header, mode)?;
    file.append(0, &relaxed, &vec![f64::NAN; count])?;
    file.finish()?;
    let ([nz, ny, nx], noun) = (header.shape, if count == 1 { "image" } else { "images" });
    print(&format!("wrote {count} {noun} of {nx} x {ny} x {nz} voxels to {}\n", output.display()))
}
