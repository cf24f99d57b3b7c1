//! Manifests that are changed: what contradicts itself is refused, and a proof finds the
//! rest.

use serde_json::{Value, json};

use crate::onnx_file::changed_manifest;
use crate::support::{ocelli, root, scratch, stderr};

/// The bundled model with its manifest changed.
fn changed_model(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let folder = scratch(name);
    let packed = changed_manifest(&root().join("models/shapes.onnx"), change);
    let path = folder.join("m.onnx");
    std::fs::write(&path, packed).unwrap();
    path.display().to_string()
}

#[test]
fn bundled_models_prove_themselves_on_every_engine() {
    for entry in std::fs::read_dir(root().join("models")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let output = ocelli(["verify", "-m", &path.display().to_string()]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}{}", stderr(&output));
            assert!(text.contains("passed on rten 0.27"), "{text}");
        }
    }
}

#[test]
fn a_falsified_model_fails_its_proof_and_the_culprit_is_named() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 5] = [
        (
            "bgr",
            |m| m["input"]["color"] = json!("BGR"),
            "suspect input.color, it should be RGB",
        ),
        (
            "mean",
            |m| m["preprocess"]["mean"][1] = json!(-m["preprocess"]["mean"][1].as_f64().unwrap()),
            "the sign of preprocess.mean[1]",
        ),
        (
            "labels",
            |m| m["labels"].as_array_mut().unwrap().swap(0, 3),
            "suspect the labels",
        ),
        (
            "filter",
            |m| m["preprocess"]["filter"] = json!("nearest"),
            "preprocess.filter, it should be bilinear",
        ),
        (
            "weights",
            |m| m["preprocess"]["std"] = json!([0.9, 0.2, 0.4]),
            "no usual mistake alone explains it",
        ),
    ];
    for (name, change, expected) in cases {
        let model = changed_model(&format!("verify-{name}"), change);
        let output = ocelli(["verify", "-m", &model, "--engine", "rten"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {text}");
        assert!(
            text.contains("FAILED") && text.contains(expected),
            "{name}: {text}"
        );
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_by_name() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 6] = [
        (
            "format",
            |m| m["format"] = json!(2),
            "manifest format 2, but this ocelli reads format 1",
        ),
        (
            "key",
            |m| m["colour"] = json!("RGB"),
            "unknown field `colour`",
        ),
        (
            "null",
            |m| drop(m.as_object_mut().unwrap().remove("drift")),
            "missing field `drift`",
        ),
        (
            "std",
            |m| m["preprocess"]["std"] = json!([1.0]),
            "preprocess.std has 1 values, expected 3",
        ),
        (
            "crop",
            |m| m["preprocess"]["crop"] = json!({"width": 40, "height": 40}),
            "preprocess gives 40x40, but the input tensor takes 32x32",
        ),
        (
            "count",
            |m| m["labels"] = json!(["a", "b", "c"]),
            "proven with 4 labels (proof case",
        ),
    ];
    for (name, change, expected) in cases {
        let output = ocelli(["inspect", &changed_model(&format!("bad-{name}"), change)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains(expected),
            "{name}: {}",
            stderr(&output)
        );
    }
}
