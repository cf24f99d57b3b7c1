//! Independent labels: a picture has several, one, or none. The shapes' logits serve as
//! those of four questions; the expected probabilities are the sigmoid of what ONNX Runtime
//! gives in Python for the trainer's own tensor.

use serde_json::{Value, json};

use crate::support::{ocelli, project, records, scratch, stderr};

const LOGITS: [&str; 2] = ["--output", "sigmoid-logits"];

fn run(args: &[&str]) -> std::process::Output {
    let model = project("models/shapes.onnx");
    let engine = ["run", "--engine", "rten", "-m", &model];
    let output = ocelli([&engine[..], &LOGITS, args].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

#[test]
fn each_label_has_a_probability_of_its_own() {
    let star = project("models/samples/star-1.jpg");
    let record = &records(&run(&["-f", "json", "-k", "4", &star]))[0];
    let expected = [
        ("star", 0.997_768_4),
        ("triangle", 0.367_086_95),
        ("square", 0.012_180_87),
        ("circle", 0.005_052_47),
    ];
    for (candidate, (label, score)) in record["top"].as_array().unwrap().iter().zip(expected) {
        assert_eq!(candidate["label"], label);
        let off = candidate["score"].as_f64().unwrap() - score;
        assert!(off.abs() < 1e-5, "{candidate}");
    }
    assert_eq!(record["labels"], json!(["star"]));
    assert_eq!(record["unknown"], false);
}

#[test]
fn a_temperature_that_is_given_is_that_of_every_label() {
    let scenes = project("tests/scenes/scenes.onnx");
    let picture = project("tests/scenes/00.jpg");
    let logits = |temperature: &str| -> Vec<f64> {
        let args = [
            "run", "--engine", "rten", "-m", &scenes, "-f", "json", "-k", "9",
        ];
        let output = ocelli([&args[..], &["--temperature", temperature, &picture]].concat());
        let mut top = records(&output)[0]["top"].as_array().unwrap().clone();
        top.sort_by_key(|candidate| candidate["index"].as_u64());
        let scores = top.iter().map(|c| c["score"].as_f64().unwrap());
        scores.map(|score| (score / (1.0 - score)).ln()).collect()
    };
    for (cool, warm) in logits("8").iter().zip(logits("16")) {
        assert!((cool / warm - 2.0).abs() < 1e-3, "{cool} {warm}");
    }
}

#[test]
fn one_number_for_two_labels_is_refused_for_one() {
    let labels = scratch("independent-one").join("labels.txt");
    std::fs::write(&labels, "bee\n").unwrap();
    let model = project("models/shapes.onnx");
    let output = ocelli([
        "inspect",
        &model,
        "--labels",
        &labels.display().to_string(),
        "--output",
        "binary-probability",
    ]);
    assert!(
        stderr(&output).contains("one number for 1 label, expected 2 labels: negative, positive"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn labels_above_the_threshold_are_listed_in_every_format() {
    let star = project("models/samples/star-1.jpg");
    let text = |args: &[&str]| {
        let output = run(&[args, &[&star]].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let low = text(&["--threshold", "0.3"]);
    assert!(
        low.ends_with("star-1.jpg: star 0.9978, triangle 0.3671\n"),
        "{low}"
    );
    let none = text(&["--threshold", "0.999", "-k", "1"]);
    assert!(
        none.ends_with("star-1.jpg: none, perhaps star 0.9978\n"),
        "{none}"
    );
    let table = text(&["--threshold", "0.3", "-f", "csv"]);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let column = rows.headers().unwrap().iter().position(|c| c == "labels");
    let row = rows.records().next().unwrap().unwrap();
    assert_eq!(&row[column.unwrap()], "star;triangle");
    let record = &records(&run(&["-f", "json", "--threshold", "0.999", &star]))[0];
    assert_eq!(record["labels"], json!([]));
    assert_eq!(record["unknown"], true);
}

#[test]
fn a_change_tells_which_labels_were_there() {
    // 30 frames each of the square, the star, and the triangle, which is a square, too.
    let output = run(&["-f", "json", "synthetic:fps=50,frames=90"]);
    let records = records(&output);
    let changes: Vec<(&Value, &Value)> = records
        .iter()
        .filter(|record| !record["changed"].is_null())
        .map(|record| (&record["changed"]["from"], &record["labels"]))
        .collect();
    let [square, star, triangle] = [
        json!(["square"]),
        json!(["star"]),
        json!(["triangle", "square"]),
    ];
    assert_eq!(
        changes,
        [
            (&Value::Null, &square),
            (&square, &star),
            (&star, &triangle)
        ]
    );
}

#[test]
fn a_rule_watches_its_own_label() {
    let out = scratch("independent-rule").join("out");
    let exec = format!("echo \"$OCELLI_LABEL $OCELLI_SCORE\" >> {}", out.display());
    // 30 frames each of the square, the star, and the triangle, which is a square, too, but
    // less so.
    run(&[
        "synthetic:fps=50,frames=90",
        "--on",
        "square for 100ms",
        "--exec",
        &exec,
    ]);
    let text = std::fs::read_to_string(out).unwrap();
    let fired: Vec<(&str, f32)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(label, score)| (label, score.parse().unwrap()))
        .collect();
    let [("square", first), ("square", second)] = fired[..] else {
        panic!("{text}");
    };
    assert!(first > 0.9 && (0.5..0.7).contains(&second), "{text}");
}

/// Expected: scikit-learn on the sigmoids and these labels.
#[test]
fn eval_measures_a_table_of_labels() {
    let table = scratch("independent-eval").with_extension("csv");
    let row = |file: &str, labels: &str| {
        format!(
            "{},{labels}\n",
            project(&format!("models/samples/{file}.jpg"))
        )
    };
    let rows = [
        row("circle-1", "circle"),
        row("circle-2", "circle;square"),
        row("square-1", "square"),
        row("star-1", "star;triangle"),
        row("star-2", "star"),
        row("triangle-1", ""),
    ];
    std::fs::write(&table, format!("file,labels\n{}", rows.concat())).unwrap();
    let (model, table) = (project("models/shapes.onnx"), table.display().to_string());
    let args = [
        "eval", "--engine", "rten", "-f", "json", "-m", &model, &table,
    ];
    let output = ocelli([&args[..], &LOGITS].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let near = |value: &Value, expected: f64| {
        assert!(
            (value.as_f64().unwrap() - expected).abs() < 1e-9,
            "{value} {expected}: {report}"
        );
    };
    near(&report["per_label"][1]["precision"], 0.5);
    near(&report["per_label"][1]["f1"], 2.0 / 3.0);
    near(&report["per_label"][3]["average_precision"], 0.5);
    near(&report["micro_mean"]["precision"], 2.0 / 3.0);
    near(&report["micro_mean"]["recall"], 6.0 / 7.0);
    near(&report["macro_mean"]["f1"], 2.0 / 3.0);
    near(&report["mean_average_precision"], 0.875);
    near(&report["subset_accuracy"], 0.5);
    let wrong = ocelli(["eval", "--engine", "rten", "-m", &model, &table]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        stderr(&wrong).contains("2 labels, but the model gives one"),
        "{}",
        stderr(&wrong)
    );
}
