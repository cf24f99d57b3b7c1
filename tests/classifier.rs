//! The library's front door, as a program uses it.

use std::error::Error as _;
use std::path::PathBuf;

use ocelli::{Classifier, EngineChoice, ErrorKind};
use serde_json::{Value, json};

use crate::onnx_file::with_metadata;
use crate::support::{has_onnxruntime, ocelli, project, root, scratch};

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join(format!("models/samples/{name}.jpg"))).unwrap()
}

/// The engines that this machine has.
fn engines() -> Vec<EngineChoice> {
    let mut engines = vec![EngineChoice::Rten];
    engines.extend(has_onnxruntime().then_some(EngineChoice::OnnxRuntime));
    engines
}

fn builder(model: impl AsRef<std::path::Path>, engine: EngineChoice) -> ocelli::ClassifierBuilder {
    let library = std::fs::read_dir(root().join("target/lib/ocelli"));
    let library = library.into_iter().flatten().flatten().next();
    let builder = Classifier::builder(model).engine(engine);
    match (engine, library) {
        (EngineChoice::OnnxRuntime, Some(library)) => builder.library(library.path()),
        _ => builder,
    }
}

/// The bundled model with its manifest changed, and its bytes.
fn changed(
    name: &str,
    change: impl FnOnce(&mut Value),
    bytes: impl FnOnce(&mut Vec<u8>),
) -> PathBuf {
    let shown = ocelli(["inspect", &project("models/shapes.onnx"), "--json"]);
    let mut manifest = serde_json::from_slice::<Value>(&shown.stdout).unwrap()["manifest"].take();
    change(&mut manifest);
    let model = std::fs::read(root().join("models/shapes.onnx")).unwrap();
    let mut model = with_metadata(&model, &[("ocelli", &manifest.to_string())]);
    bytes(&mut model);
    let path = scratch(name).join("m.onnx");
    std::fs::write(&path, model).unwrap();
    path
}

#[test]
fn an_answer_is_what_the_program_says() {
    let photo = project("models/samples/square-1.jpg");
    let output = ocelli([
        "run",
        "--engine",
        "rten",
        "-f",
        "json",
        "-m",
        &project("models/shapes.onnx"),
        &photo,
    ]);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let model = project("models/shapes.onnx");
    let mut classifier = builder(model, EngineChoice::Rten).open().unwrap();
    let answer = classifier.classify(sample("square-1")).unwrap();
    assert_eq!(record["label"], json!(answer.label));
    assert_eq!(record["index"], json!(answer.index));
    let score = |value: &Value| value["score"].as_f64().unwrap() as f32;
    assert_eq!(score(&record), answer.score);
    assert_eq!(record["unknown"], json!(answer.unknown));
    let top = record["top"].as_array().unwrap();
    assert_eq!(top.len(), answer.top.len());
    for (entry, guess) in top.iter().zip(&answer.top) {
        assert_eq!(entry["label"], json!(guess.label));
        assert_eq!(entry["index"], json!(guess.index));
        assert_eq!(score(entry), guess.score);
    }
    assert_eq!(answer.to_string(), format!("square {:.4}", answer.score));
}

#[test]
fn features_are_the_networks_own_on_every_engine() {
    // The trainer's output for them, and the same value found at the network's end.
    let inside = changed(
        "features-inside",
        |manifest| manifest["output"]["embedding"] = Value::Null,
        |_| {},
    );
    let named = root().join("models/shapes.onnx");
    let mut all: Vec<Vec<f32>> = Vec::new();
    for engine in engines() {
        for model in [&named, &inside] {
            let classifier = builder(model, engine).embedding(true).open();
            all.push(classifier.unwrap().embedding(sample("star-1")).unwrap());
        }
    }
    let first = &all[0];
    assert!(first.len() > 8, "{first:?}");
    assert!(first.iter().any(|value| *value != 0.0));
    for other in &all {
        assert_eq!(other.len(), first.len());
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * a.abs().max(1.0);
        assert!(first.iter().zip(other).all(close), "{first:?} {other:?}");
    }
}

#[test]
fn features_that_were_not_asked_for_are_an_error() {
    let model = project("models/shapes.onnx");
    let mut classifier = builder(model, EngineChoice::Rten).open().unwrap();
    let error = classifier.embedding(sample("star-1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.remedy(), Some("ask its builder for the embedding"));
}

#[test]
fn a_batch_that_the_network_fixes_is_honoured() {
    // A dimension called "batch" becomes one of 4, in as many bytes: a varint may be padded.
    let of_four = |bytes: &mut Vec<u8>| {
        let (named, fixed) = (b"\x12\x05batch", [0x08, 0x84, 0x80, 0x80, 0x80, 0x80, 0x00]);
        let places: Vec<usize> = memchr::memmem::find_iter(bytes, named).collect();
        assert!(!places.is_empty());
        for place in places {
            bytes[place..place + named.len()].copy_from_slice(&fixed);
        }
    };
    let model = changed("fixed-batch", |_| {}, of_four);
    let names = ["circle-1", "square-1", "star-1", "triangle-1", "circle-2"];
    let photos = names.map(sample);
    for engine in engines() {
        let mut classifier = builder(&model, engine).open().unwrap();
        assert_eq!(classifier.model().file.fixed_batch, Some(4));
        let answers = classifier.classify_batch(&photos);
        for (name, answer) in names.iter().zip(&answers) {
            let label = &answer.as_ref().unwrap().label;
            assert!(name.starts_with(label.as_str()), "{name}: {label}");
        }
        let alone = classifier.classify(&photos[4]).unwrap();
        let score = answers[4].as_ref().unwrap().score;
        assert!((alone.score - score).abs() < 1e-5);
    }
}

#[test]
fn a_bad_picture_disturbs_no_other() {
    let model = project("models/shapes.onnx");
    let mut classifier = builder(model, EngineChoice::Rten).batch(3).open().unwrap();
    let pictures = [sample("circle-1"), b"no picture".to_vec(), sample("star-2")];
    let answers = classifier.classify_batch(&pictures);
    assert_eq!(answers[0].as_ref().unwrap().label, "circle");
    let error = answers[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.problem().starts_with("not an image"), "{error}");
    assert_eq!(answers[2].as_ref().unwrap().label, "star");
}

#[test]
fn an_error_comes_in_parts_and_with_its_cause() {
    let error = Classifier::open("no-such-model.onnx").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.place(), "no-such-model.onnx");
    assert_eq!(error.settings(), ["model"]);
    let cause = error.source().unwrap().downcast_ref::<std::io::Error>();
    assert_eq!(cause.unwrap().kind(), std::io::ErrorKind::NotFound);
    let unsaid = changed("unsaid", |_| {}, |bytes| *bytes = with_metadata(bytes, &[]));
    let error = Classifier::open(unsaid).unwrap_err();
    assert!(error.settings().contains(&"labels"), "{error}");
    assert!(!error.to_string().contains("--"), "{error}");
}

#[test]
fn unknown_is_what_the_threshold_says() {
    let model = project("models/shapes.onnx");
    let mut strict = builder(model, EngineChoice::Rten).threshold(1.0);
    strict = strict.top_k(1);
    let answer = strict.open().unwrap().classify(sample("star-1")).unwrap();
    assert!(answer.unknown);
    assert_eq!(answer.label, "star");
    assert_eq!(answer.top.len(), 1);
    assert!(answer.to_string().starts_with("unknown, perhaps star 0."));
}
