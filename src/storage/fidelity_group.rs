//! The figures of a judgement as a group of an HDF5 file.

use std::fs;
use std::path::Path;

use hdf5::{File, Group};

use super::hdf5_file::{Explain, check_name, put_text, text_attribute};
use super::header::{FORMAT, FORMAT_VERSION};
use super::journalled_file::{JournalledFile, no_hdf5_file};
use super::kind::Kind;
use super::output::Output;
use crate::dataset::OpenDataset;
use crate::drivers::open_to_read;
use crate::evaluation::{Fidelity, Gate};
use crate::{Error, Result};

const FORMAT_NAME: &str = "davegan fidelity";
const VERSION: i64 = 2;

/// Writes the figures of `fidelity` as the group `group` of the HDF5 file at `path`.
///
/// Each figure is a scalar dataset of its name (float64). One that a gate judges has the attributes `requirement`, what
/// must hold, and `holds`, whether it does. The group has the attributes `phase`, `n_gates` and `n_holding`, `format`,
/// `format_version` and `library_version`.
///
/// The file is created if there is none; whatever else it holds stays, and a group of figures of that name is replaced. The
/// new file takes the place of the old one in one step, so that whoever looks sees one of them. Of two processes that write
/// figures to one file at the same time the later one fails.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `group` is no name; [`Error::Io`] if the file cannot be written, another call or program
/// writes it, or `path` is no regular file; [`Error::Format`] if it is no HDF5 file, a model file, or has something else of
/// that name; [`Error::Hdf5`] for other failures inside HDF5. A file that was there before is untouched then.
pub fn write_fidelity(path: impl AsRef<Path>, group: &str, fidelity: &Fidelity) -> Result<()> {
    let path = path.as_ref();
    check_name("group", group, "fidelity")?;
    hdf5::sync::sync(|| {
        // Open until the new file is in its place: HDF5 locks it against those who would write into it, which would be lost.
        // Not open for writing: that would leave a mark in what is copied.
        let mut output = Output::claim(path, Kind::Hdf5)?;
        let old = open_old(path)?;
        output.replace(|temporary| {
            if old.is_some() {
                fs::copy(path, temporary).map_err(|e| Error::system(path, "copy the file", &e))?;
            }
            let put = |file: &File| put(file, group, fidelity, path);
            JournalledFile::fill(temporary, 0, put).map(drop)
        })
    })
}

/// The file at `path`, if there is one that is not empty.
fn open_old(path: &Path) -> Result<Option<File>> {
    if !path.metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(None);
    }
    open_to_read(path).explain(path, "open the file").map_err(no_hdf5_file).map(Some)
}

fn put(file: &File, name: &str, fidelity: &Fidelity, path: &Path) -> Result<()> {
    if file.link_exists(name) {
        remove(file, name, fidelity, path)?;
    }
    let group = file.create_group(name).explain(path, format!("create the group {name:?}"))?;
    let gates = fidelity.gates();
    put_text(&group, FORMAT, FORMAT_NAME, path)?;
    put_text(&group, "library_version", env!("CARGO_PKG_VERSION"), path)?;
    put_counts(&group, fidelity, &gates).explain(path, "write the counts of gates")?;
    for (name, value) in fidelity.figures() {
        put_figure(&group, name, value, gates.iter().find(|gate| gate.figure == name), path)?;
    }
    Ok(())
}

/// Whether a group holds figures.
pub fn is_fidelity(group: &Group) -> bool {
    text_attribute(group, FORMAT).as_deref() == Some(FORMAT_NAME)
}

/// Removes older figures, unless somebody has put something of their own into their group.
fn remove(file: &File, name: &str, fidelity: &Fidelity, path: &Path) -> Result<()> {
    let Some(old) = file.group(name).ok().filter(is_fidelity) else {
        let reason = format!("{name:?} is there already and holds no figures; choose another group");
        return Err(Error::format(path, reason));
    };
    let figures = fidelity.figures();
    // Those of reconstructions may have been judged then and not now.
    let is_figure = |name: &str| name.starts_with("E_rec") || figures.iter().any(|(figure, _)| *figure == name);
    let members = old.member_names().explain(path, "list the older figures")?;
    if let Some(foreign) = members.iter().find(|member| !is_figure(member)) {
        let reason =
            format!("{foreign:?} in the group {name:?} is none of davegan's; move it, or choose another group");
        return Err(Error::format(path, reason));
    }
    file.unlink(name).explain(path, "remove the older figures")
}

fn put_counts(group: &Group, fidelity: &Fidelity, gates: &[Gate]) -> hdf5::Result<()> {
    let holding = gates.iter().filter(|gate| gate.holds).count();
    let number = |name: &str, value: i64| group.new_attr::<i64>().create(name)?.write_scalar(&value);
    number(FORMAT_VERSION, VERSION)?;
    number("phase", fidelity.phase.into())?;
    number("n_gates", gates.len() as i64)?;
    number("n_holding", holding as i64)
}

fn put_figure(group: &Group, name: &str, value: f64, gate: Option<&Gate>, path: &Path) -> Result<()> {
    let doing = format!("write the figure {name:?}");
    let figure = OpenDataset::from(group.new_dataset::<f64>().create(name).explain(path, &doing)?);
    figure.write_scalar(&value).explain(path, &doing)?;
    if let Some(gate) = gate {
        put_text(&figure, "requirement", gate.requirement, path)?;
        figure.new_attr::<bool>().create("holds").and_then(|a| a.write_scalar(&gate.holds)).explain(path, &doing)?;
    }
    figure.close().explain(path, &doing)
}
