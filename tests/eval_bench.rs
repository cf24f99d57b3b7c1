//! The commands that measure: accuracy on folders, times on this machine.

use serde_json::Value;

use crate::support::{ocelli, project, root, scratch, stderr};

#[test]
fn eval_measures_folders_per_class() {
    let folder = scratch("eval");
    for sample in std::fs::read_dir(root().join("models/samples"))
        .unwrap()
        .flatten()
    {
        let name = sample.file_name().to_string_lossy().into_owned();
        let class = name
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap()
            .to_owned();
        // One circle is put among the squares: the measures have to show it.
        let class = if name.starts_with("circle") {
            "square".into()
        } else {
            class
        };
        std::fs::create_dir_all(folder.join(&class)).unwrap();
        std::fs::copy(sample.path(), folder.join(class).join(name)).unwrap();
    }
    let (model, dir) = (project("models/shapes.onnx"), folder.display().to_string());
    let png = folder.with_extension("png");
    let png_path = png.display().to_string();
    let output = ocelli([
        "eval",
        "-m",
        &model,
        &dir,
        "--engine",
        "rten",
        "-f",
        "json",
        "--confusion-png",
        &png_path,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pictures = report["pictures"].as_u64().unwrap();
    let circles = report["confusion"]["counts"][1][0].as_u64().unwrap();
    assert!(
        circles >= 1,
        "circles in the folder of squares are counted as squares taken for circles"
    );
    let accuracy = report["accuracy"].as_f64().unwrap();
    assert!((accuracy - (pictures - circles) as f64 / pictures as f64).abs() < 1e-9);
    assert_eq!(report["worst"][0]["label"], "circle");
    assert_eq!(std::fs::read(&png).unwrap()[..4], *b"\x89PNG");
    let below = ocelli([
        "eval",
        "-q",
        "-m",
        &model,
        &dir,
        "--engine",
        "rten",
        "--min-accuracy",
        "1",
    ]);
    assert_eq!(below.status.code(), Some(1));
    std::fs::create_dir_all(folder.join("pentagon")).unwrap();
    let stranger = ocelli(["eval", "-m", &model, &dir]);
    assert_eq!(stranger.status.code(), Some(2));
    assert!(
        stderr(&stranger).contains("folders that are not labels of the model: `pentagon`"),
        "{}",
        stderr(&stranger)
    );
}

#[test]
fn bench_prints_percentiles_per_engine() {
    let output = ocelli([
        "bench",
        "-q",
        "-m",
        &project("models/shapes.onnx"),
        "--engine",
        "rten",
        "--threads",
        "1",
        "--seconds",
        "0.1",
        "--json",
    ]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &rows[0];
    assert_eq!(
        (row["engine"].as_str(), row["threads"].as_u64()),
        (Some("rten 0.27"), Some(1))
    );
    for stage in ["decode_ms", "preprocess_ms", "inference_ms", "total_ms"] {
        let at = |p: &str| row[stage][p].as_f64().unwrap();
        assert!(
            0.0 < at("min")
                && at("min") <= at("p50")
                && at("p50") <= at("p90")
                && at("p90") <= at("p99")
        );
    }
}
