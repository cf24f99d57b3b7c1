//! `ocelli teach` makes models that are right about pictures they have not seen, describe and
//! prove themselves on both engines, and say what they were made of; and refuses what nothing
//! could be learned from, or measured by.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{
    STEPS, assets, has_onnxruntime, labels, ocelli, project, records, root, scratch, stderr,
};

/// Patterns that the bundled shapes model was never trained on, a folder each, of so many
/// pictures; another `episode` is of other pictures.
fn patterns(folder: &Path, count: usize, episode: usize) -> PathBuf {
    for (class, name) in ["bars", "dots", "rows"].iter().enumerate() {
        let class_folder = folder.join(name);
        std::fs::create_dir_all(&class_folder).unwrap();
        for number in 0..count {
            let bytes = pattern(class, episode * 1000 + number);
            std::fs::write(class_folder.join(format!("{number:03}.ppm")), bytes).unwrap();
        }
    }
    folder.to_owned()
}

/// Bars, dots or rows in two colours, of a width and at a place that follow from `number`.
fn pattern(class: usize, number: usize) -> Vec<u8> {
    let random = |part: usize, most: usize| {
        let mixed = (number * 31 + part + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 33) % most
    };
    let period = 6 + random(0, 5);
    let (left, up) = (random(1, period), random(2, period));
    let colors = [0, 1].map(|which| {
        [0, 1, 2].map(|channel| (which * 120 + random(3 + which * 3 + channel, 110)) as u8)
    });
    let mut bytes = b"P6 40 40 255\n".to_vec();
    for y in 0..40 {
        for x in 0..40 {
            let across = (x + left) % period < period / 2;
            let down = (y + up) % period < period / 2;
            let is_set = [across, across && down, down][class];
            bytes.extend(colors[usize::from(is_set)]);
        }
    }
    bytes
}

/// `ocelli teach` on the pure-Rust engine, which every clone has.
fn teach(args: &[&str]) -> Output {
    ocelli(["teach", "--engine", "rten", "--json"].iter().chain(args))
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The model's manifest.
fn manifest(model: &str) -> Value {
    let output = ocelli(["inspect", model, "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["manifest"].clone()
}

/// What `verify` says of each engine that is here.
fn verdicts(model: &str) -> String {
    let output = ocelli(["verify", "-m", model]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", stderr(&output));
    assert!(said.contains("passed on rten"), "{said}");
    assert!(
        !has_onnxruntime() || said.contains("passed on onnxruntime"),
        "{said}"
    );
    said
}

#[test]
fn a_taught_model_knows_its_new_classes_and_proves_and_describes_itself() {
    for name in ["shapes", "shapes-int8"] {
        let folder = scratch(&format!("teach-{name}"));
        let data = text(&patterns(&folder.join("data"), 20, 0));
        let test = text(&patterns(&folder.join("test"), 20, 1));
        let base = project(&format!("models/{name}.onnx"));
        let out = text(&folder.join("patterns.onnx"));
        let report = report(&teach(&["-m", &base, &data, "-o", &out, "--test", &test]));
        assert_eq!(report["pictures"], 60);
        assert!(
            report["accuracy"]["share"].as_f64().unwrap() >= 0.9,
            "{report:#}"
        );
        let right = report["test"]["accuracy"]["right"].as_u64().unwrap();
        assert!(right >= 50, "{report:#}");
        // What was said of the test is what the file does.
        let output = ocelli(["eval", "-m", &out, &test, "-f", "json", "--engine", "rten"]);
        let measured: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!((measured["accuracy"].as_f64().unwrap() * 60.0 - right as f64).abs() < 1e-9);
        verdicts(&out);
        let manifest = manifest(&out);
        assert_eq!(manifest["labels"], json!(["bars", "dots", "rows"]));
        let training = &manifest["training"];
        let taught = &training["taught"];
        assert_eq!(taught["from"]["name"], "shapes@1");
        assert_eq!(
            taught["pictures"],
            json!({"bars": 20, "dots": 20, "rows": 20})
        );
        assert_eq!(training["dataset"]["test"], 60);
        assert_eq!(
            training["metrics"]["accuracy"],
            rounded(&report["accuracy"]["share"])
        );
        assert_eq!(
            manifest["rejection"]["threshold"],
            report["rejection"]["threshold"]
        );
        let means = manifest["drift"]["embedding"]["class_means"]
            .as_array()
            .unwrap();
        assert_eq!((means.len(), means[0].as_array().unwrap().len()), (3, 48));
        // Nothing of the old head is left in the file.
        let bytes = std::fs::read(&out).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"head.weight"));
    }
}

fn rounded(share: &Value) -> Value {
    json!((share.as_f64().unwrap() * 1e6).round() / 1e6)
}

#[test]
fn how_many_work_changes_nothing_and_a_taught_model_can_be_taught_again() {
    let folder = scratch("teach-again");
    let data = text(&patterns(&folder.join("data"), 6, 0));
    let base = project("models/shapes.onnx");
    let (one, other) = (text(&folder.join("a.onnx")), text(&folder.join("b.onnx")));
    for (out, workers) in [(&one, "1"), (&other, "3")] {
        let args = [
            "-m",
            &base,
            &data,
            "-o",
            out,
            "--name",
            "x",
            "--workers",
            workers,
        ];
        // Six of each are too few to keep some out.
        assert_eq!(report(&teach(&args))["proof"]["kept_out"], false);
    }
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&other).unwrap());
    let again = text(&folder.join("again.onnx"));
    let report = report(&teach(&["-m", &one, &data, "-o", &again]));
    assert_eq!(report["from"], "x@1");
    assert_eq!(report["features"], 48);
    verdicts(&again);
}

#[test]
fn wrong_labels_are_suspected_and_damaged_pictures_counted() {
    let folder = scratch("teach-suspects");
    let data = patterns(&folder.join("data"), 12, 0);
    let wrong = data.join("rows/wrong.ppm");
    std::fs::write(&wrong, pattern(0, 5000)).unwrap();
    std::fs::write(data.join("rows/damaged.ppm"), b"P6 40 40 255\nno pixels").unwrap();
    let base = project("models/shapes.onnx");
    let out = text(&folder.join("new.onnx"));
    let output = teach(&["-m", &base, &text(&data), "-o", &out]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("left out: "),
        "{}",
        stderr(&output)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["failed"], &report["pictures"]),
        (&json!(1), &json!(37))
    );
    assert_eq!(report["suspects"][0]["file"], text(&wrong));
    assert_eq!(report["suspects"][0]["likelier"], "bars");
}

#[test]
fn what_nothing_can_be_learned_from_is_refused_with_what_is_wrong() {
    let folder = scratch("teach-refused");
    let base = project("models/shapes.onnx");
    let out = text(&folder.join("new.onnx"));
    let refused = |data: &Path, more: &[&str]| {
        let data = text(data);
        let output = teach(&[&["-m", &base, &data, "-o", &out], more].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(!Path::new(&out).exists());
        stderr(&output)
    };
    let one = folder.join("one");
    std::fs::rename(patterns(&folder.join("all"), 6, 0).join("bars"), {
        std::fs::create_dir(&one).unwrap();
        one.join("bars")
    })
    .unwrap();
    assert!(
        refused(&one, &[]).contains("pictures of one class only, expected two classes or more")
    );

    let few = patterns(&folder.join("few"), 6, 0);
    std::fs::remove_file(few.join("dots/000.ppm")).unwrap();
    std::fs::remove_file(few.join("dots/001.ppm")).unwrap();
    let said = refused(&few, &[]);
    assert!(
        said.contains(
            "too few pictures to learn from: `dots` has 4, expected 5 or more of each class"
        ),
        "{said}"
    );

    let twice = patterns(&folder.join("twice"), 6, 0);
    std::fs::copy(twice.join("bars/003.ppm"), twice.join("rows/copy.ppm")).unwrap();
    let said = refused(&twice, &[]);
    let pair = format!("{0}/rows/copy.ppm is {0}/bars/003.ppm", text(&twice));
    assert!(
        said.contains("1 picture is in two classes: ") && said.contains(&pair),
        "{said}"
    );

    let good = patterns(&folder.join("good"), 6, 0);
    let test = patterns(&folder.join("test"), 2, 1);
    std::fs::copy(good.join("bars/000.ppm"), test.join("bars/same.ppm")).unwrap();
    let said = refused(&good, &["--test", &text(&test)]);
    assert!(
        said.contains("1 picture is both learned from and tested on"),
        "{said}"
    );
    std::fs::rename(test.join("dots"), test.join("stars")).unwrap();
    let said = refused(&good, &["--test", &text(&test)]);
    assert!(
        said.contains("folders that are no classes: `stars`, expected some of bars, dots, rows"),
        "{said}"
    );

    let same = patterns(&folder.join("same"), 6, 0);
    for number in 1..6 {
        let copy = same.join(format!("rows/{number:03}.ppm"));
        std::fs::copy(same.join("rows/000.ppm"), copy).unwrap();
    }
    let said = refused(&same, &[]);
    assert!(
        said.contains("the 6 pictures of `rows` are nearly the same one"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_there_is_written_over_only_by_force() {
    let folder = scratch("teach-force");
    let data = text(&patterns(&folder.join("data"), 5, 0));
    let base = project("models/shapes.onnx");
    let out = folder.join("new.onnx");
    std::fs::write(&out, "mine").unwrap();
    let args = ["-m", &base, &data, "-o", &text(&out)];
    let output = teach(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is there already") && stderr(&output).contains("(--force)"));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    report(&teach(&[&args[..], &["--force"]].concat()));
    verdicts(&text(&out));
    // Nothing unfinished is left.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn a_class_is_added_without_the_old_pictures_unless_it_looks_like_an_old_one() {
    let folder = scratch("teach-add");
    let data = patterns(&folder.join("data"), 12, 0);
    let base = project("models/shapes.onnx");
    let out = text(&folder.join("more.onnx"));
    let bars = format!("bars={}", text(&data.join("bars")));
    let report = report(&teach(&["-m", &base, "--add", &bars, "-o", &out]));
    assert_eq!(report["model"], "shapes@1+bars");
    assert!(report["found"].as_f64().unwrap() >= 0.8, "{report:#}");
    assert!(report["kept"].as_f64().unwrap() >= 0.95, "{report:#}");
    verdicts(&out);
    // The old classes are still told apart, and the new one is found on other pictures.
    let run = ["run", "-m", &out, "--engine", "rten", "-f", "json"];
    let samples = project("models/samples");
    let output = ocelli(run.iter().chain(&[samples.as_str()]));
    for record in records(&output) {
        let file = record["source"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        let label = record["label"].as_str().unwrap();
        assert!(file.starts_with(label), "{file}: {label}");
    }
    let others = text(&patterns(&folder.join("others"), 12, 1).join("bars"));
    let output = ocelli(run.iter().chain(&[others.as_str()]));
    let answers = records(&output);
    let found = labels(&answers)
        .iter()
        .filter(|label| **label == "bars")
        .count();
    assert!(found >= 9, "{found} of 12");
    let manifest = manifest(&out);
    assert_eq!(manifest["labels"][4], "bars");
    assert_eq!(manifest["rejection"], Value::Null);
    assert_eq!(
        manifest["drift"]["embedding"]["class_means"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    // Two of the twelve are the proof's alone.
    assert_eq!(
        manifest["training"]["taught"]["pictures"],
        json!({"bars": 10})
    );

    let refused = |label: &str| {
        let add = format!("{label}={others}");
        let output = teach(&[
            "-m",
            &out,
            "--add",
            &add,
            "-o",
            &text(&folder.join("no.onnx")),
        ]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(refused("bars").contains("the model has this class already"));
    let said = refused("stripes");
    assert!(
        said.contains("of the 12 pictures of `stripes` look like `bars`"),
        "{said}"
    );
}

/// Heads of others, each its own way to say the same.
const HEADS: [&str; 9] = [
    "bare_conv",
    "doubles",
    "dropout",
    "gemm",
    "label_and_scores",
    "log_softmax",
    "old_softmax",
    "quantized_logits",
    "relu",
];

/// Networks of others that end in other ways: what is their features, and how it is pooled.
#[test]
fn heads_of_many_makes_are_replaced() {
    let folder = scratch("teach-heads");
    let data = text(&patterns(&folder.join("data"), 6, 0));
    for name in HEADS {
        let model = root().join(format!("tests/heads/{name}.onnx"));
        let out = text(&folder.join(format!("{name}.onnx")));
        let args = ["-m", &text(&model), &data, "-o", &out];
        report(&teach(&[&args[..], &STEPS].concat()));
        verdicts(&out);
    }
}

#[test]
fn photographs_of_fruit_are_told_apart_on_the_features_of_real_networks() {
    let Some(assets) = assets() else { return };
    let folder = scratch("teach-fruit");
    let file = |path: &str| text(&assets.join(path));
    let imagenet = [
        "--color=RGB",
        "--crop=224",
        "--filter=bilinear",
        "--resize=shortest:256",
    ];
    let cases: [(&str, &[&str], usize); 3] = [
        (
            "mobilenet_v2_1.0_224_f32_nchw_logits",
            &["--rescale=1/255", "--mean=0.5,0.5,0.5", "--std=0.5,0.5,0.5"],
            1280,
        ),
        // 16-bit floats; its head is a 1x1 convolution before the pooling.
        (
            "squeezenet_fp16",
            &[
                "--color=BGR",
                "--rescale=1",
                "--mean=103.94,116.78,123.68",
                "--std=1,1,1",
            ],
            512,
        ),
        // 8-bit integers.
        (
            "mobilenet_v1_0.25_128_qdq_u8nhwc_u8out",
            &["--resize=shortest:146", "--crop=128"],
            256,
        ),
    ];
    for (name, flags, features) in cases {
        let defaults = imagenet.iter().filter(|default| {
            let flag = default.split('=').next().unwrap_or_default();
            flags.iter().all(|given| !given.starts_with(flag))
        });
        let flags: Vec<&str> = defaults.chain(flags).copied().collect();
        let model = file(&format!("models/{name}.onnx"));
        let (data, test) = (file("fruit3/train"), file("fruit3/test"));
        let out = text(&folder.join(format!("{name}.onnx")));
        let args = [
            "teach", "--json", "-m", &model, &data, "-o", &out, "--test", &test,
        ];
        let report = report(&ocelli(args.iter().chain(&flags)));
        assert_eq!(report["features"], features);
        let right = report["test"]["accuracy"]["right"].as_u64().unwrap();
        assert!(right >= 11, "{name}: {report:#}");
        verdicts(&out);
    }
}
