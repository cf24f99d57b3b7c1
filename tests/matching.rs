//! `ocelli match` finds the preprocessing of models that we trained ourselves, from the
//! pictures beside them and from ones that they label; and refuses what cannot be measured.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

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
        [
            "match",
            "--engine",
            "rten",
            "--threads",
            "1",
            "--output-tensor",
            "logits",
        ]
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
    assert_eq!(rows[0]["right"], 8, "{}", rows[0]);
    // What models/README.md says of it, (pixel / 255 - 128/255) / 0.5 of RGB without a crop, is
    // among those that the samples cannot tell apart; not all are.
    let is_true = |row: &&Value| {
        (&row["color"], &row["values"]) == (&json!("RGB"), &json!("-1-1"))
            && row["preprocess"]["resize"]["mode"] == "exact"
    };
    assert_eq!(rows.iter().find(is_true).unwrap()["equal"], true);
    assert!(rows.iter().any(|row| row["equal"] == false), "all equal");
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

/// Plain tints, a folder each: PPM files that any resize leaves as they are.
fn tints(folder: &Path) -> String {
    #[rustfmt::skip]
    let tints: [(&str, [[u8; 3]; 4]); 4] = [
        ("red", [[180, 70, 60], [170, 75, 60], [175, 65, 65], [165, 80, 60]]),
        ("blue", [[60, 70, 180], [60, 75, 170], [65, 65, 175], [60, 80, 165]]),
        ("dark", [[40, 50, 45], [30, 20, 35], [60, 55, 50], [20, 40, 40]]),
        ("light", [[230, 240, 235], [210, 220, 225], [250, 240, 245], [200, 215, 210]]),
    ];
    let photographs = folder.join("tints");
    for (name, colors) in tints {
        let class = photographs.join(name);
        std::fs::create_dir_all(&class).unwrap();
        for (number, color) in colors.iter().enumerate() {
            let ppm = [&b"P6 16 16 255\n"[..], &color.repeat(256)].concat();
            std::fs::write(class.join(format!("{number}.ppm")), ppm).unwrap();
        }
    }
    std::fs::write(folder.join("names.txt"), "red\nblue\ndark\nlight\n").unwrap();
    photographs.display().to_string()
}

#[test]
fn colours_and_values_are_told_apart_and_the_flags_printed_give_the_winner_again() {
    let folder = scratch("match-tints");
    let photographs = tints(&folder);
    let names = folder.join("the names.txt").display().to_string();
    std::fs::rename(folder.join("names.txt"), &names).unwrap();
    let model = project("tests/golden/tints.onnx");
    for kind in ["logits", "sigmoid-logits"] {
        let args = ["-m", &model, "--labels", &names, "--output", kind];
        let output = run(&[&args[..], &[&photographs]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Only these two are of use to the network; the rest is nothing to a plain tint.
        assert!(text.contains("\n  input.color: RGB\n"), "{text}");
        assert!(text.contains("\n  values: 0-1\n"), "{text}");
        assert!(text.contains("\n  preprocess.filter: bilinear, or "));
        assert_eq!(
            text.contains("independent of one another"),
            kind != "logits"
        );
        let flags = format!(
            "--labels '{names}' --color RGB --layout NCHW --size 8x8 --rescale 1/255 --mean 0,0,0 \
             --std 1,1,1 --resize exact:8x8 --crop none --filter bilinear --output-tensor logits \
             --output {kind}"
        );
        assert_eq!(text.lines().last(), Some(&*flags), "{text}");
        let output = pasted("run", &model, &photographs, &flags);
        assert!(output.status.success(), "{}", stderr(&output));
        let answers = records(&output);
        assert_eq!(answers.len(), 16);
        for (record, label) in answers.iter().zip(labels(&answers)) {
            let file = record["source"].as_str().unwrap();
            assert!(file.contains(&format!("/{label}/")), "{file}: {label}");
        }
    }
}

/// A command on a model, with flags as a shell reads them.
fn pasted(command: &str, model: &str, photographs: &str, flags: &str) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_ocelli");
    let line = format!(
        "'{program}' {command} -m '{model}' '{photographs}' --engine rten --format json {flags}"
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).output().unwrap()
}

/// What `eval` says, or its errors.
fn eval(model: &str, photographs: &str, flags: &str) -> Result<Value, String> {
    let output = pasted("eval", model, photographs, flags);
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(stderr(&output)),
    }
}

#[test]
fn an_order_of_labels_that_no_flag_gives_is_said_and_never_left_out() {
    let folder = scratch("match-paste");
    let (model, _) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    let wrong = folder.join("wrong.txt").display().to_string();
    std::fs::write(&wrong, "triangle\nstar\nsquare\ncircle\n").unwrap();
    let packed = folder.join("packed.onnx").display().to_string();
    let given = ["--labels", &wrong, "-o", &packed];
    for (labels, order) in [
        (&[][..], "the folders, sorted by name"),
        (&given[..], "sorted by name"),
    ] {
        let output = run(&[&["-m", &model, &photographs], labels].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = format!("no file has the labels in this order ({order}): write them into");
        assert!(text.contains(&said), "{text}");
        // What is pasted is refused until the file is there, and right then.
        let flags = text.lines().last().unwrap();
        let refused = eval(&model, &photographs, flags).unwrap_err();
        assert!(refused.contains("measured-labels.txt"), "{refused}");
        let written = folder.join("written.txt");
        std::fs::write(&written, "circle\nsquare\nstar\ntriangle\n").unwrap();
        let flags = flags.replace("measured-labels.txt", &written.display().to_string());
        let report = eval(&model, &photographs, &flags).unwrap();
        assert_eq!(
            (&report["pictures"], &report["accuracy"]),
            (&json!(8), &json!(1.0))
        );
    }
    let report = eval(&packed, &photographs, "").unwrap();
    assert_eq!(report["accuracy"], 1.0);
}

#[test]
fn one_given_number_of_the_range_leaves_the_others_to_be_measured() {
    let folder = scratch("match-range");
    let (model, names) = bare(&folder, "shapes");
    let photographs = sorted_samples(&folder).display().to_string();
    let args = ["-m", &model, "--labels", &names, "--json", &photographs];
    // models/README.md: (pixel / 255 - 128/255) / 0.5, which is (pixel - 128) / 127.5.
    let wide = ["--color", "RGB", "--rescale", "1"];
    let half = ["--color", "RGB", "--std", "0.5,0.5,0.5"];
    for (given, fact, value) in [
        (&wide[..], "rescale", json!(1.0)),
        (&half[..], "std", json!([0.5, 0.5, 0.5])),
    ] {
        let output = run(&[&args[..], given].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = report["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["preprocess"][fact] == value));
        assert_eq!(rows[0]["right"], 8, "{}", rows[0]);
        let is_true = |row: &&Value| row["values"] == "-1-1";
        assert_eq!(rows.iter().find(is_true).unwrap()["equal"], true);
    }
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
        "4 photographs tell nothing apart, expected 8 or more; add some",
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
