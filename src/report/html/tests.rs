use std::ops::ControlFlow;
use std::path::PathBuf;

use super::judgement::{self, Judgement, tests::judgement};
use super::subject::Subject;
use super::*;
use crate::evaluation::{Fidelity, PARTS};
use crate::micrograph::{Discs, GaussianField, Sample, testing};
use crate::network::Profile;
use crate::progress::Progress;
use crate::training::{HISTORY_INTERVAL, RunOptions, TrainingOptions, train};

pub(super) fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("davegan-html-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn model_of<'a>(micrographs: impl Into<Directions<'a, Micrograph>>, options: &TrainingOptions) -> Model {
    let run = RunOptions { threads: 1, ..RunOptions::default() };
    train(micrographs, options, &run, None, &mut |_| Ok(()), &mut go_on).unwrap()
}

fn trained(micrograph: &Micrograph, profile: Profile) -> Model {
    let short = TrainingOptions { steps: 2 * HISTORY_INTERVAL, batch_size: 4, ..TrainingOptions::new(profile) };
    model_of(micrograph, &TrainingOptions { lambda_rec: 0.25, ..short })
}

fn options(count: usize) -> GenerationOptions {
    GenerationOptions { count, seed: 3, threads: 1, ..GenerationOptions::default() }
}

fn report(model: &Model, micrograph: &Micrograph, count: usize, name: &str) -> String {
    let path = path(&format!("{name}.html"));
    html_report(model, micrograph, &path, &options(count), 0.0, &mut go_on).unwrap();
    fs::read_to_string(path).unwrap()
}

fn field(side: usize) -> Micrograph {
    testing::field(2, side, side)
}

/// Three phases: the sum of two samples of two phases.
fn three_phases(side: usize) -> Micrograph {
    let (a, b) = (field(side), Sample::Discs(Discs { ny: side, nx: side, ..Discs::default() }).make(5, 1).unwrap());
    let sum: Vec<u8> = a.images.as_slice().iter().zip(b.images.as_slice()).map(|(a, b)| a + b).collect();
    Micrograph::from_memory(&sum, (1, side, side)).unwrap()
}

/// Checks that elements are closed in order, and that text and attributes are escaped.
pub(super) fn assert_well_formed(page: &str) {
    let mut open = Vec::new();
    let body = page.split_once("</style>").unwrap().1;
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("a tag without end: {part}"));
        assert!(!text.contains('>'), "{text}");
        let name = tag.split(' ').next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            let opened = open.pop();
            assert!(opened == Some(name) || opened.is_none() && ["head", "html"].contains(&name), "{name} {opened:?}");
        } else if !["br", "img", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// The page without base64 data, which may contain any word.
fn without_pictures(page: &str) -> String {
    let mut parts = page.split(";base64,");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('"').unwrap().1)
}

#[test]
fn two_phases_give_a_complete_page() {
    let mut micrograph = field(128);
    micrograph.source.name = "<i>&\"field\".h5".to_owned();
    micrograph.source.dataset = Some("alloy".to_owned());
    let model = trained(&micrograph, Profile::Paper32);
    let page = report(&model, &micrograph, 40, "two");
    assert_well_formed(&page);
    assert!(page.contains("&lt;i&gt;&amp;&quot;field") && !page.contains("<i>"));
    for text in [
        " of 16 gates hold",
        "What falls short",
        "Only 40 realisations",
        "Volume fraction, mean",
        "✗ falls short",
        "real ± 1 σ",
        "Reconstructions of these tiles",
        "L<sub>Rec</sub>",
        "Latent space",
        "The paper, Table 4",
        "lambda_rec",
        &model.origin.digest,
    ] {
        assert!(page.contains(text), "{text}");
    }
    let text = without_pictures(&page);
    for outside in ["<script", "http://", "https://", "NaN"] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(page == report(&model, &micrograph, 40, "again"), "equal bytes");
}

#[test]
fn several_phases_are_judged_each() {
    let micrograph = three_phases(128);
    let model = trained(&micrograph, Profile::Paper64);
    let page = report(&model, &micrograph, 32, "three");
    assert_well_formed(&page);
    assert!(page.contains(" of 32 gates hold") && page.contains("<h3>Phase 2</h3>"));
    assert!(!page.contains("Table 4"), "no material of the paper");
}

#[test]
fn parts_that_cannot_be_judged_are_left_out_with_a_reason() {
    let small = field(40);
    let model = trained(&small, Profile::Paper32);
    let page = report(&model, &small, 40, "small");
    assert_well_formed(&page);
    assert!(page.contains("No verdict") && page.contains("needs at least 64 x 64"));
    assert!(page.contains("too few real images") && !page.contains("real ± 1 σ"));
    let large = field(128);
    let model = trained(&large, Profile::Paper32);
    assert!(report(&model, &large, 3, "few").contains("3 realisations; give at least 32"));
    let page = report(&model, &testing::field(9, 128, 160), 32, "other");
    assert!(page.contains("160 × 128 pixels") && !page.contains("128 × 160"));
    assert!(page.contains(" of 15 gates hold") && page.contains("was not trained on this micrograph"));
}

#[test]
fn another_material_is_refused() {
    let micrograph = field(64);
    let model = trained(&micrograph, Profile::Paper32);
    let path = path("refused.html");
    let refused = |micrograph: &Micrograph, path: &Path, count: usize| {
        html_report(&model, micrograph, path, &options(count), 0.0, &mut go_on).unwrap_err()
    };
    let message = |micrograph: &Micrograph, count: usize| refused(micrograph, &path, count).to_string();
    assert!(message(&three_phases(64), 32).contains("3 phases, the model 2"));
    assert!(message(&field(31), 32).contains("1 x 31 x 31"));
    assert!(message(&micrograph, 0).contains("count = 0"));
    assert!(!path.exists());
    let nowhere = refused(&micrograph, Path::new("/no/such/folder/report.html"), 32);
    assert!(matches!(nowhere, Error::Io { .. }), "{nowhere}");
}

#[test]
fn progress_covers_all_parts_and_a_cancelled_report_is_not_written() {
    let micrograph = three_phases(64);
    let model = trained(&micrograph, Profile::Paper32);
    let path = path("parts.html");
    let steps = |count: usize, last: u64| {
        let mut steps = Vec::new();
        let result = html_report(&model, &micrograph, &path, &options(count), 0.0, &mut |progress| {
            assert_eq!(progress.steps, 2 + 2 * PARTS);
            steps.push(progress.step);
            if progress.step == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (result, steps)
    };
    let (cancelled, told) = steps(32, 3);
    assert!(matches!(&cancelled, Err(Error::Cancelled(message)) if message.contains("3 of 16 parts")), "{cancelled:?}");
    assert!(told == [1, 2, 3] && !path.exists());
    // Of three realisations no phase can be judged.
    for count in [32, 3] {
        assert_eq!(steps(count, u64::MAX), (Ok(()), (1..=2 + 2 * PARTS).collect()));
    }
}

#[test]
fn a_verdict_needs_every_gate_every_phase_and_enough_realisations() {
    let micrograph = field(64);
    let model = trained(&micrograph, Profile::Paper32);
    let verdict = |count: usize, judgements: &[Judgement]| {
        verdict::section(&[Subject::new(&model, &micrograph, &options(count)).unwrap()], judgements).into_string()
    };
    let perfect = |phase| judgement(phase, Ok(judgement::tests::perfect()));
    let missing = || judgement(2, Err("phase 2 is nowhere".to_owned()));
    let page = verdict(256, &[perfect(1)]);
    assert!(page.contains("verdict holds") && page.contains("All 16 gates hold"), "{page}");
    for page in [verdict(255, &[perfect(1)]), verdict(256, &[perfect(1), missing()])] {
        assert!(page.contains("verdict unknown") && page.contains("not enough for a verdict"), "{page}");
    }
    assert!(verdict(256, &[missing()]).contains("No verdict"));
    let short = Fidelity { vf_bias_sd: 1.0, ..judgement::tests::perfect() };
    let page = verdict(256, &[judgement(1, Ok(short))]);
    assert!(page.contains("verdict short") && page.contains("15 of 16 gates hold"), "{page}");
}

/// Planes of a small volume across z, y and x.
fn planes() -> [Micrograph; 3] {
    let field = GaussianField { nz: 64, ny: 64, nx: 64, correlation_x: 10.0, ..GaussianField::default() };
    let volume = Sample::GaussianField(field).make(3, 1).unwrap();
    [0, 1, 2].map(|axis| volume.plane(axis, 5).unwrap())
}

/// A model of volumes that has hardly been trained.
fn volume_model(micrographs: &[&Micrograph]) -> Model {
    let options = TrainingOptions { steps: 1, window_side: 32, ..TrainingOptions::new(Profile::Volume) };
    model_of(Directions::new(micrographs.to_vec()).unwrap(), &options)
}

#[test]
fn volumes_have_a_page_with_three_directions() {
    let planes = planes();
    let all: Vec<&Micrograph> = planes.iter().collect();
    let model = volume_model(&all);
    let path = path("volumes.html");
    let mut steps = Vec::new();
    html_report(&model, Directions::new(all.clone()).unwrap(), &path, &options(32), 0.0, &mut |progress| {
        steps.push((progress.step, progress.steps));
        ControlFlow::Continue(())
    })
    .unwrap();
    // 32 planes are those of 8 volumes.
    let parts = 1 + 3 * PARTS + 8 + 1;
    assert_eq!(steps, (1..=parts).map(|step| (step, parts)).collect::<Vec<_>>());
    let page = fs::read_to_string(&path).unwrap();
    assert_well_formed(&page);
    for text in [
        "32 planes of 8 volumes of 32 × 32 × 32 voxels, across each axis, compared with the micrographs.",
        " of 45 gates hold",
        "Only 32 planes across each axis",
        "Micrograph, planes across y",
        "A realisation of 64 × 64 × 64 voxels",
        "Slices of realisations, planes across x",
        "Rows along z, columns along y.",
        "<h3>Phase 1, planes across z, volume fraction of the micrograph 0.4",
        "Mean and standard deviation over 8 realisations",
        "Euler characteristic, 26 neighbours",
        "Effective conductivity along z",
        " of 8</td>",
        "interfaces, planes across y</h2>",
        "lag along z in pixels",
        "Trained on, planes across x</th><td>4 tiles",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let text = without_pictures(&page);
    for absent in ["NaN", "Latent space", "Table 4", "E_rec", "was not trained on"] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn volumes_are_judged_beside_other_micrographs_too_and_images_take_one() {
    let planes = planes();
    let model = volume_model(&[&planes[0]]);
    let path = path("others.html");
    let report = |model: &Model, micrographs: &[&Micrograph]| {
        html_report(model, Directions::new(micrographs.to_vec()).unwrap(), &path, &options(2), 0.0, &mut go_on)
    };
    report(&model, &[&planes[0], &planes[1]]).unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert_well_formed(&page);
    assert!(page.contains("Only 2 planes across each axis") && page.contains("2 planes of 1 volume of 32"));
    let foreign = |planes: &str| page.contains(&format!(", {planes}): the tiles that realisations are compared with"));
    assert!(!foreign("planes across z") && foreign("planes across y") && foreign("planes across x"), "{page}");
    let images = trained(&planes[0], Profile::Paper32);
    let refused = report(&images, &[&planes[0], &planes[1]]).unwrap_err().to_string();
    assert!(refused.contains("2 micrographs for a model of profile paper32"), "{refused}");
}
