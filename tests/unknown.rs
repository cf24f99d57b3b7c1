//! What is unlike everything learned is unknown, however sure its score; the record says which.

use serde_json::{Value, json};

use crate::onnx_file::changed_manifest;
use crate::support::{has_onnxruntime, ocelli, project, records, root, scratch, stderr};

/// By onnxruntime and numpy in Python, of the trainer's own preprocessing, for the samples in
/// the order of their names: `log(1e-9 + (((e - class_means[best]) / deviation) ** 2).mean())`.
const DISTANCES: [f64; 8] = [
    -1.00208, -2.02531, -1.48855, -1.09378, -0.5619, -2.00338, -0.34056, -0.49312,
];
/// Three of the samples are farther.
const FARTHEST: f64 = -1.0;

/// The bundled model, which rejects what is farther than that.
fn model(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let folder = scratch(name);
    let path = folder.join("m.onnx");
    let bytes = changed_manifest(&root().join("models/shapes.onnx"), |manifest| {
        manifest["rejection"]["distance"] = json!(FARTHEST);
        change(manifest);
    });
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn run(model: &str, arguments: &[&str]) -> std::process::Output {
    let samples = project("models/samples");
    let common = ["run", "-m", model, &samples, "--workers", "1"];
    let output = ocelli(common.iter().chain(arguments));
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

#[test]
fn distances_are_those_of_the_trainer_and_what_is_far_is_unknown() {
    let model = model("far", |_| {});
    let mut engines = vec!["rten"];
    engines.extend(has_onnxruntime().then_some("onnxruntime"));
    for engine in engines {
        let records = records(&run(&model, &["-f", "json", "--engine", engine]));
        assert_eq!(records.len(), DISTANCES.len());
        for (record, expected) in records.iter().zip(DISTANCES) {
            let distance = record["distance"].as_f64().unwrap();
            assert!((distance - expected).abs() < 2e-3, "{engine}: {record}");
            let is_far = expected > FARTHEST;
            assert_eq!(record["unknown"], is_far, "{record}");
            let reason = is_far.then_some("distance");
            assert_eq!(record["unknown_reason"].as_str(), reason, "{record}");
        }
    }
}

#[test]
fn every_format_says_why_and_flags_win() {
    let model = model("told", |_| {});
    let text = |arguments: &[&str]| {
        let output = run(&model, &[&["--engine", "rten"], arguments].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = text(&[]);
    let of = |lines: &str, name: &str| {
        let line = lines.lines().find(|line| line.contains(name)).unwrap();
        line.rsplit(".jpg").next().unwrap().to_owned()
    };
    assert!(
        of(&lines, "star-1").starts_with(": unknown by distance, perhaps star"),
        "{lines}"
    );
    assert!(of(&lines, "star-2").starts_with(": star"), "{lines}");
    let both = text(&["--threshold", "1"]);
    let expected = ": unknown by score and distance, perhaps star";
    assert!(of(&both, "star-1").starts_with(expected), "{both}");
    assert!(
        of(&both, "star-2").starts_with(": unknown, perhaps star"),
        "{both}"
    );
    let table = text(&["-f", "csv"]);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|column| column == name).unwrap();
    let (reason, distance) = (column("unknown_reason"), column("distance"));
    for (row, expected) in reader.records().map(Result::unwrap).zip(DISTANCES) {
        let word = if expected > FARTHEST { "distance" } else { "" };
        assert_eq!(&row[reason], word);
        let found: f64 = row[distance].parse().unwrap();
        assert!((found - expected).abs() < 2e-3, "{row:?}");
    }
    let known = text(&["--max-distance", "inf"]);
    assert!(!known.contains("perhaps"), "{known}");
    let far = text(&["--max-distance", "-2.1"]);
    assert_eq!(far.matches("unknown by distance").count(), 8, "{far}");
}

#[test]
fn models_without_the_rule_are_as_they_were() {
    let samples = project("models/samples");
    let shapes = project("models/shapes.onnx");
    let run = ["run", "-m", &shapes, &samples, "--engine", "rten"];
    let output = ocelli(run.iter().chain(&["-f", "json", "--threshold", "1"]));
    for record in records(&output) {
        assert_eq!(record.get("distance"), None, "{record}");
        assert_eq!(record["unknown_reason"], "score", "{record}");
    }
    let output = ocelli(run.iter().chain(&["--max-distance", "1"]));
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("no rejection.distance; calibrate it"),
        "{said}"
    );
    assert!(said.contains("(--max-distance)"), "{said}");
}

#[test]
fn a_rule_that_cannot_be_applied_is_refused() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 5] = [
        (
            "no-drift",
            |m| m["drift"] = Value::Null,
            "drift.embedding, which it needs, is not",
        ),
        (
            "few",
            |m| {
                m["drift"]["embedding"]["class_means"]
                    .as_array_mut()
                    .unwrap()
                    .pop();
            },
            "3 class means for 4 labels",
        ),
        (
            "zero",
            |m| m["drift"]["embedding"]["deviation"][7] = json!(0.0),
            "cannot be measured by",
        ),
        (
            "short",
            |m| {
                m["drift"]["embedding"]["class_means"][2]
                    .as_array_mut()
                    .unwrap()
                    .pop();
            },
            "as many values as there are deviations",
        ),
        (
            "other-features",
            |m| {
                let known = &mut m["drift"]["embedding"];
                known["class_means"] = json!([[0.0], [0.0], [0.0], [0.0]]);
                known["deviation"] = json!([1.0]);
            },
            "the network gave 48 features, its distances are measured by 1",
        ),
    ];
    for (name, change, expected) in cases {
        let model = model(&format!("refused-{name}"), change);
        let sample = project("models/samples/star-1.jpg");
        let output = ocelli(["run", "-m", &model, &sample, "--engine", "rten"]);
        assert!(!output.status.success(), "{name}");
        let said = stderr(&output);
        assert!(said.contains(expected), "{name}: {said}");
    }
}
