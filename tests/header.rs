//! The committed header is the one that cbindgen makes of `src/c_api`. `DAVEGAN_BLESS=1` writes it.

use std::fs;
use std::path::Path;

/// The files of `src/c_api` that hold public items, in the order of the header.
const TOPICS: [&str; 21] = [
    "version",
    "status",
    "device",
    "progress",
    "micrograph",
    "micrograph_options",
    "sample",
    "train_options",
    "training",
    "model",
    "generate_options",
    "generation",
    "latent",
    "descriptor",
    "relaxation",
    "fidelity_measure",
    "fidelity",
    "picture",
    "export",
    "representative",
    "volume",
];

#[test]
fn the_committed_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let sources = TOPICS.map(|topic| root.join("src/c_api").join(topic).with_extension("rs"));
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = sources.iter().fold(builder, |builder, source| builder.with_src(source));
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    let header = String::from_utf8(header).unwrap();

    let committed = root.join("include/davegan.h");
    if std::env::var_os("DAVEGAN_BLESS").is_some() {
        fs::write(&committed, &header).unwrap();
    }
    let committed = fs::read_to_string(&committed).unwrap();
    let difference = header.lines().zip(committed.lines()).find(|(generated, found)| generated != found);
    assert_eq!(difference, None, "include/davegan.h is not up to date: run this test with DAVEGAN_BLESS=1");
    assert_eq!(
        header.len(),
        committed.len(),
        "include/davegan.h is not up to date: run this test with DAVEGAN_BLESS=1"
    );
}

#[test]
fn every_file_with_public_items_is_a_topic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/c_api");
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let source = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let public = ["pub const DAVEGAN_", "pub struct davegan_", "extern \"C\" fn davegan_", "pub type davegan_"];
        if public.iter().any(|item| source.lines().any(|line| line.starts_with("pub") && line.contains(item))) {
            assert!(TOPICS.contains(&name), "{name} has public items and is missing in TOPICS");
        }
    }
}
