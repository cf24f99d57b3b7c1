//! What a network's output means, read off the network; and that both engines then give the
//! class probabilities that ONNX Runtime in Python gives. `scripts/heads` writes the models.

use std::path::PathBuf;

use ocelli::Model;
use ocelli::model::Overrides;
use serde_json::Value;

use crate::onnx_file::metadata;
use crate::support::{STEPS, has_onnxruntime, ocelli, records, root, scratch, stderr};

fn heads() -> PathBuf {
    root().join("tests/heads")
}

fn index() -> Value {
    let text = std::fs::read_to_string(heads().join("index.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn model(name: &str) -> String {
    heads().join(format!("{name}.onnx")).display().to_string()
}

/// Runs a model on the picture that the expected scores are of.
fn classified(model: &str, engine: &str, more: &[&str]) -> std::process::Output {
    let picture = heads().join("a.png").display().to_string();
    let run = [
        "run", "-f", "json", "-k", "3", "-m", model, "--engine", engine, &picture,
    ];
    ocelli([&run[..], &STEPS[..], more].concat())
}

fn labels() -> String {
    let file = scratch("heads-labels").join("labels.txt");
    std::fs::write(&file, "ant\nbee\ncat\n").unwrap();
    file.display().to_string()
}

/// A model of `tests/heads` with metadata of our choosing behind it.
fn with_metadata(name: &str, key: &str, value: &str) -> (PathBuf, String) {
    let mut bytes = std::fs::read(model(name)).unwrap();
    bytes.extend(metadata(&[(key, value)]));
    let path = scratch("heads-metadata").join("m.onnx");
    std::fs::write(&path, bytes).unwrap();
    let text = path.display().to_string();
    (path, text)
}

/// Whether a record has these scores for its classes.
fn check(name: &str, output: &std::process::Output, expected: &Value, tolerance: f64) {
    assert!(output.status.success(), "{name}: {}", stderr(output));
    let records = records(output);
    let top = records[0]["top"].as_array().unwrap();
    assert_eq!(top.len(), 3, "{name}");
    for candidate in top {
        let index = candidate["index"].as_u64().unwrap() as usize;
        let (score, want) = (&candidate["score"], &expected["scores"][index]);
        let difference = score.as_f64().unwrap() - want.as_f64().unwrap();
        assert!(
            difference.abs() < tolerance,
            "{name}, class {index}: {score}, expected {want}"
        );
    }
}

#[test]
fn what_an_output_means_is_read_off_the_network_or_left_open() {
    let index = index();
    assert!(index.as_object().unwrap().len() > 40);
    for (name, expected) in index.as_object().unwrap() {
        let path = PathBuf::from(model(name));
        let facts = Model::known(&path, Overrides::default()).unwrap();
        let kind = facts.iter().find(|line| line.fact == "output.kind");
        let kind = kind.map_or(&Value::Null, |line| &line.value);
        assert_eq!(kind, &expected["kind"], "{name}");
    }
}

#[test]
fn an_output_that_is_neither_logits_nor_probabilities_is_asked_about() {
    let labels = labels();
    let refused = |more: &[&str]| {
        let output = classified(
            &model("percent"),
            "rten",
            &[&["--labels", &labels], more].concat(),
        );
        (output.status.code(), stderr(&output))
    };
    let (code, error) = refused(&[]);
    assert_eq!(code, Some(2));
    let why = "output.kind (output `v4` (float32 [?, ?]): the last operator is Mul, and the values sum to 100)";
    assert!(error.contains(why), "{error}");
    assert!(
        error.contains("--output logits|probabilities|log-probabilities"),
        "{error}"
    );
    assert_eq!(refused(&["--output", "probabilities"]).0, Some(0));
    let (_, error) = refused(&["--output-tensor", "scores"]);
    let why = "no output named `scores`, the model has `v4` (float32 [?, ?])";
    assert!(error.contains(why), "{error}");
}

#[test]
fn the_engine_that_is_always_there_answers_as_onnx_runtime_does() {
    let (index, labels) = (index(), labels());
    // Softmax over several axes, operators whose settings are left to be inferred, doubles.
    let names = [
        "old_softmax",
        "old_softmax_of_three_axes",
        "old_log_softmax_of_three_axes",
        "bare_conv",
        "padded_in_front",
        "pool_padded_in_front",
        "doubles",
        "label_and_scores",
    ];
    for name in names {
        let output = classified(&model(name), "rten", &["--labels", &labels]);
        check(name, &output, &index[name], 1e-4);
    }
    let refused = classified(
        &model("padded_in_front_by_size"),
        "rten",
        &["--labels", &labels],
    );
    assert_eq!(refused.status.code(), Some(2));
    let error = stderr(&refused);
    assert!(error.contains("a node pads with SAME_LOWER"), "{error}");
}

#[test]
fn class_names_in_the_metadata_are_read_in_every_form_or_said_to_be_left_out() {
    let forms = [
        ("character", "ant\nbee\ncat\n"),
        ("classes", "ant, bee, cat"),
        ("class_names", r#"["ant", "bee", "cat"]"#),
        ("names", "{0: 'ant', 1: 'bee', 2: 'cat'}"),
    ];
    for (key, value) in forms {
        let (path, _) = with_metadata("label_and_scores", key, value);
        let facts = Model::known(&path, Overrides::default()).unwrap();
        let labels = facts.iter().find(|line| line.fact == "labels").unwrap();
        assert_eq!(
            labels.value,
            serde_json::json!(["ant", "bee", "cat"]),
            "{key}"
        );
        assert_eq!(labels.origin, format!("metadata `{key}`"));
    }
    // A map has a known number of classes, and these are not they.
    let (path, text) = with_metadata("map_of_words", "labels", "a,b");
    let facts = Model::known(&path, Overrides::default()).unwrap();
    let labels = facts.iter().find(|line| line.fact == "labels").unwrap();
    assert_eq!(labels.origin, "graph: ZipMap");
    let error = stderr(&classified(&text, "rten", &["--output-tensor", "classes"]));
    assert!(error.contains("no output named `classes`"), "{error}");
}

#[test]
fn a_map_of_scores_gives_its_tensor_and_its_names() {
    let index = index();
    let engines = ["rten", "onnxruntime"];
    for engine in engines
        .into_iter()
        .filter(|e| *e == "rten" || has_onnxruntime())
    {
        let output = classified(&model("map_of_words"), engine, &[]);
        check(engine, &output, &index["map_of_words"], 1e-4);
        let record = &records(&output)[0];
        let names = ["ant", "bee", "cat"];
        let index = record["index"].as_u64().unwrap() as usize;
        assert_eq!(record["label"], names[index]);
    }
    if has_onnxruntime() {
        for name in [
            "linear_classifier",
            "doubles",
            "padded_in_front_by_size",
            "function",
        ] {
            let labels = labels();
            let more: &[&str] = match name {
                "linear_classifier" => &[],
                _ => &["--labels", &labels],
            };
            let output = classified(&model(name), "onnxruntime", more);
            check(name, &output, &index[name], 1e-4);
        }
    }
}
