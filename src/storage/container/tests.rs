//! What a container promises.

use std::fs;
use std::time::Duration;

use ndarray::{ArrayD, Dimension, IxDyn};

use super::*;
use crate::storage::seal::FORMAT_VERSION;
use crate::storage::testing::{TestDirectory, in_process_with_file_limit};

/// One of everything that a model file has.
fn sample() -> Container {
    let mut container = Container::default();
    let attributes = &mut container.attributes;
    attributes.insert("profile".into(), Attribute::Text("paper64, \u{3b2} = 1".into()));
    attributes.insert("empty".into(), Attribute::Text(String::new()));
    attributes.insert("steps".into(), Attribute::Integer(-80_000));
    attributes.insert("rate".into(), Attribute::Integer(1));
    let value = |i: IxDyn| i.slice().iter().fold(1, |v, &i| (v * 31 + i) % 251);
    let arrays = &mut container.arrays;
    let weight = ArrayD::from_shape_fn(IxDyn(&[4, 3, 5, 5]), |i| value(i) as f32 / 7.0);
    arrays.insert("encoder/0/weight".into(), NamedArray::F32(weight));
    arrays.insert("encoder/0/bias".into(), NamedArray::F32(ArrayD::zeros(IxDyn(&[0]))));
    arrays.insert("history".into(), NamedArray::F64(ArrayD::from_shape_fn(IxDyn(&[7, 3]), |i| value(i) as f64)));
    arrays.insert("step".into(), NamedArray::I64(ArrayD::from_elem(IxDyn(&[]), i64::MIN)));
    arrays.insert("tiles".into(), NamedArray::U8(ArrayD::from_shape_fn(IxDyn(&[6, 40, 40]), |i| value(i) as u8 / 90)));
    container
}

#[test]
fn reads_what_was_written() {
    let directory = TestDirectory::new("container-round-trip");
    let path = directory.path("model.h5");
    for container in [sample(), Container::default()] {
        container.write(&path).unwrap();
        assert_eq!(Container::read(&path).unwrap(), container);
    }
    assert_eq!(directory.names(), ["model.h5"]);
}

#[test]
fn equal_content_gives_equal_bytes_at_any_time() {
    let directory = TestDirectory::new("container-bytes");
    let (first, second) = (directory.path("first.h5"), directory.path("second.h5"));
    sample().write(&first).unwrap();
    std::thread::sleep(Duration::from_millis(1100)); // HDF5 keeps times in seconds.
    sample().write(&second).unwrap();
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn the_digest_sees_every_part_of_the_content() {
    let changes: [fn(&mut Container); 6] = [
        |c| drop(c.attributes.insert("rate".into(), Attribute::Integer(2))),
        |c| drop(c.attributes.insert("steps".into(), Attribute::Text("-80000".into()))),
        |c| drop(c.attributes.remove("empty")),
        |c| drop(c.arrays.insert("encoder/0/bias".into(), NamedArray::F32(ArrayD::zeros(IxDyn(&[0, 1]))))),
        |c| drop(c.arrays.insert("encoder/0/bias".into(), NamedArray::F64(ArrayD::zeros(IxDyn(&[0]))))),
        |c| drop(c.arrays.insert("step".into(), NamedArray::I64(ArrayD::from_elem(IxDyn(&[]), 0)))),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = sample();
        change(&mut changed);
        assert_ne!(changed.sha256(), sample().sha256(), "change {number}");
    }
    let transposed = ArrayD::from_shape_fn(IxDyn(&[3, 7]), |i| i[0] as f64).reversed_axes();
    let mut one = sample();
    one.arrays.insert("history".into(), NamedArray::F64(transposed.clone()));
    let mut other = sample();
    other.arrays.insert("history".into(), NamedArray::F64(transposed.as_standard_layout().into_owned()));
    assert_eq!(one.sha256(), other.sha256(), "the layout in memory is no content");
}

#[test]
fn names_that_cannot_be_kept_are_refused() {
    let directory = TestDirectory::new("container-names");
    for name in ["", "/a", "a/", "a//b", "a/./b", "a\0b"] {
        let mut container = Container::default();
        container.arrays.insert(name.into(), NamedArray::U8(ArrayD::zeros(IxDyn(&[1]))));
        let error = container.write(directory.path("model.h5")).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)), "{name:?}: {error}");
    }
    let mut container = Container::default();
    container.attributes.insert("sha256".into(), Attribute::Integer(0));
    assert!(container.write(directory.path("model.h5")).is_err());
    container.attributes = [("note".to_owned(), Attribute::Text("a\0b".into()))].into();
    assert!(matches!(container.write(directory.path("model.h5")), Err(Error::InvalidParameter(_))));
    assert!(directory.names().is_empty());
}

#[test]
fn texts_have_a_longest_one() {
    let directory = TestDirectory::new("container-texts");
    let path = directory.path("model.h5");
    let of_length = |length: usize| {
        let text = "\u{b5}".repeat(length / 2) + &"a".repeat(length % 2);
        Container { attributes: [("note".to_owned(), Attribute::Text(text))].into(), ..Container::default() }
    };
    for length in [0, 1, 2, 32 << 10] {
        of_length(length).write(&path).unwrap();
        assert_eq!(Container::read(&path).unwrap(), of_length(length));
    }
    let refused = of_length((32 << 10) + 1).write(&path).unwrap_err();
    assert!(matches!(refused, Error::InvalidParameter(_)), "{refused}");
    assert!(refused.to_string().contains("\"note\" has 32769 bytes"), "{refused}");
    assert_eq!(Container::read(&path).unwrap(), of_length(32 << 10));
}

#[test]
fn a_path_that_cannot_be_written_is_named_with_advice() {
    let directory = TestDirectory::new("container-unwritable");
    let missing = sample().write(directory.path("none/model.h5")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }));
    assert!(missing.to_string().contains("none/model.h5") && missing.to_string().contains("create"), "{missing}");
    let on_directory = sample().write(directory.path("")).unwrap_err();
    assert!(matches!(on_directory, Error::Io { .. }));
    assert!(on_directory.to_string().contains("is a directory"), "{on_directory}");
    let read_only = sample().write("/proc/model.h5").unwrap_err();
    assert!(matches!(read_only, Error::Io { .. }), "{read_only}");
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let name = "storage::container::tests::a_full_disk_leaves_the_old_file";
    in_process_with_file_limit(name, 4 << 20, |directory| {
        let mut small = sample();
        small.arrays.clear();
        let path = directory.path("model.h5");
        small.write(&path).unwrap();
        let mut large = sample();
        large.arrays.insert("large".into(), NamedArray::F64(ArrayD::zeros(IxDyn(&[1 << 20]))));
        for _ in 0..3 {
            let error = large.write(&path).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error:?}");
            assert!(error.to_string().contains("model.h5") && error.to_string().contains("make room"), "{error}");
        }
        assert_eq!(Container::read(&path).unwrap(), small);
        assert_eq!(directory.names(), ["model.h5"]);
    });
}

#[test]
fn what_is_no_model_is_told_from_what_is_missing() {
    let directory = TestDirectory::new("container-foreign");
    let check = |path: std::path::PathBuf, words: &str| {
        let error = Container::read(&path).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        error
    };
    assert!(matches!(check(directory.path("missing.h5"), "check the path"), Error::Io { .. }));
    assert!(matches!(check(directory.path(""), "is a directory"), Error::Io { .. }));
    for (content, words) in [("", "empty"), ("a text\n", "not a davegan model"), ("davegan model", "damaged")] {
        fs::write(directory.path("file"), content).unwrap();
        assert!(matches!(check(directory.path("file"), words), Error::Format { .. }));
    }
    hdf5::File::create(directory.path("foreign.h5")).unwrap().close().unwrap();
    assert!(matches!(check(directory.path("foreign.h5"), "an HDF5 file, but not"), Error::Format { .. }));
    sample().write(directory.path("other.h5")).unwrap();
    let seal = String::from_utf8_lossy(&fs::read(directory.path("other.h5")).unwrap()[..64]).into_owned();
    let now = format!("version {FORMAT_VERSION}");
    for (other, words) in [(FORMAT_VERSION + 1, "by a newer davegan"), (FORMAT_VERSION - 1, "by an older davegan")] {
        fs::write(directory.path("other.h5"), seal.replace(&now, &format!("version {other}"))).unwrap();
        assert!(matches!(check(directory.path("other.h5"), words), Error::Format { .. }));
    }
}

#[test]
fn no_damaged_byte_and_no_missing_end_is_accepted() {
    let directory = TestDirectory::new("container-damage");
    let path = directory.path("model.h5");
    sample().write(&path).unwrap();
    let intact = fs::read(&path).unwrap();
    for position in (0..600).chain((600..intact.len()).step_by(37)) {
        for bits in [1, 0x80, 0xff] {
            let mut damaged = intact.clone();
            damaged[position] ^= bits;
            fs::write(&path, damaged).unwrap();
            assert!(matches!(Container::read(&path), Err(Error::Format { .. })), "byte {position} ^ {bits}");
        }
    }
    for length in (0..intact.len()).step_by(101).chain([511, 512, 513, intact.len() - 1]) {
        fs::write(&path, &intact[..length]).unwrap();
        assert!(matches!(Container::read(&path), Err(Error::Format { .. })), "the first {length} bytes");
    }
    fs::write(&path, [intact.as_slice(), &[0]].concat()).unwrap();
    assert!(matches!(Container::read(&path), Err(Error::Format { .. })), "a byte too many");
}

/// Makes a file with a good seal around whatever `fill` puts in, and returns what reading it says.
///
/// Where `fill` gives something the name "latin", it has a name that is not UTF-8 then.
fn read_forged(fill: &dyn Fn(&hdf5::File)) -> Error {
    let directory = TestDirectory::new("container-forged");
    let path = directory.path("model.h5");
    let file = hdf5::File::with_options().with_fcpl(|p| p.userblock(512)).create(&path).unwrap();
    fill(&file);
    file.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for place in 0..bytes.len() - 5 {
        if &bytes[place..place + 5] == b"latin" {
            bytes[place + 1] = 0xe4;
        }
    }
    fs::write(&path, bytes).unwrap();
    seal(&path).unwrap();
    Container::read(&path).unwrap_err()
}

#[test]
fn forged_content_behind_a_good_seal_is_refused() {
    let sides = (1_usize << 40, 1_usize << 20);
    let small = |f: &hdf5::File, name: &str| f.new_dataset::<u8>().shape(4).create(name).unwrap();
    let number = |f: &hdf5::File, name: &str, value: i64| {
        f.new_attr::<i64>().create(name).unwrap().write_scalar(&value).unwrap();
    };
    type Forgery<'a> = (&'a str, &'a dyn Fn(&hdf5::File));
    let forgeries: [Forgery; 22] = [
        ("claims the shape", &|f| drop(f.new_dataset::<f64>().shape(sides).create("huge").unwrap())),
        ("claims the shape", &|f| drop(f.new_dataset::<u8>().chunk((1, 4096)).shape(sides).create("huge").unwrap())),
        ("\"type\" is of another type", &|f| drop(f.new_dataset_builder().with_data(&[1_u16]).create("type").unwrap())),
        ("\"type\" is of another type", &|f| drop(f.new_attr::<u16>().create("type").unwrap())),
        ("\"name\" is of another type than expected: a single int64 or UTF-8 text of fixed length", &|f| {
            let text: hdf5::types::VarLenUnicode = "a".parse().unwrap();
            f.new_attr::<hdf5::types::VarLenUnicode>().create("name").unwrap().write_scalar(&text).unwrap();
        }),
        ("\"many\" is of another type", &|f| drop(f.new_attr::<i64>().shape(2).create("many").unwrap())),
        ("l\\xe4tin is not UTF-8", &|f| number(f, "latin", 1)),
        ("neither group nor array", &|f| drop(f.create_group("latin").unwrap())),
        ("more than 2048 attributes", &|f| (0..2049).for_each(|i| number(f, &i.to_string(), 1))),
        ("more than 2048 groups", &|f| (0..2049).for_each(|i| drop(f.create_group(&i.to_string()).unwrap()))),
        ("more than 2048 groups", &|f| {
            let groups = ["a", "b", "c", "d"].map(|name| f.create_group(name).unwrap());
            for (group, next) in groups.iter().zip(["/b", "/c", "/d"]) {
                (0..20).for_each(|i| group.link_hard(next, &i.to_string()).unwrap());
            }
        }),
        ("neither group nor array", &|f| f.link_external("/etc/passwd", "/", "out").unwrap()),
        ("neither group nor array", &|f| f.link_soft("/", "out").unwrap()),
        ("nested deeper", &|f| f.create_group("a").unwrap().link_hard("/a", "a").unwrap()),
        ("\"x\" has attributes", &|f| drop(small(f, "x").new_attr::<i64>().create("scale").unwrap())),
        ("another file", &|f| drop(f.new_dataset::<u8>().external("/etc/passwd", 0, 4).shape(4).create("x").unwrap())),
        ("another file", &|f| {
            let data = f.new_dataset::<u8>().virtual_map("/other.h5", "x", 4, .., 4, ..);
            drop(data.shape(4).create("x").unwrap());
        }),
        ("another way", &|f| drop(f.new_dataset::<u8>().chunk(4).shuffle().shape(4).create("x").unwrap())),
        ("format is missing", &|f| number(f, "x", 1)),
        ("format is Integer(1)", &|f| number(f, "format", 1)),
        ("a newer davegan: format version 99", &|f| number(f, "format_version", 99)),
        ("sha256 is missing, or not", &|f| {
            drop(fs::remove_file(f.filename()));
            sample().write(f.filename()).unwrap();
            let whole = hdf5::File::open_rw(f.filename()).unwrap();
            let text: hdf5::types::FixedUnicode<1> = "0".parse().unwrap();
            whole.attr("sha256").unwrap().write_scalar(&text).unwrap();
        }),
    ];
    for (words, fill) in forgeries {
        let error = read_forged(fill);
        assert!(matches!(error, Error::Format { .. }), "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}
