//! `ocelli match` finds the preprocessing of models that we trained ourselves, from the
//! pictures beside them and from ones that they label; and refuses what cannot be measured.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::onnx_file::with_metadata;
use crate::support::{labels, ocelli, project, records, root, scratch, stderr};

/// The bundled model without its manifest, and its labels in a file.
fn bare(folder: &Path, name: &str) -> (String, String) {
    let model = std::fs::read(root().join(format!("models/{name}.onnx"))).unwrap();
    let bare = folder.join(format!("{name}.onnx"));
    std::fs::write(&bare, with_metadata(&model, &[])).unwrap();
    let output = ocelli([
        "inspect",
        &project(&format!("models/{name}.onnx")),
        "--json",
    ]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let labels = document["manifest"]["labels"].as_array().unwrap();
    let names: Vec<&str> = labels.iter().filter_map(Value::as_str).collect();
    let file = folder.join("names.txt");
    std::fs::write(&file, names.join("\n")).unwrap();
    (bare.display().to_string(), file.display().to_string())
}

/// The samples, a folder per class.
fn sorted_samples(folder: &Path) -> PathBuf {
    let photographs = folder.join("photographs");
    for entry in std::fs::read_dir(root().join("models/samples"))
        .unwrap()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let class = photographs.join(name.split('-').next().unwrap());
        std::fs::create_dir_all(&class).unwrap();
        std::fs::copy(entry.path(), class.join(name)).unwrap();
    }
    photographs
}

fn run(args: &[&str]) -> std::process::Output {
    ocelli(
        ["match", "--engine", "rten", "--threads", "1"]
            .iter()
            .chain(args),
    )
}

#[test]
fn the_way_a_model_was_trained_is_found_and_packed() {
    let folder = scratch("match");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    let packed = folder.join("packed.onnx").display().to_string();
    let args = [
        "-m",
        &model,
        "--labels",
        &names,
        "--json",
        "-o",
        &packed,
        &photographs,
    ];
    let output = run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["pictures"], 8);
    let rows = report["rows"].as_array().unwrap();
    // What models/README.md says of it: RGB, (pixel / 255 - 128/255) / 0.5.
    let first = &rows[0];
    assert_eq!(first["right"], 8, "{first}");
    assert_eq!(first["color"], "RGB");
    assert_eq!(first["values"], "-1-1");
    assert!(first["equal"].as_bool().unwrap());
    // What is worse beyond chance is told apart.
    assert!(
        rows.iter().any(|row| row["equal"] == false),
        "all are equal"
    );
    // The same question has the same answer.
    assert_eq!(run(&args).stdout, output.stdout);
    // The packed model needs no flags, and gives the labels that the folders have.
    let samples = project("models/samples");
    let output = ocelli([
        "run", "-m", &packed, "-f", "json", "--engine", "rten", &samples,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let answers = records(&output);
    for (record, label) in answers.iter().zip(labels(&answers)) {
        let file = record["source"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        assert!(file.starts_with(label), "{file}: {label}");
    }
}

#[test]
fn the_flags_that_it_prints_give_the_winner_again() {
    let folder = scratch("match-flags");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    let output = run(&["-m", &model, "--labels", &names, &photographs]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("input.color: RGB\n"), "{text}");
    let flags: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    let samples = project("models/samples");
    let args = [
        "run", "-m", &model, "--labels", &names, "--engine", "rten", "-f", "json", &samples,
    ];
    let output = ocelli(args.iter().chain(&flags));
    assert!(output.status.success(), "{flags:?}: {}", stderr(&output));
    assert_eq!(records(&output).len(), 8);
}

#[test]
fn facts_that_are_given_stand_fast() {
    let folder = scratch("match-given");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    let given = ["--color", "BGR", "--filter", "nearest", "--resize", "exact"];
    let args = ["-m", &model, "--labels", &names, "--json", &photographs];
    let output = run(&[&args[..], &given[..]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["color"], "BGR");
        assert_eq!(row["preprocess"]["filter"], "nearest");
        assert_eq!(row["preprocess"]["resize"]["mode"], "exact");
    }
}

#[test]
fn labels_may_be_the_folders_and_their_order_is_measured() {
    let folder = scratch("match-order");
    let (model, _) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    // The trainer sorted its folders, as ImageFolder does: no label file is needed.
    let output = run(&["-m", &model, "--json", &photographs]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rows"][0]["right"], 8);
    // A label file in another order: sorting it explains the answers.
    let wrong = folder.join("wrong.txt");
    std::fs::write(&wrong, "triangle\nstar\nsquare\ncircle\n").unwrap();
    let wrong = wrong.display().to_string();
    let output = run(&["-m", &model, "--labels", &wrong, "--json", &photographs]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rows"][0]["labels"], "sorted by name");
    assert_eq!(report["rows"][0]["right"], 8);
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_mends_it() {
    let folder = scratch("match-refused");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder);
    let refused = |arrange: &dyn Fn(&Path), said: &str| {
        let copy = scratch("match-refused-copy");
        let from = photographs.display().to_string();
        let copied = std::process::Command::new("cp")
            .args(["-r", &format!("{from}/."), &copy.display().to_string()])
            .status();
        assert!(copied.unwrap().success());
        arrange(&copy);
        let copy = copy.display().to_string();
        let output = run(&["-m", &model, "--labels", &names, &copy]);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    };
    let remove = |folder: &Path, class: &str| {
        std::fs::remove_dir_all(folder.join(class)).unwrap();
    };
    refused(
        &|copy| {
            ["circle", "star", "square"]
                .iter()
                .for_each(|class| remove(copy, class))
        },
        "photographs of one class only, expected two classes or more",
    );
    refused(
        &|copy| {
            ["circle", "star"]
                .iter()
                .for_each(|class| remove(copy, class))
        },
        "4 photographs tell nothing apart, expected 6 or more; add some",
    );
    refused(
        &|copy| std::fs::rename(copy.join("star"), copy.join("stars")).unwrap(),
        "folders that are not labels of the model: `stars` (near `star`); name them like the",
    );
    refused(
        &|copy| std::fs::create_dir(copy.join("empty")).unwrap(),
        "no pictures in this folder",
    );
    refused(
        &|copy| {
            ["circle", "star", "square", "triangle"]
                .iter()
                .for_each(|c| remove(copy, c))
        },
        "no folders in it, expected one per class; sort 3 to 5 photographs",
    );
}

#[test]
fn a_damaged_photograph_is_left_out_and_said() {
    let folder = scratch("match-damaged");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder);
    std::fs::write(photographs.join("star/broken.jpg"), b"no picture").unwrap();
    let photographs = photographs.display().to_string();
    let output = run(&["-m", &model, "--labels", &names, "--json", &photographs]);
    assert!(
        stderr(&output).contains("left out: "),
        "{}",
        stderr(&output)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["pictures"], &report["failed"]),
        (&Value::from(8), &Value::from(1))
    );
}
