//! Accuracy estimated without labels, beside the truth: of the bundled models, on pictures
//! as they know them and on others. Within 0.04, or withheld.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::RgbImage;
use ocelli::Classifier;
use ocelli::model::Overrides;
use ocelli::monitor::Known;
use ocelli::monitor::accuracy::{Accuracy, Estimator, Withheld};
use ocelli::pipeline::capture::Frame;
use ocelli::pipeline::decode::{DecodeOptions, Decoder, Picture, Whole};

use crate::support::root;

/// How far the estimate may be from the truth.
const WITHIN: f64 = 0.04;

/// A picture and its class.
type Labelled = (RgbImage, Option<usize>);

/// A model, and what is known of it.
struct Judge {
    classifier: Classifier,
    known: Known,
    labels: Vec<String>,
}

impl Judge {
    fn open(name: &str) -> Self {
        let path = root().join(format!("models/{name}.onnx"));
        let model = ocelli::Model::open(&path, Overrides::default()).unwrap();
        let builder = Classifier::builder(&path).engine(ocelli::EngineChoice::Rten);
        Self {
            classifier: builder.embedding(true).open().unwrap(),
            known: Known::new(&model.manifest),
            labels: model.manifest.labels,
        }
    }

    /// The estimate, and the share of right answers.
    fn judge(&mut self, pictures: &[Labelled]) -> (Accuracy, f64) {
        let mut estimator = Estimator::new(&self.known);
        let (began, mut right) = (Instant::now(), 0);
        for (place, (picture, class)) in pictures.iter().enumerate() {
            let header = format!("P6\n{} {}\n255\n", picture.width(), picture.height());
            let bytes = [header.as_bytes(), picture.as_raw()].concat();
            let features = self.classifier.embedding(&bytes).unwrap();
            let scores = self.classifier.scores(&bytes).unwrap();
            let best = (0..scores.len())
                .max_by(|a, b| scores[*a].total_cmp(&scores[*b]))
                .unwrap();
            right += usize::from(Some(best) == *class);
            let at = began + Duration::from_secs(10 * place as u64);
            let distance = self.known.distance(&features, best);
            estimator.enter(at, scores[best], distance);
        }
        (estimator.estimate(), right as f64 / pictures.len() as f64)
    }
}

/// Pictures of a folder per class, in an order that mixes the classes.
fn pictures(folder: &Path, labels: &[String]) -> Vec<Labelled> {
    let mut found = Vec::new();
    for (class, label) in labels.iter().enumerate() {
        let files = std::fs::read_dir(folder.join(label)).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        found.extend(files.iter().map(|file| (image(file), Some(class))));
    }
    fastrand::Rng::with_seed(1).shuffle(&mut found);
    found
}

fn decoded(file: &Path) -> RgbImage {
    let options = DecodeOptions {
        max_pixels: 1_000_000,
        gray: false,
    };
    let frame = Frame {
        bytes: std::fs::read(file).unwrap(),
        ..Frame::default()
    };
    let mut picture = Picture::default();
    let mut decoder = Decoder::new(options).unwrap();
    decoder.decode(&frame, &Whole, &mut picture).unwrap();
    let [width, height] = [picture.width, picture.height].map(|side| side as u32);
    RgbImage::from_raw(width, height, picture.pixels).unwrap()
}

/// A picture at the size of the models' own, so that a step of it is a step for them.
fn image(file: &Path) -> RgbImage {
    let picture = decoded(file);
    let side = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = image::imageops::crop_imm(&picture, x, y, side, side).to_image();
    if side == 32 {
        return square;
    }
    image::imageops::resize(&square, 32, 32, image::imageops::FilterType::Triangle)
}

fn with_noise(picture: &RgbImage, deviation: f32, random: &mut fastrand::Rng) -> RgbImage {
    let mut noisy = picture.clone();
    for value in noisy.iter_mut() {
        let normal = (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
        *value = (f32::from(*value) + deviation * normal)
            .round()
            .clamp(0.0, 255.0) as u8;
    }
    noisy
}

fn shifted(picture: &RgbImage, by: u32) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        *picture.get_pixel((x + by) % picture.width(), y)
    })
}

/// The worlds, with whether an estimate has to be withheld (`Some(true)`), or given, or may
/// be either, but never wrong.
fn worlds(
    known: &[Labelled],
    strange: &[Labelled],
) -> Vec<(&'static str, Option<bool>, Vec<Labelled>)> {
    let mut random = fastrand::Rng::with_seed(2);
    let of = |classes: [usize; 2]| {
        let is_of = |(_, class): &&Labelled| class.is_some_and(|class| classes.contains(&class));
        known.iter().filter(is_of).cloned().collect::<Vec<_>>()
    };
    let mut noisy = |deviation| {
        let pairs = known.iter();
        pairs
            .map(|(p, class)| (with_noise(p, deviation, &mut random), *class))
            .collect::<Vec<_>>()
    };
    let changed = |change: &dyn Fn(&RgbImage) -> RgbImage| {
        known
            .iter()
            .map(|(p, class)| (change(p), *class))
            .collect::<Vec<_>>()
    };
    let darker = |p: &RgbImage| {
        let mut dark = p.clone();
        dark.iter_mut()
            .for_each(|value| *value = (f32::from(*value) * 0.4) as u8);
        dark
    };
    let (noise_10, noise_25, noise_51) = (noisy(10.0), noisy(25.0), noisy(51.0));
    let mut mixed = known.to_vec();
    let unseen = strange.iter().take(known.len() / 4);
    mixed.extend(unseen.map(|(p, _)| (p.clone(), None)));
    fastrand::Rng::with_seed(3).shuffle(&mut mixed);
    vec![
        ("the same world", Some(false), known.to_vec()),
        ("prior shift: two classes", Some(false), of([0, 3])),
        ("prior shift: two others", Some(false), of([1, 2])),
        ("noise of 10", Some(false), noise_10),
        ("noise of 25", None, noise_25),
        ("noise of 51", None, noise_51),
        ("a fifth unseen classes", Some(true), mixed),
        ("darkness x 0.4", Some(true), changed(&darker)),
        ("shifted by an eighth", None, changed(&|p| shifted(p, 4))),
        (
            "shifted by a quarter",
            Some(true),
            changed(&|p| shifted(p, 8)),
        ),
    ]
}

#[test]
#[ignore = "takes minutes, and the trainer's data: scripts/check-watch"]
fn watch_accuracy() {
    let data = root().join("target/watch-data");
    if !data.is_dir() {
        println!("skipped: no data; scripts/check-watch draws it");
        return;
    }
    println!("model   world                        estimated          true");
    let mut judges = ["digits", "shapes"].map(Judge::open);
    let sets: Vec<Vec<Labelled>> = ["digits", "shapes"]
        .iter()
        .zip(&judges)
        .map(|(name, judge)| pictures(&data.join(name).join("test"), &judge.labels))
        .collect();
    let mut wrong = Vec::new();
    for (which, name) in ["digits", "shapes"].iter().enumerate() {
        for (world, withheld, pictures) in worlds(&sets[which], &sets[1 - which]) {
            let (found, right) = judges[which].judge(&pictures);
            let told = match found {
                Accuracy::Estimated {
                    accuracy,
                    low,
                    high,
                    ..
                } => {
                    format!("{accuracy:.3} ({low:.3} to {high:.3})")
                }
                Accuracy::Withheld(Withheld::Unfamiliar(far)) => format!("withheld, {far:.2} far"),
                Accuracy::Withheld(other) => format!("withheld: {other:?}"),
            };
            println!("{name:<7} {world:<26} {told:<24} {right:.3}");
            let is_fine = match (found, withheld) {
                (Accuracy::Estimated { accuracy, .. }, None | Some(false)) => {
                    (f64::from(accuracy) - right).abs() <= WITHIN
                }
                (Accuracy::Withheld(Withheld::Unfamiliar(_)), None | Some(true)) => true,
                _ => false,
            };
            if !is_fine {
                wrong.push(format!("{name}: {world}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
