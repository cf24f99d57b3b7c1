//! `ocelli bench --tune`: the best flags, as a table, as JSON and as a configuration.

use serde_json::Value;

use crate::support::{has_onnxruntime, ocelli, project, records, scratch, stderr};

#[test]
fn the_best_flags_are_those_of_a_trial_and_serve_as_a_configuration() {
    let file = scratch("tune").join("ocelli.toml");
    let (model, path) = (project("models/shapes.onnx"), file.display().to_string());
    let tune = |more: &[&str]| {
        let start = [
            "bench",
            "--tune",
            "-m",
            &model,
            "--engine",
            "rten",
            "--seconds",
            "0.1",
        ];
        ocelli(start.iter().chain(more))
    };
    let output = tune(&["--json", "--within", "10s", "--write", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let trials = found["trials"].as_array().unwrap();
    // The bundled model has an 8-bit form beside it.
    let models = trials
        .iter()
        .filter(|t| t["model"].as_str().unwrap().ends_with("-int8.onnx"));
    assert_eq!(2 * models.count(), trials.len());
    let cpu = |trial: &Value| trial["cpu_percent"].as_f64().unwrap();
    let least = trials
        .iter()
        .min_by(|a, b| cpu(a).total_cmp(&cpu(b)))
        .unwrap();
    assert_eq!(found["best"], least["flags"]);
    let sample = project("models/samples/star-1.jpg");
    let run = ocelli(["run", "-f", "json", "--config", &path, &sample]);
    assert_eq!(records(&run)[0]["label"], "star", "{}", stderr(&run));
    let again = tune(&["--write", &path]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        stderr(&again).contains("put these lines into it: model = "),
        "{}",
        stderr(&again)
    );
}

#[test]
fn a_time_that_nothing_keeps_is_a_negative_finding() {
    let model = project("models/shapes.onnx");
    let flags = ["--engine", "rten", "--seconds", "0.1", "--within", "1us"];
    let start = ["bench", "--tune", "-m", &model];
    let output = ocelli(start.iter().chain(&flags));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("none keeps within 0 ms; the quickest is"),
        "{text}"
    );
}

#[test]
fn both_engines_and_spinning_are_tried() {
    if !has_onnxruntime() {
        return;
    }
    let model = project("models/digits.onnx");
    let output = ocelli([
        "bench",
        "--tune",
        "--json",
        "-m",
        &model,
        "--seconds",
        "0.1",
    ]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let trials = found["trials"].as_array().unwrap();
    let engines = |name: &str| {
        trials
            .iter()
            .any(|t| t["engine"].as_str().unwrap().starts_with(name))
    };
    assert!(
        engines("onnxruntime") && engines("rten"),
        "{}",
        stderr(&output)
    );
    let several = std::thread::available_parallelism().unwrap().get() > 1;
    assert_eq!(trials.iter().any(|trial| trial["spin"] == true), several);
}
