//! Files that the library writes: the model file and realisations.
//!
//! * [`Container`]: a checked HDF5 file of named arrays and attributes, written atomically; the model file is one.
//! * [`write_model`], [`read_model`]: the model file, which is such a container.
//! * [`write_checkpoint`], [`read_checkpoint`]: a model file from which training goes on.
//! * [`train_to_file`]: training that keeps its checkpoints in a file.
//! * [`RealisationFile`]: realisations appended to an HDF5 file that ParaView opens, or to a group of a host's file.
//! * [`generate_to_file`]: realisations of a model, made and appended batch by batch.
//! * [`read_realisation`]: one realisation of such a file.
//! * [`describe`]: what a file is: a model, or realisations.
//! * [`write_phase_images`]: one dataset of phase images, such as reconstructions.
//! * [`write_fidelity`]: the figures of a judgement, as a group.
//!
//! A function that writes claims its file (`output`), so that no other call of the process writes it at once, and
//! replaces or extends nothing but a file of its own kind (`kind`).
//!
//! HDF5's C library is not thread-safe, so every function here holds the crate's lock for the whole of its work.

mod atomic_file;
mod change;
mod checkpoint_file;
mod container;
mod container_hdf5;
mod description;
mod fidelity_group;
mod file_driver;
mod generate;
mod hdf5_file;
mod header;
mod held_writes;
mod journal;
mod journalled_file;
mod kind;
mod model_file;
mod output;
mod parts;
mod phase_dataset;
mod reader;
mod realisation_file;
mod realisation_reader;
mod record;
mod seal;
#[cfg(test)]
pub(crate) mod testing;
mod train;
mod vtkhdf;

pub use checkpoint_file::write_checkpoint;
pub use container::{Attribute, Container, NamedArray};
pub use description::{Description, ModelDescription, RealisationsDescription, describe};
pub use fidelity_group::write_fidelity;
pub use generate::{FileOptions, generate_to_file};
pub(crate) use hdf5_file::{DEFLATE_LEVEL, chunk_shape};
pub use header::{Header, Layout, Mode, PERIODIC, VOXEL_UNIT};
pub(crate) use journalled_file::replace_hdf5;
pub(crate) use kind::{Export, Kind, PICTURE_MARK, REPORT_MARK};
pub use model_file::{model_digest, write_model};
pub(crate) use output::Output;
pub use output::check_other_file;
pub use phase_dataset::write_phase_images;
pub use reader::{read_checkpoint, read_model};
pub use realisation_file::RealisationFile;
pub use realisation_reader::read_realisation;
pub use record::RealisationSet;
pub use train::train_to_file;
pub use vtkhdf::PHASE as VTKHDF_PHASE;
