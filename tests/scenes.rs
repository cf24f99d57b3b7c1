//! A model of independent labels as the trainer exports it: each label has a threshold of its
//! own, and a proof travels along. The expected values are those of ONNX Runtime in Python and
//! of scikit-learn. `scripts/scenes` trained it and wrote them.

use serde_json::{Value, json};

use crate::support::{ocelli, project, records, stderr};

const MODEL: &str = "tests/scenes/scenes.onnx";

fn index() -> Value {
    let text = std::fs::read_to_string(project("tests/scenes/index.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn near(found: &Value, expected: &Value, within: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= within, "{found} {expected}");
}

#[test]
fn pictures_have_the_labels_above_their_own_thresholds() {
    let (model, index) = (project(MODEL), index());
    let pictures = index["pictures"].as_array().unwrap();
    let files: Vec<String> = pictures
        .iter()
        .map(|picture| {
            project(&format!(
                "tests/scenes/{}",
                picture["file"].as_str().unwrap()
            ))
        })
        .collect();
    let mut args = vec![
        "run", "--engine", "rten", "-m", &model, "-f", "json", "-k", "4",
    ];
    args.extend(files.iter().map(String::as_str));
    let output = ocelli(args);
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records(&output);
    assert_eq!(records.len(), pictures.len());
    for (record, picture) in records.iter().zip(pictures) {
        assert_eq!(record["labels"], picture["labels"], "{}", picture["file"]);
        assert_eq!(record["unknown"], json!(record["labels"] == json!([])));
        for candidate in record["top"].as_array().unwrap() {
            let index = usize::try_from(candidate["index"].as_u64().unwrap()).unwrap();
            near(&candidate["score"], &picture["scores"][index], 1e-5);
        }
    }
}

#[test]
fn its_proof_is_replayed() {
    let output = ocelli(["verify", "--engine", "rten", "-m", &project(MODEL)]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("scenes@1: passed on rten"), "{text}");
    // Taken for classes of which a picture has one, its labels are not what the proof says.
    let output = ocelli([
        "verify",
        "--engine",
        "rten",
        "--output",
        "logits",
        "-m",
        &project(MODEL),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("suspect output.kind, it should be SigmoidLogits"),
        "{text}"
    );
}

#[test]
fn eval_measures_what_scikit_learn_does() {
    let (model, table) = (project(MODEL), project("tests/scenes/scenes.csv"));
    let output = ocelli([
        "eval", "--engine", "rten", "-f", "json", "-m", &model, &table,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let index = index();
    near(&report["subset_accuracy"], &index["subset_accuracy"], 1e-9);
    for mean in ["micro_mean", "macro_mean"] {
        for measure in ["precision", "recall", "f1"] {
            near(&report[mean][measure], &index[mean][measure], 1e-9);
        }
    }
    for (label, expected) in index["average_precision"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        near(
            &report["per_label"][label]["average_precision"],
            expected,
            1e-9,
        );
    }
}
