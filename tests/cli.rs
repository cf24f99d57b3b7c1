//! The commands as a user meets them: output, messages, exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{command, labels, ocelli, project, records, root, scratch, stderr};

/// The bundled model on the engine that is always there.
fn run(args: &[&str]) -> std::process::Output {
    let model = project("models/shapes.onnx");
    let mut all = vec!["run", "-m", &model, "--engine", "rten"];
    all.extend(args);
    ocelli(all)
}

#[test]
fn sample_pictures_get_their_labels_in_order() {
    let output = run(&["-f", "json", &project("models/samples")]);
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records(&output);
    assert!(records.len() >= 4);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["frame"], number);
        let source = record["source"].as_str().unwrap();
        let label = record["label"].as_str().unwrap();
        assert!(
            source.rsplit('/').next().unwrap().starts_with(label),
            "{source}: {label}"
        );
    }
    let sources: Vec<&str> = records
        .iter()
        .map(|r| r["source"].as_str().unwrap())
        .collect();
    assert!(sources.is_sorted());
}

#[test]
fn a_json_record_has_every_key_of_the_contract() {
    let output = run(&["-f", "json", "synthetic:fps=0,frames=1"]);
    let record = &records(&output)[0];
    let mut keys = [
        "ts",
        "frame",
        "source",
        "model",
        "label",
        "index",
        "score",
        "top",
        "unknown",
        "timing_ms",
        "frame_age_ms",
        "dropped",
        "engine",
        "provider",
    ];
    keys.sort_unstable();
    let mut found: Vec<&str> = record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    found.sort_unstable();
    assert_eq!(found, keys);
    assert_eq!(record["engine"], "rten 0.27");
    assert_eq!(record["provider"], "cpu");
    assert_eq!(record["frame_age_ms"], Value::Null);
    let timing = record["timing_ms"].as_object().unwrap();
    let stages = ["capture", "decode", "preprocess", "inference", "total"];
    assert_eq!(timing.len(), stages.len());
    let sum: f64 = stages[..4]
        .iter()
        .map(|s| timing[*s].as_f64().unwrap())
        .sum();
    assert!((sum - timing["total"].as_f64().unwrap()).abs() < 0.01);
    let scores: f64 = record["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["score"].as_f64().unwrap())
        .sum();
    assert!((scores - 1.0).abs() < 1e-5, "four classes are all listed");
}

#[test]
fn the_synthetic_camera_is_labelled_right() {
    let output = run(&["-f", "json", "synthetic:fps=0,frames=600,seed=5"]);
    let records = records(&output);
    let right = records
        .iter()
        .filter(|r| r["source"] == format!("synthetic:{}", r["label"].as_str().unwrap()))
        .count();
    assert_eq!(records.len(), 600);
    assert!(right >= 570, "{right} of 600");
}

#[test]
fn a_live_source_reports_age_and_drops() {
    let output = run(&["-f", "json", "--threads", "1", "synthetic:fps=60,frames=30"]);
    let records = records(&output);
    let last = records.last().expect("some frames are classified");
    assert!(last["frame_age_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(records.len() as u64 + last["dropped"].as_u64().unwrap(), 30);
}

#[test]
fn text_and_csv_say_the_same() {
    let sample = project("models/samples");
    let text = run(&["-k", "2", &sample]);
    let csv = run(&["-k", "2", "-f", "csv", &sample]);
    let lines: Vec<String> = String::from_utf8(text.stdout)
        .unwrap()
        .lines()
        .map(String::from)
        .collect();
    let mut reader = csv::Reader::from_reader(csv.stdout.as_slice());
    let head: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    assert_eq!(&head[19..], ["label_2", "score_2"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        let best: f64 = row[6].parse().unwrap();
        let unknown = if &row[7] == "true" {
            "unknown, perhaps "
        } else {
            ""
        };
        let start = format!("{}: {unknown}{} {best:.4}, {} ", &row[2], &row[4], &row[19]);
        assert!(line.starts_with(&start), "{line} / {start}");
    }
}

#[test]
fn batches_and_workers_change_nothing_but_time() {
    let source = "synthetic:fps=0,frames=50,seed=3";
    let plain = run(&["-f", "json", source]);
    for how in [["--batch", "8"], ["--workers", "3"]] {
        let other = run(&[&["-f", "json", source], &how[..]].concat());
        let (plain, other) = (records(&plain), records(&other));
        assert_eq!(labels(&plain), labels(&other), "{how:?}");
        for (a, b) in plain.iter().zip(&other) {
            assert_eq!(a["frame"], b["frame"]);
            assert!((a["score"].as_f64().unwrap() - b["score"].as_f64().unwrap()).abs() < 1e-4);
        }
    }
}

#[test]
fn a_bad_file_among_good_ones_is_reported_and_the_rest_goes_on() {
    let folder = scratch("one-bad");
    let sample = std::fs::read_dir(root().join("models/samples"))
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    std::fs::copy(&sample, folder.join("a.jpg")).unwrap();
    std::fs::write(folder.join("b.jpg"), "this is text").unwrap();
    std::fs::copy(&sample, folder.join("c.jpg")).unwrap();
    std::fs::write(folder.join("notes.md"), "not looked at").unwrap();
    for how in [vec![], vec!["--batch", "2"]] {
        let folder = folder.display().to_string();
        let output = run(&[&["-f", "json", &folder], &how[..]].concat());
        assert_eq!(output.status.code(), Some(1));
        let frames: Vec<u64> = records(&output)
            .iter()
            .map(|r| r["frame"].as_u64().unwrap())
            .collect();
        assert_eq!(frames, [0, 2]);
        let errors = stderr(&output);
        assert!(
            errors.contains("b.jpg: not an image: it begins with 74 68 69 73"),
            "{errors}"
        );
        assert!(errors.contains("1 files are left out"), "{errors}");
        assert!(errors.contains("2 classified, 1 failed"), "{errors}");
    }
}

#[test]
fn what_cannot_start_exits_with_2_and_names_the_remedy() {
    let shapes = project("models/shapes.onnx");
    let empty = scratch("empty").display().to_string();
    let cases: [(&[&str], &str); 8] = [
        (
            &["run", "-m", "nowhere.onnx", "x.jpg"],
            "nowhere.onnx: the model cannot be read",
        ),
        (
            &["run", "-m", &shapes],
            "sources: none is given; name files, folders, `-` or `synthetic:`",
        ),
        (
            &["run", "-m", &shapes, &empty],
            "no pictures in this folder",
        ),
        (
            &["run", "-m", &shapes, "*.nothing"],
            "*.nothing: matches no file",
        ),
        (
            &["run", "-m", &shapes, "camera:nowhere"],
            "camera:nowhere: ",
        ),
        (
            &["run", "-m", &shapes, "synthetic:hue=3"],
            "expected fps=30, frames=100, size=320x240 or seed=1",
        ),
        (
            &["run", "-m", &shapes, "--ort", "/nowhere.so", "x.jpg"],
            "/nowhere.so: cannot open it: No such file",
        ),
        (
            &["eval", "-m", &shapes, &empty],
            "no folders in it, expected one per class",
        ),
    ];
    for (args, expected) in cases {
        let output = ocelli(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(expected),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty());
    }
    assert_eq!(ocelli(["run", "--nonsense"]).status.code(), Some(2));
    let named = command()
        .args(["run", "-m", &shapes, "x.jpg"])
        .env("ORT_DYLIB_PATH", &shapes)
        .output()
        .unwrap();
    assert_eq!(
        named.status.code(),
        Some(2),
        "what is named is used, or an error: {}",
        stderr(&named)
    );
    assert!(
        stderr(&named).contains("it is not a 64-bit shared library"),
        "{}",
        stderr(&named)
    );
}

#[test]
fn a_library_that_is_too_old_is_refused_with_both_versions() {
    let folder = scratch("old-library");
    let code = "static const char *version(void) { return \"1.16.3\"; } \
        static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {0, version}; \
        const void *OrtGetApiBase(void) { return &base; }";
    std::fs::write(folder.join("old.c"), code).unwrap();
    let library = folder
        .join("libonnxruntime.so.1.16.3")
        .display()
        .to_string();
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o", &library])
        .arg(folder.join("old.c"))
        .status();
    assert!(built.unwrap().success());
    let output = ocelli([
        "run",
        "-m",
        &project("models/shapes.onnx"),
        "--ort",
        &library,
        "synthetic:fps=0,frames=1",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let expected =
        format!("{library}: it is version 1.16.3, but 1.17 or later is needed; run scripts/setup");
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

#[test]
fn a_threshold_makes_unsure_answers_unknown() {
    let output = run(&["-f", "json", "--threshold", "1", &project("models/samples")]);
    assert!(
        records(&output)
            .iter()
            .all(|r| r["unknown"] == (r["score"].as_f64().unwrap() < 1.0))
    );
    let text = run(&["--threshold", "1", "-k", "1", &project("models/samples")]);
    assert!(String::from_utf8_lossy(&text.stdout).contains(": unknown, perhaps "));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = command()
        .args([
            "run",
            "-q",
            "-m",
            &project("models/shapes.onnx"),
            "--engine",
            "rten",
            "synthetic:fps=0,frames=100000",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(stderr(&output), "");
}

#[test]
fn an_interrupt_ends_a_blocked_read_within_a_second() {
    let mut child = command()
        .args([
            "run",
            "-q",
            "-m",
            &project("models/shapes.onnx"),
            "--engine",
            "rten",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let sample = std::fs::read_dir(root().join("models/samples"))
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    input.write_all(&std::fs::read(sample).unwrap()).unwrap();
    input.flush().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(
        !line.is_empty(),
        "the first record comes while the pipe stays open"
    );
    let started = Instant::now();
    std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(1));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
