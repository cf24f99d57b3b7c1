//! Folders of Hugging Face and timm: the tensors are those of transformers and timm
//! themselves, for every processor of every architecture that classifies, to the bit
//! wherever Pillow resamples. `scripts/golden-hub` wrote the cases.

use std::path::{Path, PathBuf};

use ocelli::model::manifest::{Color, Input, Layout, OutputKind, Preprocess};
use ocelli::model::{Model, Overrides, fact};
use ocelli::pipeline::capture::Frame;
use ocelli::pipeline::decode::{DecodeOptions, Decoder, Picture};
use ocelli::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use ocelli::tensor::Elements;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{ocelli, records, root, scratch, stderr};

/// Every picture goes through no more than this factor off: float32 against float64.
const RELATIVE: f64 = 2e-5;

/// What a library makes of a picture.
#[derive(Deserialize)]
struct Expected {
    picture: String,
    width: usize,
    height: usize,
    /// Values of the tensor, see [`sampled`].
    samples: Vec<f64>,
    /// Start of the SHA-256 of its pixels, channel after channel, where Pillow resampled.
    pixels: Option<String>,
}

#[derive(Deserialize)]
struct Processor {
    name: String,
    model_type: String,
    file: String,
    settings: Value,
    #[serde(default)]
    expected: Vec<Expected>,
    refused: Option<String>,
}

#[derive(Deserialize)]
struct Timm {
    name: String,
    config: Value,
    expected: Vec<Expected>,
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

fn cases<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

/// A folder with the golden network and these files.
fn folder(name: &str, files: &[(&str, &Value)]) -> PathBuf {
    let folder = scratch(name);
    std::fs::copy(golden("hub/model.onnx"), folder.join("model.onnx")).unwrap();
    for (file, content) in files {
        std::fs::write(folder.join(file), content.to_string()).unwrap();
    }
    folder
}

fn labels() -> Value {
    json!({"0": "red", "1": "green", "2": "blue"})
}

fn tensor(picture: &str, input: &Input, steps: &Preprocess) -> Vec<f32> {
    let input = Input {
        layout: Layout::Nchw,
        ..input.clone()
    };
    let geometry = Geometry::new(steps, Framing::default(), false);
    let mut preprocessor = Preprocessor::new(&input, geometry);
    let mut decoder = Decoder::new(DecodeOptions {
        max_pixels: 1_000_000,
        gray: input.color == Color::Gray,
    })
    .unwrap();
    let frame = Frame {
        bytes: std::fs::read(golden(picture)).unwrap(),
        ..Frame::default()
    };
    let (mut decoded, mut tensor) = (Picture::default(), preprocessor.tensor(1));
    decoder
        .decode(&frame, preprocessor.geometry(), &mut decoded)
        .unwrap();
    preprocessor.run(&decoded, &mut tensor, 0);
    match tensor.elements() {
        Elements::Float32(values) => values.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// The values that a case holds, spread over the tensor by Knuth's multiplier.
fn sampled(values: &[f32], count: usize) -> Vec<f64> {
    let at = (1..=count).map(|k| k * 2_654_435_761 % values.len());
    at.map(|at| f64::from(values[at])).collect()
}

/// What differs from the library's tensor.
fn difference(model: &Model, expected: &Expected) -> Option<String> {
    let (input, steps) = (&model.manifest.input, &model.manifest.preprocess);
    if (input.width, input.height) != (expected.width, expected.height) {
        return Some(format!("{}x{} pixels", input.width, input.height));
    }
    let values = tensor(&expected.picture, input, steps);
    // torchvision's own resampling is within a step of Pillow's.
    let step = match expected.pixels {
        Some(_) => 0.0,
        None => steps.rescale / steps.std.iter().copied().fold(f64::MAX, f64::min) * 1.001,
    };
    let here = sampled(&values, expected.samples.len());
    for (here, there) in here.iter().zip(&expected.samples) {
        if (here - there).abs() > step + RELATIVE * there.abs().max(1.0) {
            return Some(format!("{here} here, {there} there"));
        }
    }
    let channels = input.color.channels();
    let plain = Preprocess {
        rescale: 1.0,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
        ..steps.clone()
    };
    let pixels = tensor(&expected.picture, input, &plain);
    let pixels: Vec<u8> = pixels.iter().map(|v| *v as u8).collect();
    let hash = Sha256::digest(&pixels);
    let hash: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    match &expected.pixels {
        Some(there) if *there != hash => Some("other pixels".into()),
        _ => None,
    }
}

/// Fails with all that differs in a folder's tensors.
fn compare<'a>(all: impl Iterator<Item = (&'a str, PathBuf, &'a [Expected])>) -> usize {
    let (mut failures, mut right) = (Vec::new(), 0);
    for (name, folder, expected) in all {
        let mut overrides = Overrides::default();
        // Of one class softmax says nothing: what its number is has to be given.
        if name == "one channel" {
            overrides.facts.kind = fact(OutputKind::SigmoidLogits, "test");
        }
        let model = match Model::open(&folder, overrides) {
            Ok(model) => model,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        assert_eq!(model.manifest.input.layout, Layout::Nchw, "{name}");
        for expected in expected {
            match difference(&model, expected) {
                Some(what) => failures.push(format!("{name}, {}: {what}", expected.picture)),
                None => right += 1,
            }
        }
    }
    let count = failures.len();
    assert!(count == 0, "{count} differ:\n{}", failures.join("\n"));
    right
}

fn processor_folder(test: &str, case: &Processor) -> PathBuf {
    let config = json!({"model_type": case.model_type, "id2label": labels()});
    let files = [
        ("config.json", &config),
        (case.file.as_str(), &case.settings),
    ];
    folder(test, &files)
}

#[test]
fn every_processor_of_transformers_gives_its_own_tensor() {
    let cases: Vec<Processor> = cases("hub/transformers.json");
    let mut types: Vec<&str> = cases.iter().map(|case| case.model_type.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    // 42 architectures; timm_wrapper's folders are timm's.
    assert_eq!(types.len(), 41, "{types:?}");
    let supported = cases.iter().filter(|case| case.refused.is_none());
    let all = supported.map(|case| {
        let expected = case.expected.as_slice();
        (
            case.name.as_str(),
            processor_folder("hub-transformers", case),
            expected,
        )
    });
    let right = compare(all);
    println!("{right} tensors of transformers");
}

#[test]
fn processors_that_make_no_one_picture_of_a_picture_are_refused_by_name() {
    let cases: Vec<Processor> = cases("hub/transformers.json");
    let mut refused = 0;
    for case in &cases {
        let Some(reason) = &case.refused else {
            continue;
        };
        let error =
            Model::open(&processor_folder("hub-refused", case), Overrides::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(reason.as_str()), "{}: {text}", case.name);
        refused += 1;
    }
    assert!(refused >= 16, "only {refused}");
}

#[test]
fn every_configuration_of_timm_gives_its_own_tensor() {
    let cases: Vec<Timm> = cases("hub/timm.json");
    assert!(cases.len() > 150, "only {} cases", cases.len());
    let all = cases.iter().map(|case| {
        let mut config = case.config.clone();
        config["label_names"] = match config["pretrained_cfg"]["input_size"][0].as_u64() {
            Some(1) => json!(["gray"]),
            _ => json!(["red", "green", "blue"]),
        };
        let folder = folder("hub-timm", &[("config.json", &config)]);
        (case.name.as_str(), folder, case.expected.as_slice())
    });
    let right = compare(all);
    println!("{right} tensors of timm");
}

fn run(folder: &Path) -> std::process::Output {
    let (model, picture) = (folder.display().to_string(), golden("wide.png"));
    let picture = picture.display().to_string();
    ocelli([
        "run", "-q", "-m", &model, "--engine", "rten", "-f", "json", &picture,
    ])
}

#[test]
fn a_folder_as_the_exporter_writes_it_runs_without_a_flag() {
    let config = json!({"model_type": "vit", "id2label": labels()});
    let settings = json!({"do_resize": true, "size": 224});
    let files = [
        ("config.json", &config),
        ("preprocessor_config.json", &settings),
    ];
    let output = run(&folder("hub-exported", &files));
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(records(&output).len(), 1);
}

#[test]
fn what_does_not_classify_is_refused() {
    let settings = json!({"do_resize": true, "size": 224});
    let cases = [
        (
            json!({"model_type": "vit", "id2label": labels(), "problem_type": "regression"}),
            "problem_type is regression, expected a classifier; export a classifier, or correct problem_type if it is one",
        ),
        (
            json!({"model_type": "vit", "id2label": {"0": "LABEL_0"}}),
            "one label and no problem_type, which transformers takes for a regression, expected a classifier",
        ),
        (
            json!({"model_type": "vit", "id2label": {"1": "a", "2": "b"}}),
            "labels (config.json's id2label does not number names from 0 upwards)",
        ),
    ];
    for (config, reason) in cases {
        let files = [
            ("config.json", &config),
            ("preprocessor_config.json", &settings),
        ];
        let output = run(&folder("hub-heads", &files));
        assert_eq!(output.status.code(), Some(2), "{config}");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn settings_that_leave_the_size_to_each_picture_stay_open_with_their_reason() {
    let cases = [
        (json!({"do_resize": false}), "`do_resize` is false"),
        (
            json!({"size": {"shortest_edge": 224}}),
            "the shortest side becomes 224 without a crop, so the input's size follows each picture's shape",
        ),
        (
            json!({"size": {"shortest_edge": 224, "longest_edge": 300}}),
            "so the input's size follows each picture's",
        ),
        (
            json!({"do_center_crop": true}),
            "`do_center_crop` without `crop_size`",
        ),
        (
            json!({"image_processor_type": "BitImageProcessor", "do_center_crop": null}),
            "the shortest side becomes 224 without a crop",
        ),
        (
            json!({"image_processor_type": "NobodyKnowsImageProcessor", "size": 224, "resample": 2}),
            "the processor `NobodyKnowsImageProcessor` is unknown",
        ),
        (
            json!({"image_processor_type": "NobodyKnowsImageProcessor", "crop_pct": 0.9}),
            "preprocess.resize (`crop_pct` of the unknown processor `NobodyKnowsImageProcessor`)",
        ),
    ];
    let config = json!({"model_type": "vit", "id2label": labels()});
    for (settings, reason) in cases {
        let files = [
            ("config.json", &config),
            ("preprocessor_config.json", &settings),
        ];
        let folder = folder("hub-open", &files);
        let error = Model::open(&folder, Overrides::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(reason), "{settings}: {text}");
    }
}
