//! The live loop, without a camera: the synthetic source has a clock, pipes stay open, and
//! recordings are played again. Cameras are tested on kernel drivers, see tests/rig.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    at_terminal, command, labels, ocelli, project, records, root, scratch, stderr,
};

/// The arguments of a run of the bundled model on `rest`.
fn live(rest: &[&str]) -> Vec<String> {
    let model = project("models/shapes.onnx");
    let start = ["run", "-m", &model, "--engine", "rten", "-f", "json"];
    let all = start.iter().chain(rest);
    all.map(|s| (*s).to_owned()).collect()
}

fn start(args: &[String]) -> Child {
    let mut command = command();
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(sent.success());
}

fn next_record(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
}

fn drops(record: &Value, cause: &str) -> u64 {
    record["drops"][cause].as_u64().unwrap()
}

#[test]
fn every_third_frame_is_classified_and_the_others_are_counted() {
    let output = ocelli(live(&["synthetic:fps=60,frames=31", "--every", "3"]));
    let records = records(&output);
    let last = records.last().unwrap();
    assert_eq!(drops(last, "paced"), 20);
    assert_eq!(records.len() as u64 + drops(last, "newer"), 11);
    assert_eq!(last["dropped"].as_u64().unwrap(), 20 + drops(last, "newer"));
}

#[test]
fn a_rate_limit_leaves_frames_out_on_purpose() {
    let output = ocelli(live(&[
        "synthetic:fps=100",
        "--max-fps",
        "10",
        "--frames",
        "4",
    ]));
    let records = records(&output);
    assert_eq!(records.len(), 4);
    assert!(drops(&records[3], "paced") > 0, "{}", records[3]);
    assert_eq!(drops(&records[3], "newer"), 0);
    assert!(stderr(&output).contains("4 frames classified in"));
}

#[test]
fn a_recording_is_played_again_with_the_same_answers_at_the_same_times() {
    let folder = scratch("recording").join("kept");
    let folder = folder.to_str().unwrap();
    let steady = [
        "--smooth", "200ms", "--enter", "0.7", "--leave", "0.3", "--hold", "80ms",
    ];
    let first = ocelli(live(
        &[
            &["synthetic:fps=60,frames=100", "--record", folder],
            &steady[..],
        ]
        .concat(),
    ));
    let replay = format!("replay:{folder}");
    let again = ocelli(live(&[&[replay.as_str()], &steady[..]].concat()));
    let (first, again) = (records(&first), records(&again));
    assert_eq!(first.len(), again.len());
    assert_eq!(labels(&first), labels(&again));
    for (a, b) in first.iter().zip(&again) {
        for same in ["ts", "source", "unknown", "index"] {
            assert_eq!(a[same], b[same], "{a}\n{b}");
        }
        let difference = a["score"].as_f64().unwrap() - b["score"].as_f64().unwrap();
        assert!(difference.abs() < 1e-4, "{a}\n{b}");
        let from = |record: &Value| record["changed"]["from"].clone();
        assert_eq!(from(a), from(b));
    }
    // A second recording does not overwrite the first.
    let refused = ocelli(live(&["synthetic:", "--record", folder]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("name another folder (--record DIR)"));
    // Only changes: the records that say so, and no others.
    let changes = ocelli(live(
        &[&[replay.as_str(), "--changes-only"], &steady[..]].concat(),
    ));
    let expected: Vec<_> = again
        .iter()
        .filter(|r| r.get("changed").is_some())
        .collect();
    let changes = records(&changes);
    assert!(changes.len() >= 3, "{changes:?}");
    assert_eq!(changes.len(), expected.len());
    assert_eq!(changes[1]["label"], expected[1]["label"]);
    assert_eq!(changes[1]["changed"]["from"], changes[0]["label"]);
    assert!(changes[1]["changed"]["lasted_ms"].as_f64().unwrap() > 100.0);
}

#[test]
fn a_recording_stops_at_its_limit_and_the_run_goes_on() {
    let folder = scratch("recording-limit").join("kept");
    let folder = folder.to_str().unwrap();
    // 320x240 RGB are 230,400 bytes: four fit into a megabyte.
    let flags = [
        "synthetic:fps=60,frames=9",
        "--record",
        folder,
        "--record-limit",
        "1",
    ];
    let output = ocelli(live(&flags));
    let newer = drops(records(&output).last().unwrap(), "newer");
    assert_eq!(records(&output).len() as u64 + newer, 9);
    assert!(stderr(&output).contains("the recording is full: 4 frames, 921600 bytes"));
    let played = ocelli(live(&[&format!("replay:{folder}")]));
    assert_eq!(records(&played).len(), 4);
}

#[test]
fn a_broken_recording_is_an_error_of_that_frame() {
    let folder = scratch("recording-broken");
    let path = folder.to_str().unwrap();
    std::fs::copy(project("models/samples/circle-1.jpg"), folder.join("a.jpg")).unwrap();
    let line =
        |file: &str| format!(r#"{{"file":"{file}","at_us":0,"time_us":0,"source":"camera:0"}}"#);
    let list = [
        line("a.jpg"),
        line("../a.jpg"),
        line("gone.jpg"),
        "{".into(),
        line("a.jpg"),
    ];
    std::fs::write(folder.join("frames.jsonl"), list.join("\n")).unwrap();
    let output = ocelli(live(&[&format!("replay:{path}")]));
    let records = records(&output);
    assert_eq!(
        labels(&records),
        ["circle", "circle"],
        "{}",
        stderr(&output)
    );
    assert_eq!(drops(&records[1], "damaged"), 3);
    assert!(stderr(&output).contains("`../a.jpg` is not a plain file name"));
    let none = ocelli(live(&["replay:/nowhere"]));
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("name a folder that a live session was recorded to, or kept frames in (--record DIR, --keep DIR)")
    );
}

#[test]
fn a_bad_frame_in_a_live_pipe_is_skipped_told_once_and_counted() {
    let good = std::fs::read(root().join("models/samples/circle-1.jpg")).unwrap();
    let mut child = start(&live(&["-", "--live"]));
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Whole by its markers, but without the pixels' Huffman tables' sense.
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle..middle + 200].fill(0x55);
    input.write_all(&good).unwrap();
    assert_eq!(next_record(&mut lines)["label"], "circle");
    for _ in 0..3 {
        input.write_all(&bad).unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }
    input.write_all(&good).unwrap();
    let record = next_record(&mut lines);
    assert_eq!(record["label"], "circle");
    assert_eq!(drops(&record, "damaged"), 3);
    drop(input);
    let output = child.wait_with_output().unwrap();
    let told = stderr(&output).matches("a frame is skipped").count();
    assert_eq!(told, 1, "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_still_scene_is_not_classified_again_until_it_moves_or_time_is_up() {
    let picture =
        |name: &str| std::fs::read(project(&format!("models/samples/{name}.jpg"))).unwrap();
    let (circle, star) = (picture("circle-1"), picture("star-1"));
    let mut child = start(&live(&[
        "-",
        "--live",
        "--skip-still",
        "--still-limit",
        "600s",
    ]));
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut show = |frame: &[u8], times: usize| {
        for _ in 0..times {
            input.write_all(frame).unwrap();
            std::thread::sleep(Duration::from_millis(60));
        }
    };
    show(&circle, 1);
    assert_eq!(next_record(&mut lines)["label"], "circle");
    show(&circle, 5);
    show(&star, 3);
    let record = next_record(&mut lines);
    assert_eq!(record["label"], "star");
    assert_eq!(drops(&record, "still") + drops(&record, "newer"), 5);
    show(&circle, 1);
    let record = next_record(&mut lines);
    assert_eq!(drops(&record, "still") + drops(&record, "newer"), 7);
    assert!(drops(&record, "still") >= 4, "{record}");
    // What is still is not lost.
    assert_eq!(record["dropped"].as_u64(), Some(drops(&record, "newer")));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn sigterm_ends_a_live_loop_that_waits_for_frames() {
    let mut child = start(&live(&["-", "--live"]));
    let _held_open = child.stdin.take();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(errors.next().unwrap().unwrap().contains("runs on"));
    let asked = Instant::now();
    signal(&child, "-TERM");
    let status = child.wait().unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0));
}

#[test]
fn sighup_takes_a_new_model_over_if_its_proof_passes() {
    let folder = scratch("reload");
    let model = folder.join("model.onnx");
    let put = |bytes: &[u8]| {
        std::fs::write(folder.join("new"), bytes).unwrap();
        std::fs::rename(folder.join("new"), &model).unwrap();
    };
    let shapes = std::fs::read(project("models/shapes.onnx")).unwrap();
    put(&shapes);
    let mut args = live(&["synthetic:fps=20"]);
    args[2] = model.display().to_string();
    let mut child = start(&args);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = |what: &str| {
        let line = errors.find(|line| line.as_ref().unwrap().contains(what));
        line.unwrap().unwrap()
    };
    assert_eq!(next_record(&mut lines)["model"], "shapes@1");

    put(&shapes[..shapes.len() / 2]);
    signal(&child, "-HUP");
    told("the old model goes on");

    // The same network with other labels: its proof shows that they are wrong.
    let swapped = String::from_utf8_lossy(&shapes).contains(r#"["circle","square""#);
    assert!(swapped, "the labels stand in the file as JSON");
    let mut wrong = shapes.clone();
    let at = memmem(&wrong, br#"["circle","square""#);
    wrong[at..at + 18].copy_from_slice(br#"["square","circle""#);
    put(&wrong);
    signal(&child, "-HUP");
    assert!(told("the old model goes on").contains("its proof fails on rten"));
    assert_eq!(next_record(&mut lines)["model"], "shapes@1");

    put(&std::fs::read(project("models/digits.onnx")).unwrap());
    signal(&child, "-HUP");
    told("digits@1 takes over on rten");
    let another = lines.find(|line| line.as_ref().unwrap().contains("digits@1"));
    assert!(another.is_some());
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn memmem(bytes: &[u8], pattern: &[u8]) -> usize {
    let mut windows = bytes.windows(pattern.len());
    windows.position(|window| window == pattern).unwrap()
}

#[test]
fn the_service_manager_hears_of_readiness_life_and_end() {
    let path = scratch("notify").join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    let args = live(&["synthetic:fps=20", "--stop-after", "1s"]);
    // A watched process knows itself by WATCHDOG_PID: the shell becomes the program.
    let output = Command::new("sh")
        .args(["-c", r#"WATCHDOG_PID=$$ exec "$0" "$@""#])
        .arg(env!("CARGO_BIN_EXE_ocelli"))
        .args(args)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    socket.set_nonblocking(true).unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    while let Ok(length) = socket.recv(&mut buffer) {
        heard.push(String::from_utf8_lossy(&buffer[..length]).trim().to_owned());
    }
    assert_eq!(
        heard.first().map(String::as_str),
        Some("READY=1"),
        "{heard:?}"
    );
    assert_eq!(
        heard.last().map(String::as_str),
        Some("STOPPING=1"),
        "{heard:?}"
    );
    let fed = heard.iter().filter(|line| *line == "WATCHDOG=1").count();
    assert!((4..=12).contains(&fed), "{heard:?}");
}

#[test]
fn a_person_at_a_terminal_sees_one_block_with_bars() {
    let Some(text) = at_terminal("synthetic: --stop-after 1s") else {
        return;
    };
    for part in ["█", "square", "frames, ", "per second", "dropped 0", "age "] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn flags_for_live_sources_are_refused_for_files() {
    let sample = project("models/samples/circle-1.jpg");
    for flag in [
        "--changes-only",
        "--smooth=1s",
        "--hold=1s",
        "--max-fps=3",
        "--record=/x",
    ] {
        let output = ocelli(live(&[&sample, flag]));
        assert_eq!(output.status.code(), Some(2), "{flag}");
        let expected = "this is for live sources, and these are files or a stream";
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let output = ocelli(live(&["synthetic:", "--enter", "0.4", "--leave", "0.5"]));
    assert!(stderr(&output).contains("0.5 is above the score 0.4 at which a class is entered"));
}
