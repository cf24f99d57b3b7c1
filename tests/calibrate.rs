//! `ocelli calibrate`: honest scores and limits from labelled pictures, for models that know
//! neither, and for those of the trainer.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::onnx_file::changed_manifest;
use crate::support::{ocelli, records, root, scratch, stderr};

/// Pictures of each class.
const EACH: usize = 14;
const LABELS: [&str; 4] = ["circle", "square", "triangle", "star"];

/// A folder per class, of shapes that the bundled model knows; and one of stripes.
fn pictures(name: &str) -> PathBuf {
    let folder = scratch(name);
    for (class, label) in LABELS.iter().enumerate() {
        let place = folder.join("known").join(label);
        std::fs::create_dir_all(&place).unwrap();
        for number in 0..EACH {
            let picture = shape(class, number);
            std::fs::write(place.join(format!("{number:02}.ppm")), picture).unwrap();
        }
    }
    let place = folder.join("unknown");
    std::fs::create_dir_all(&place).unwrap();
    for number in 0..EACH {
        let stripes = draw(number, |x, y| (x * (number as f32 + 2.0) + y).sin() > 0.0);
        std::fs::write(place.join(format!("{number:02}.ppm")), stripes).unwrap();
    }
    folder
}

/// A picture of 64 x 64 whose figure is where `inside` says, in coordinates from -1 to 1.
fn draw(number: usize, inside: impl Fn(f32, f32) -> bool) -> Vec<u8> {
    const SIDE: u32 = 64;
    let mut bytes = format!("P6 {SIDE} {SIDE} 255\n").into_bytes();
    let (figure, ground) = (
        [200 - number as u8 * 3, 60, 60],
        [40, 60 + number as u8 * 4, 90],
    );
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = |v: u32| v as f32 / 32.0 - 1.0;
            bytes.extend(if inside(at(x), at(y)) { figure } else { ground });
        }
    }
    bytes
}

/// Shapes of a few sizes, turned a little.
fn shape(class: usize, number: usize) -> Vec<u8> {
    let size = 0.55 + 0.02 * number as f32;
    let (sin, cos) = (0.05 * number as f32).sin_cos();
    draw(number, |x, y| {
        let (x, y) = ((x * cos - y * sin) / size, (x * sin + y * cos) / size);
        let radius = (x * x + y * y).sqrt();
        match class {
            0 => radius < 1.0,
            1 => x.abs().max(y.abs()) < 0.8,
            2 => y < 0.7 && y > 2.0 * x.abs() - 0.9,
            _ => {
                let angle = (x.atan2(-y) * 5.0).cos();
                radius < 0.62 + 0.38 * angle
            }
        }
    })
}

fn calibrate(model: &Path, folder: &Path, more: &[&str]) -> std::process::Output {
    let (model, folder) = (model.display().to_string(), folder.display().to_string());
    let common = ["calibrate", "-m", &model, &folder];
    ocelli(common.iter().chain(more))
}

fn manifest(model: &Path) -> Value {
    let output = ocelli(["inspect", "--json", &model.display().to_string()]);
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["manifest"].take()
}

#[test]
fn a_model_that_knows_no_limits_gets_them_with_a_proof_that_every_engine_passes() {
    let folder = pictures("calibrate-plain");
    let bare = changed_manifest(&root().join("models/shapes.onnx"), |manifest| {
        for key in ["rejection", "drift", "training", "proof"] {
            manifest[key] = Value::Null;
        }
        manifest["output"]["embedding"] = Value::Null;
        manifest["output"]["temperature"] = json!(3.0);
    });
    let (model, out) = (folder.join("bare.onnx"), folder.join("out.onnx"));
    std::fs::write(&model, bare).unwrap();
    let unknown = folder.join("unknown").display().to_string();
    let written = out.display().to_string();
    let more = [
        "--coverage",
        "0.9",
        "--json",
        "--unknown",
        &unknown,
        "-o",
        &written,
    ];
    let output = calibrate(&model, &folder.join("known"), &more);
    assert!(output.status.success(), "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["pictures"], EACH * LABELS.len());
    assert_eq!(found["temperature_before"], 3.0);
    let number = |key: &str| found[key].as_f64().unwrap();
    assert!(number("ece") < number("ece_before"), "{found}");
    // 5 of 57 ranks may be turned away, so at most 4 of these pictures are.
    let share = &found["false_unknown"];
    assert!(share["count"].as_u64().unwrap() <= 4, "{share}");
    let area = |key: &str| found["auroc"][key].as_f64().unwrap();
    assert!(area("both") > 0.75, "{found}");
    assert!(
        area("both") > area("score").max(area("distance")) - 0.01,
        "{found}"
    );
    let stated = manifest(&out);
    assert_eq!(stated["rejection"]["distance"], found["distance"]);
    assert_eq!(stated["rejection"]["threshold"], found["threshold"]);
    assert_eq!(stated["output"]["temperature"], found["temperature"]);
    let known = &stated["drift"]["embedding"];
    assert_eq!(known["class_means"].as_array().unwrap().len(), 4);
    assert_eq!(stated["drift"]["alarm"], Value::Null);
    assert_eq!(stated["proof"]["cases"].as_array().unwrap().len(), 8);
    let verified = ocelli(["verify", "-m", &written]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success() && text.contains("passed on rten"),
        "{text}"
    );
    let run = ocelli([
        "run", "-m", &written, &unknown, "-f", "json", "--engine", "rten",
    ]);
    let unknown = records(&run)
        .iter()
        .filter(|r| r["unknown"] == true)
        .count();
    assert_eq!(unknown as u64, found["found"]["count"].as_u64().unwrap());
}

#[test]
fn a_proof_that_is_there_is_taken_over_to_the_new_temperature() {
    let folder = pictures("calibrate-proof");
    let (model, out) = (folder.join("sharp.onnx"), folder.join("out.onnx"));
    std::fs::copy(root().join("models/shapes.onnx"), &model).unwrap();
    let written = out.display().to_string();
    let more = ["--coverage", "0.9", "-o", &written];
    let output = calibrate(&model, &folder.join("known"), &more);
    assert!(output.status.success(), "{}", stderr(&output));
    let (before, after) = (manifest(&model), manifest(&out));
    let images = |m: &Value| -> Vec<Value> {
        let cases = m["proof"]["cases"].as_array().unwrap();
        cases.iter().map(|case| case["image"].clone()).collect()
    };
    assert_eq!(images(&before), images(&after));
    // The bundled model is too modest on these pictures: its answers become surer.
    let temperature = |m: &Value| m["output"]["temperature"].as_f64().unwrap();
    assert!(temperature(&after) < temperature(&before));
    let sure = |m: &Value| {
        let probabilities = m["proof"]["cases"][0]["probabilities"].as_array().unwrap();
        probabilities
            .iter()
            .filter_map(Value::as_f64)
            .fold(0.0, f64::max)
    };
    assert!(sure(&after) > sure(&before));
    assert_eq!(before["training"], after["training"]);
    assert_eq!(before["drift"]["image"], after["drift"]["image"]);
    assert!(ocelli(["verify", "-m", &written]).status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("56 pictures of 4 classes"), "{text}");
    assert!(text.contains("expected calibration error"), "{text}");
}

#[test]
fn pictures_that_cannot_tell_are_refused() {
    let folder = pictures("calibrate-refused");
    let (known, shapes) = (folder.join("known"), root().join("models/shapes.onnx"));
    let refused = |more: &[&str], expected: &str| {
        let output = calibrate(&shapes, &known, more);
        assert_eq!(output.status.code(), Some(2), "{expected}");
        let said = stderr(&output);
        assert!(said.contains(expected), "{expected}: {said}");
    };
    refused(
        &["--coverage", "0.99"],
        "56 pictures cannot show a coverage of 0.99, expected 99 or more",
    );
    refused(&["--coverage", "1"], "expected a share from 0.5 to below 1");
    let star = known.join("star");
    std::fs::copy(star.join("00.ppm"), star.join("again.ppm")).unwrap();
    refused(&[], "1 pictures are there more than once");
    for number in 0..EACH - 4 {
        std::fs::remove_file(star.join(format!("{number:02}.ppm"))).unwrap();
    }
    refused(
        &[],
        "too few pictures: 5 of `star`, expected 10 or more of each of the 4 labels",
    );
    std::fs::rename(&star, known.join("moon")).unwrap();
    refused(&[], "folders that are not labels of the model: `moon`");
    let scenes = root().join("tests/scenes/scenes.onnx");
    let output = calibrate(&scenes, &known, &[]);
    assert!(stderr(&output).contains("independent of one another"));
}
