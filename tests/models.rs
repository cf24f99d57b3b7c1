//! Reading facts from every convention, writing them into a model, and replaying proofs.

use std::path::Path;

use serde_json::{Value, json};

use crate::onnx_file::with_metadata;
use crate::support::{has_onnxruntime, ocelli, project, records, root, scratch, stderr};

/// The bundled model without its manifest, with metadata of our choosing: a model of
/// somebody else's.
fn foreign_model(at: &Path, metadata: &[(&str, &str)]) {
    let packed = std::fs::read(root().join("models/shapes.onnx")).unwrap();
    std::fs::write(at, with_metadata(&packed, metadata)).unwrap();
}

fn inspect(model: &Path, flags: &[&str]) -> Result<Value, String> {
    let path = model.display().to_string();
    let output = ocelli(
        [
            &["inspect", &path, "--json", "--output-tensor", "logits"],
            flags,
        ]
        .concat(),
    );
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(stderr(&output))
    }
}

/// Where a fact came from.
fn origin<'a>(report: &'a Value, fact: &str) -> &'a str {
    let line = report["facts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|l| l["fact"] == fact);
    line.unwrap_or_else(|| panic!("no fact {fact}"))["origin"]
        .as_str()
        .unwrap()
}

const STEPS: [&str; 10] = [
    "--color",
    "rgb",
    "--resize",
    "shortest:32",
    "--filter",
    "bilinear",
    "--rescale",
    "1/255",
    "--mean",
    "128/255,128/255,128/255",
];

#[test]
fn a_self_describing_model_says_everything_itself() {
    let output = ocelli(["inspect", &project("models/shapes.onnx"), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["manifest"]["labels"],
        json!(["circle", "square", "star", "triangle"])
    );
    assert_eq!(origin(&report, "preprocess.mean"), "manifest in the file");
    let text =
        String::from_utf8(ocelli(["inspect", &project("models/shapes.onnx")]).stdout).unwrap();
    assert!(
        text.lines()
            .any(|l| l.starts_with("labels ") && l.ends_with("manifest in the file")),
        "{text}"
    );
}

#[test]
fn missing_facts_are_named_with_their_flags_and_never_guessed() {
    let folder = scratch("missing");
    let model = folder.join("m.onnx");
    foreign_model(&model, &[]);
    let error = inspect(&model, &[]).unwrap_err();
    for flag in [
        "--labels FILE",
        "--color RGB|BGR|GRAY",
        "--resize",
        "--filter",
        "--rescale",
        "--mean",
        "--std",
    ] {
        assert!(error.contains(flag), "{flag}: {error}");
    }
    assert!(
        !error.contains("--layout") && !error.contains("--size"),
        "the graph says those: {error}"
    );
    // What is known is shown all the same.
    let output = ocelli(["inspect", &model.display().to_string(), "--color", "rgb"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    let known = |fact: &str| {
        text.lines()
            .find(|line| line.starts_with(fact))
            .unwrap_or("")
    };
    assert!(known("input.layout").ends_with("graph"), "{text}");
    assert!(known("input.color").ends_with("flag --color"), "{text}");
    assert_eq!(known("preprocess.mean"), "");
}

#[test]
fn ultralytics_metadata_is_understood() {
    let folder = scratch("ultralytics");
    let model = folder.join("m.onnx");
    let names = r#"{0: 'circle', 1: "it's square", 2: 'star', 3: 'triangle'}"#;
    foreign_model(
        &model,
        &[
            ("task", "classify"),
            ("imgsz", "[32, 32]"),
            ("names", names),
        ],
    );
    let report = inspect(&model, &[]).unwrap();
    assert_eq!(report["manifest"]["labels"][1], "it's square");
    assert_eq!(
        report["manifest"]["preprocess"]["resize"],
        json!({"mode": "shortest", "size": 32})
    );
    assert_eq!(origin(&report, "labels"), "Ultralytics metadata");
    assert_eq!(
        origin(&report, "output.kind"),
        "graph: the last operator is Gemm"
    );
    foreign_model(&model, &[("task", "detect"), ("names", names)]);
    assert!(
        inspect(&model, &[])
            .unwrap_err()
            .contains("the task `detect`, expected `classify`")
    );
}

#[test]
fn a_hugging_face_folder_is_understood() {
    let folder = scratch("huggingface");
    std::fs::create_dir(folder.join("onnx")).unwrap();
    foreign_model(&folder.join("onnx/model.onnx"), &[]);
    let config = json!({"id2label": {"0": "circle", "1": "square", "2": "star", "3": "triangle"}});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let processor = json!({"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 2, "do_rescale": true,
        "rescale_factor": 1.0 / 255.0, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]});
    std::fs::write(
        folder.join("preprocessor_config.json"),
        processor.to_string(),
    )
    .unwrap();
    let report = inspect(&folder, &[]).unwrap();
    assert_eq!(
        report["manifest"]["preprocess"]["resize"],
        json!({"mode": "exact", "width": 32, "height": 32})
    );
    assert_eq!(
        origin(&report, "preprocess.mean"),
        "preprocessor_config.json"
    );
    assert_eq!(origin(&report, "labels"), "config.json id2label");
    // A flag is stronger than any file.
    let report = inspect(&folder, &["--mean", "0,0,0"]).unwrap();
    assert_eq!(
        report["manifest"]["preprocess"]["mean"],
        json!([0.0, 0.0, 0.0])
    );
    assert_eq!(origin(&report, "preprocess.mean"), "flag --mean");
}

#[test]
fn image_metadata_and_a_label_file_beside_the_model_are_understood() {
    let folder = scratch("custom-vision");
    let model = folder.join("m.onnx");
    foreign_model(
        &model,
        &[
            ("Image.BitmapPixelFormat", "Bgr8"),
            ("Image.NominalPixelRange", "NominalRange_0_255"),
        ],
    );
    std::fs::write(folder.join("labels.txt"), "a\nb\nc\nd\n").unwrap();
    let flags = ["--resize", "exact", "--filter", "bilinear"];
    let report = inspect(&model, &flags).unwrap();
    assert_eq!(report["manifest"]["input"]["color"], "BGR");
    assert_eq!(
        report["manifest"]["preprocess"]["std"],
        json!([1.0, 1.0, 1.0])
    );
    assert_eq!(origin(&report, "labels"), "labels.txt");
    std::fs::write(folder.join("labels.txt"), "a\nb\nc\n").unwrap();
    let error = inspect(&model, &flags).unwrap_err();
    assert!(
        error.contains("3 labels for an output of 4 scores"),
        "{error}"
    );
    std::fs::write(folder.join("labels.txt"), "background\na\nb\nc\nd\n").unwrap();
    let report = inspect(&model, &flags).unwrap();
    assert_eq!(report["manifest"]["labels"], json!(["a", "b", "c", "d"]));
}

#[test]
fn a_label_file_is_read_as_what_it_is_and_refused_with_its_line() {
    let folder = scratch("label-files");
    let model = folder.join("m.onnx");
    foreign_model(&model, &[]);
    let with_labels = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let flags = ["--std", "0.5,0.5,0.5", "--labels", &file];
        inspect(&model, &[&STEPS[..], &flags].concat())
    };
    for (name, text) in [
        ("class_indices.json", r#"{"a": 0, "b": 1, "c": 2, "d": 3}"#),
        ("clsidx.txt", "{0: 'a',\n 1: 'b',\n 2: 'c',\n 3: 'd'}\n"),
        ("data.yaml", "nc: 4\nnames: [a, b, c, d]\n"),
        ("background.txt", "__background__\na\nb\nc\nd\n"),
    ] {
        let report = with_labels(name, text).unwrap();
        let labels = &report["manifest"]["labels"];
        assert_eq!(labels, &json!(["a", "b", "c", "d"]), "{name}");
    }
    let error = with_labels("gap.txt", "0 a\n1 b\n2 c\n4 d\n").unwrap_err();
    let expected = "gap.txt:4: label number 4 where 3 was expected; write one label per line, in the \
        order of the model's output";
    assert!(error.contains(expected), "{error}");
    let error = with_labels("short.json", r#"["a", "b"]"#).unwrap_err();
    assert!(
        error.contains("2 labels for an output of 4 scores"),
        "{error}"
    );
}

#[test]
fn a_packed_model_needs_no_flags_and_answers_the_same() {
    let folder = scratch("pack");
    let (bare, packed) = (folder.join("bare.onnx"), folder.join("packed.onnx"));
    foreign_model(&bare, &[]);
    std::fs::write(
        folder.join("names.csv"),
        "index,name\n0,circle\n1,square\n2,star\n3,triangle\n",
    )
    .unwrap();
    let names = folder.join("names.csv").display().to_string();
    let mut flags = STEPS.to_vec();
    flags.extend([
        "--std",
        "0.5,0.5,0.5",
        "--labels",
        &names,
        "--output-tensor",
        "logits",
    ]);
    let (bare, packed_path) = (bare.display().to_string(), packed.display().to_string());
    let output = ocelli(
        [
            &[
                "pack",
                &bare,
                "-o",
                &packed_path,
                "--name",
                "forms",
                "--model-version",
                "7",
            ],
            &flags[..],
        ]
        .concat(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let samples = project("models/samples");
    let here = ocelli([
        "run",
        "-m",
        &packed_path,
        "-f",
        "json",
        "--engine",
        "rten",
        "--temperature",
        "1",
        &samples,
    ]);
    let there = ocelli(
        [
            &[
                "run", "-m", &bare, "-f", "json", "--engine", "rten", &samples,
            ],
            &flags[..],
        ]
        .concat(),
    );
    let (here, there) = (records(&here), records(&there));
    assert_eq!(here[0]["model"], "forms@7");
    for (a, b) in here.iter().zip(&there) {
        assert_eq!(a["top"], b["top"]);
    }
}

#[test]
fn weights_in_a_file_beside_the_model_are_found_or_missed_by_name() {
    let python = root().join(".venv/bin/python");
    let folder = scratch("external");
    let script = "import onnx,sys; m=onnx.load(sys.argv[1]); onnx.save(m, sys.argv[2], save_as_external_data=True, \
        location='model.onnx.data', size_threshold=1024)";
    let model = folder.join("model.onnx");
    let made = std::process::Command::new(&python)
        .args([
            "-c",
            script,
            &project("models/shapes.onnx"),
            &model.display().to_string(),
        ])
        .output();
    if !made.as_ref().is_ok_and(|o| o.status.success()) {
        println!("skipped: .venv with onnx is absent (scripts/setup --train)");
        return;
    }
    // Another model's weights of the same name are no neighbours for it.
    let elsewhere = scratch("external-elsewhere");
    std::fs::write(elsewhere.join("model.onnx.data"), "another model's").unwrap();
    let packed = elsewhere.join("packed.onnx").display().to_string();
    let output = ocelli(["pack", &model.display().to_string(), "-o", &packed]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("another model's weights have the name"),
        "{}",
        stderr(&output)
    );
    assert!(!elsewhere.join("packed.onnx").exists());
    for engine in ["rten", "onnxruntime"] {
        if engine == "onnxruntime" && !has_onnxruntime() {
            continue;
        }
        let output = ocelli([
            "verify",
            "-m",
            &model.display().to_string(),
            "--engine",
            engine,
        ]);
        assert!(output.status.success(), "{engine}: {}", stderr(&output));
    }
    std::fs::remove_file(folder.join("model.onnx.data")).unwrap();
    let output = ocelli(["inspect", &model.display().to_string()]);
    assert!(
        stderr(&output).contains("its weights are in `model.onnx.data`, which is not beside it"),
        "{}",
        stderr(&output)
    );
}
