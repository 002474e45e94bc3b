//! A file is whole or refused: each part changed in turn to values that contradict the others.

use ndarray::{ArrayD, Axis, IxDyn};

use super::*;
use crate::micrograph::testing::checkerboard;
use crate::micrograph::{LengthUnit, Micrograph, VoxelSize};
use crate::model::{LossRow, PositionBiases};
use crate::network::Profile;
use crate::progress::Losses;
use crate::relaxation::Weights;
use crate::storage::checkpoint_file::checkpoint_container;
use crate::storage::model_file::model_container;
use crate::storage::testing::TestDirectory;
use crate::storage::{Attribute, NamedArray, write_checkpoint};

/// A checkpoint in which nothing is left out, after 100 of 120 steps.
fn checkpoint() -> Checkpoint {
    let voxel_size = Some(VoxelSize::new(0.5, LengthUnit::Micrometre).unwrap());
    let micrograph = Micrograph { voxel_size, ..checkerboard() };
    let options = TrainingOptions { steps: 120, ..TrainingOptions::new(Profile::Paper32) }.with(|r| r.ema_decay = 0.9);
    let mut checkpoint = Checkpoint::untrained(options, &micrograph);
    checkpoint.state.step = 100;
    let losses = Losses::from_array([1.0; 5]);
    checkpoint.history = [50, 100].map(|step| LossRow { step, losses }).into();
    checkpoint.position_biases = PositionBiases::new(1, 2, vec![0.0; 256]);
    checkpoint.relaxation = Some(Weights::zero(2, false).with_dangling_ends([1].into_iter().collect()));
    checkpoint
}

/// What reading `file` says.
fn said(file: Container) -> Result<()> {
    whole(Path::new("model.h5"), file, &burn_tensor::Device::flex()).map(drop)
}

/// Whether `file` is refused in words that name `name`; panics if they do not.
fn is_refused(file: Container, name: &str, change: &str) -> bool {
    match said(file) {
        Ok(()) => false,
        Err(Error::Format { reason, .. }) if reason.contains(name) => true,
        Err(other) => panic!("{name} {change}: {other:?}"),
    }
}

/// A change, and whether it is wrong for every part.
type Change<T> = (&'static str, bool, fn(&T) -> Option<T>);

/// `None`: the part is missing.
const OF_ATTRIBUTES: [Change<Attribute>; 7] = [
    ("missing", true, |_| None),
    ("of another type", true, |old| match old {
        Attribute::Text(_) => Some(Attribute::Integer(1)),
        Attribute::Integer(_) => Some(Attribute::Text("1".into())),
    }),
    ("negative", true, |_| Some(Attribute::Integer(-1))),
    ("huge", true, |_| Some(Attribute::Integer(i64::MAX))),
    ("zero", false, |_| Some(Attribute::Integer(0))),
    ("empty text", false, |_| Some(Attribute::Text(String::new()))),
    ("strange text", false, |_| Some(Attribute::Text("1e999 \u{1f600} = [".into()))),
];

fn with_first(old: &NamedArray, value: f64) -> Option<NamedArray> {
    let mut new = old.clone();
    match &mut new {
        NamedArray::F32(array) => array.iter_mut().take(1).for_each(|first| *first = value as f32),
        NamedArray::F64(array) => array.iter_mut().take(1).for_each(|first| *first = value),
        NamedArray::U8(array) => array.iter_mut().take(1).for_each(|first| *first = 255),
        NamedArray::I64(array) => array.iter_mut().take(1).for_each(|first| *first = -1),
    }
    Some(new)
}

const OF_ARRAYS: [Change<NamedArray>; 8] = [
    ("missing", true, |_| None),
    ("of another type", true, |old| Some(NamedArray::I64(ArrayD::zeros(old.shape())))),
    ("of another shape", true, |old| match old.clone() {
        NamedArray::F32(array) => Some(NamedArray::F32(array.insert_axis(Axis(0)))),
        NamedArray::F64(array) => Some(NamedArray::F64(array.insert_axis(Axis(0)))),
        NamedArray::U8(array) => Some(NamedArray::U8(array.insert_axis(Axis(0)))),
        NamedArray::I64(array) => Some(NamedArray::I64(array.insert_axis(Axis(0)))),
    }),
    // A file may have no losses yet.
    ("empty", false, |old| match old.clone() {
        NamedArray::F32(array) => Some(NamedArray::F32(array.slice_axis(Axis(0), (..0).into()).into_owned())),
        NamedArray::F64(array) => Some(NamedArray::F64(array.slice_axis(Axis(0), (..0).into()).into_owned())),
        NamedArray::U8(array) => Some(NamedArray::U8(array.slice_axis(Axis(0), (..0).into()).into_owned())),
        NamedArray::I64(array) => Some(NamedArray::I64(array.slice_axis(Axis(0), (..0).into()).into_owned())),
    }),
    ("NaN", true, |old| with_first(old, f64::NAN)),
    ("infinite", true, |old| with_first(old, f64::NEG_INFINITY)),
    // Weights may be negative or large.
    ("negative", false, |old| with_first(old, -1.5)),
    ("huge", false, |old| with_first(old, 1e30)),
];

/// Attributes that not every micrograph has.
const OPTIONAL: [&str; 3] = ["voxel_size", "source_dataset", "source_details"];

#[test]
fn every_part_that_contradicts_the_others_is_refused_by_name() {
    let checkpoint = checkpoint();
    let files = [checkpoint_container(&checkpoint).unwrap(), model_container(&checkpoint.model()).unwrap()];
    for file in files {
        said(file.clone()).unwrap();
        for (name, old) in &file.attributes {
            for (change, wrong, new) in OF_ATTRIBUTES {
                let mut file = file.clone();
                file.attributes.remove(name);
                file.attributes.extend(new(old).map(|new| (name.clone(), new)));
                // Without it the file is one of a training that had none.
                let optional = change == "missing" && OPTIONAL.contains(&name.as_str());
                assert!(is_refused(file, name, change) || !wrong || optional, "{name} {change} is accepted");
            }
        }
        // The arrays of a model are the same in both files.
        let arrays = file.arrays.iter().filter(|_| file.arrays.contains_key("training/loss_sums"));
        for (name, old) in arrays {
            for (change, wrong, new) in OF_ARRAYS {
                let mut file = file.clone();
                file.arrays.remove(name);
                file.arrays.extend(new(old).map(|new| (name.clone(), new)));
                // Without them realisations are not relaxed, not biased, or no ends are mended.
                let for_realisations = ["relaxation", "dangling_ends", "position_biases"];
                let optional = change == "missing" && for_realisations.contains(&name.as_str());
                assert!(is_refused(file, name, change) || !wrong || optional, "{name} {change} is accepted");
            }
        }
        for name in ["another", "encoder/9/kernel", "training/another"] {
            let mut more = file.clone();
            more.arrays.insert(name.into(), NamedArray::U8(ArrayD::zeros(IxDyn(&[1]))));
            let named = if said(more.clone()).unwrap_err().to_string().contains(name) { name } else { "training/" };
            assert!(is_refused(more, named, "additional"), "{name} is accepted");
            let mut more = file.clone();
            more.attributes.insert(name.into(), Attribute::Integer(1));
            assert!(is_refused(more, name, "additional"), "{name} is accepted");
        }
    }
}

#[test]
fn every_option_that_contradicts_is_refused_by_name() {
    let file = model_container(&checkpoint().model()).unwrap();
    let Attribute::Text(text) = &file.attributes["options"] else { panic!("options are text") };
    let with_options = |options: String| {
        let mut file = file.clone();
        file.attributes.insert("options".into(), Attribute::Text(options));
        file
    };
    for line in text.lines() {
        let name = line.split(' ').next().unwrap();
        let with = |new: &str| with_options(text.replace(line, new));
        assert!(is_refused(with(""), name, "missing"));
        for value in ["nan", "inf", "-1", "-1.0", "1e300", "9223372036854775807", "\"x\"", "[]"] {
            // A seed may be any number, and each file may be of another training.
            let fits = name == "seed" && value == "9223372036854775807";
            let said = is_refused(with(&format!("{name} = {value}")), name, value);
            assert!(said || fits, "{name} = {value} is accepted");
        }
    }
    assert!(is_refused(with_options(format!("{text}\nunknown = 1")), "unknown = 1", "additional"));
    assert!(is_refused(with_options(format!("{text}\nbeta = 1.0")), "beta", "twice"));
}

#[test]
fn phases_rows_and_rounds_are_in_order() {
    let file = model_container(&checkpoint().model()).unwrap();
    let f64s = |shape: &[usize], values: &[f64]| {
        NamedArray::F64(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
    };
    let row = |step: f64| [step, 1.0, 1.0, 1.0, 1.0, 1.0];
    for (name, array) in [
        ("phase_values", f64s(&[2], &[1.0, 0.0])),
        ("phase_values", f64s(&[2], &[1.0, 1.0])),
        ("history", f64s(&[2, 6], &[row(100.0), row(50.0)].concat())),
        ("history", f64s(&[2, 6], &[row(50.0), row(50.0)].concat())),
        ("history", f64s(&[1, 6], &row(150.0))),
        ("history", f64s(&[1, 6], &row(0.5))),
        ("relaxation", f64s(&[44], &[0.0; 44])),
    ] {
        let mut file = file.clone();
        file.arrays.insert(name.into(), array);
        assert!(is_refused(file, name, "out of order"), "{name}");
    }
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let directory = TestDirectory::new("reader-not-finite");
    let mut checkpoint = checkpoint();
    let adam = &mut checkpoint.state.generator.adam;
    adam.second = adam.second.clone() / 0.0;
    let error = write_checkpoint(&checkpoint, &directory.path("model.h5")).unwrap_err();
    assert!(matches!(&error, Error::Diverged(text) if text.contains("generator/adam/second holds NaN")), "{error:?}");
    assert!(directory.names().is_empty());
}

#[test]
fn a_model_is_read_without_the_state_of_its_training() {
    let directory = TestDirectory::new("reader-model");
    let path = directory.path("model.h5");
    let checkpoint = checkpoint();
    let expected = model_container(&checkpoint.model()).unwrap();
    let mut file = checkpoint_container(&checkpoint).unwrap();
    file.arrays.insert("training/another".into(), NamedArray::U8(ArrayD::zeros(IxDyn(&[1]))));
    file.write(&path).unwrap();
    assert_eq!(model_container(&read_model(&path, Device::Cpu).unwrap()).unwrap(), expected);
    let error = read_checkpoint(&path, Device::Cpu).map(drop).unwrap_err();
    assert!(error.to_string().contains("training/another"), "{error}");
}
