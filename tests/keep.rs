//! `--keep`: frames worth looking at, kept by the program as a user runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::serve::Service;
use crate::support::{command, ocelli, project, records, root, scratch, stderr};

/// A run of the bundled model on `rest`.
fn run(rest: &[&str]) -> Output {
    ocelli(arguments(rest))
}

fn arguments<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    static MODEL: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| project("models/shapes.onnx"));
    let start = ["run", "-m", &MODEL, "--engine", "rten", "-f", "json"];
    start.iter().chain(rest).copied().collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The entries of a ring's folder, with their pictures, which are whole.
fn kept(folder: &Path) -> Vec<(Value, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let mut entries: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| !path.ends_with("ring.json"))
        .collect();
    entries.sort();
    let whole = |path: PathBuf| {
        let entry: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let picture = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
        assert_eq!(entry["kept"]["bytes"], picture.len(), "{}", path.display());
        (entry, picture)
    };
    entries.into_iter().map(whole).collect()
}

/// A sample's picture through a live pipe, `times` times, at 20 frames per second.
fn pipe(picture: &[u8], times: u32, rest: &[&str]) -> Output {
    let mut child = command()
        .args(arguments(&["-", "--live"]))
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for _ in 0..times {
        input.write_all(picture).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(input);
    child.wait_with_output().unwrap()
}

#[test]
fn a_camera_s_pictures_are_kept_as_they_came_with_all_that_was_said_of_them() {
    let folder = scratch("keep-bytes").join("ring");
    let picture = std::fs::read(root().join("models/samples/circle-1.jpg")).unwrap();
    let flags = ["--keep", text(&folder), "--keep-sample", "100ms"];
    let output = pipe(&picture, 24, &flags);
    let kept = kept(&folder);
    assert!((1..=14).contains(&kept.len()), "{}", stderr(&output));
    for (entry, bytes) in &kept {
        assert!(*bytes == picture);
        assert_eq!(entry["source"], "-");
        let said = &entry["kept"];
        assert_eq!(said["reason"], "random");
        assert_eq!(said["record"]["label"], "circle");
        let time = entry["time_us"].as_u64().unwrap() / 1000;
        let ts = said["record"]["ts"].as_str().unwrap();
        assert!(
            ts.ends_with(&format!(".{:03}Z", time % 1000)),
            "{ts} {time}"
        );
        let scores = said["scores"].as_array().unwrap();
        assert_eq!(scores.len(), 4);
        let best = said["record"]["score"].as_f64().unwrap();
        assert!((scores[0].as_f64().unwrap() - best).abs() < 1e-5);
        // 48 features of 16 bits are 128 letters.
        assert_eq!(said["embedding"].as_str().unwrap().len(), 128);
        assert!(said["distance"].is_number());
        assert_eq!(said["model_sha256"].as_str().unwrap().len(), 64);
    }
    assert!(
        stderr(&output).contains(&format!("ring: {} frames kept, {0} are there", kept.len())),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_ring_is_played_again_with_the_same_answers() {
    let folder = scratch("keep-replay").join("ring");
    let flags = ["--keep", text(&folder), "--keep-sample", "300ms"];
    let first = run(&[&["synthetic:fps=30,frames=75"], &flags[..]].concat());
    let kept = kept(&folder);
    assert!(kept.len() >= 5, "{}", stderr(&first));
    // A change of the shape is a reason, and why frames are kept is said of each.
    let changed = kept.iter().filter(|(entry, _)| {
        let said = &entry["kept"];
        let also = said["also"].as_array().into_iter().flatten();
        also.chain([&said["reason"]]).any(|r| r == "changed")
    });
    assert!(changed.count() >= 1, "{}", stderr(&first));
    let again = run(&[&format!("replay:{}", folder.display())]);
    let again = records(&again);
    assert_eq!(again.len(), kept.len());
    for ((entry, _), record) in kept.iter().zip(&again) {
        assert_eq!(record["label"], entry["kept"]["record"]["label"]);
        assert_eq!(record["source"], entry["source"]);
        assert_eq!(record["ts"], entry["kept"]["record"]["ts"]);
    }
    // Another run goes on where this one ended.
    run(&[&["synthetic:fps=30,frames=20"], &flags[..]].concat());
    let more = self::kept(&folder);
    assert!(more.len() > kept.len());
    assert_eq!(more[..kept.len()], kept[..]);
}

#[test]
fn only_the_region_is_kept_and_the_right_way_up() {
    let folder = scratch("keep-region").join("ring");
    let flags = [
        "synthetic:fps=30,frames=60,size=320x240",
        "--keep",
        text(&folder),
        "--keep-sample",
        "100ms",
        "--rotate",
        "90",
        "--roi",
        "0,0,0.5,0.25",
    ];
    let output = run(&flags);
    let kept = kept(&folder);
    assert!(!kept.is_empty(), "{}", stderr(&output));
    for (_, picture) in kept {
        // 320x240 is seen as 240x320; half and a quarter of that are 120x80. The size
        // stands in the frame header: marker, length, precision, rows, columns.
        let at = picture.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        assert_eq!(picture[at + 5..at + 9], [0, 80, 0, 120]);
    }
}

#[test]
fn several_sources_have_a_folder_each_in_one_ring() {
    let folder = scratch("keep-several").join("ring");
    let flags = [
        "door=synthetic:fps=30,frames=60",
        "synthetic:fps=30,frames=60,seed=2",
        "--keep",
        text(&folder),
        "--keep-sample",
        "100ms",
    ];
    let output = run(&flags);
    let door = kept(&folder.join("door"));
    let other = kept(&folder.join("synthetic_fps_30_frames_60_seed_2"));
    assert!(!door.is_empty() && !other.is_empty(), "{}", stderr(&output));
    assert!(door.iter().all(|(e, _)| e["kept"]["source_name"] == "door"));
    let refused = run(&[&format!("replay:{}", folder.display())]);
    let told = stderr(&refused);
    assert!(
        told.contains("these folders hold the frames of a source each: ")
            && told.contains("ring/door"),
        "{told}"
    );
    let played = run(&[&format!("replay:{}/door", folder.display())]);
    assert_eq!(records(&played).len(), door.len());
}

#[test]
fn what_cannot_be_kept_in_is_refused_before_anything_runs() {
    let folder = scratch("keep-refused");
    std::fs::write(folder.join("holiday.jpg"), "mine").unwrap();
    let refused = |rest: &[&str]| {
        let output = run(rest);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    let told = refused(&["synthetic:", "--keep", text(&folder)]);
    assert!(
        told.contains(
            "the folder holds other files; name one that is empty, or not there yet (--keep DIR)"
        ),
        "{told}"
    );
    let told = refused(&["synthetic:fps=0", "--keep", text(&folder.join("ring"))]);
    assert!(told.contains("--keep: this is for live sources"), "{told}");
    let told = refused(&["synthetic:", "--keep-size", "3"]);
    assert!(told.contains("--keep <DIR>"), "{told}");
    assert_eq!(std::fs::read(folder.join("holiday.jpg")).unwrap(), b"mine");
    assert!(!folder.join("ring").exists());
}

/// The name of the newest picture.
fn newest(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = files.map(|file| file.path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "jpg"))
        .max()
}

/// Whether everything that was written is whole, or what was being written then.
fn is_whole(folder: &Path) -> (u64, usize) {
    let (mut bytes, mut frames, mut undone) = (0, 0, 0);
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = file.path();
        bytes += file.metadata().map_or(0, |file| file.len());
        if path.extension().is_some_and(|end| end == "json") && !path.ends_with("ring.json") {
            let entry: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let picture = path.with_extension("jpg");
            // Only the last one may still have to be renamed, or be half deleted.
            match std::fs::metadata(&picture) {
                Ok(file) => {
                    assert_eq!(entry["kept"]["bytes"], file.len());
                    frames += 1;
                }
                Err(_) => undone += 1,
            }
        }
    }
    assert!(undone <= 1, "{undone}");
    (bytes, frames)
}

#[test]
fn a_run_that_is_killed_leaves_no_torn_frame_and_stays_within_its_limit() {
    let folder = scratch("keep-killed").join("ring");
    let flags = [
        "synthetic:fps=200",
        "--keep",
        text(&folder),
        "--keep-sample",
        "5ms",
        "--keep-size",
        "1",
        "--keep-per-day",
        "100000",
    ];
    let mut most = 0;
    for time in [50, 110, 83, 40, 131, 70] {
        let mut child = command()
            .args(arguments(&flags))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A busy machine starts late: the moment counts from the first frame.
        let (before, started) = (newest(&folder), Instant::now());
        while newest(&folder) == before && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(time));
        child.kill().unwrap();
        child.wait().unwrap();
        let (bytes, frames) = is_whole(&folder);
        assert!(bytes <= 1_000_000, "{bytes}");
        most = most.max(frames);
    }
    assert!(most > 5, "{most}");
    let last = run(&[&flags[1..], &["synthetic:fps=30,frames=2"]].concat());
    assert!(!stderr(&last).contains("not whole"), "{}", stderr(&last));
    let files = std::fs::read_dir(&folder).unwrap().flatten();
    let unfinished = files.filter(|file| file.path().extension().is_some_and(|end| end == "tmp"));
    assert_eq!(unfinished.count(), 0);
    kept(&folder);
}

/// What `script` prints on a disk of its own, mounted with these options, where "$@" is a run
/// that keeps frames in `ring`; and what the run said. None where no disk can be mounted.
fn on_a_disk(name: &str, options: &str, script: &str, rest: &[&str]) -> Option<(String, String)> {
    let folder = scratch(name);
    let mount = format!("mount -t tmpfs -o {options} none {}", folder.display());
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, "sh"]);
        command
    };
    let can = unshare(&mount).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: no disk of its own can be mounted");
        return None;
    }
    let ring = folder.join("ring");
    let keep = ["--keep", text(&ring), "--keep-sample", "20ms"];
    let output = unshare(&format!("{mount} && cd {} && {script}", folder.display()))
        .arg(env!("CARGO_BIN_EXE_ocelli"))
        .args(arguments(&[&keep[..], rest].concat()))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((printed, stderr(&output)))
}

#[test]
fn a_full_disk_is_said_once_and_frames_are_kept_again_when_there_is_room() {
    // It fills up by others, and is emptied again.
    let script = "{ \"$@\" > /dev/null & }; \
        for i in $(seq 200); do [ -e ring/00000004.json ] && break; sleep 0.05; done; \
        dd if=/dev/zero of=filler bs=64k 2> /dev/null; ls ring | wc -l; sleep 0.5; \
        ls ring | wc -l; rm filler; sleep 1; ls ring | wc -l; kill $!; wait; \
        ls ring | grep -c tmp";
    let flags = ["synthetic:fps=50", "--stop-after", "60s"];
    let Some((printed, told)) = on_a_disk("keep-full", "size=4m", script, &flags) else {
        return;
    };
    let counts: Vec<usize> = printed.lines().map(|n| n.trim().parse().unwrap()).collect();
    let [full, still_full, after, unfinished] = counts[..] else {
        panic!("{printed} {told}");
    };
    // A frame may have been on its way.
    assert!(still_full <= full + 2, "{counts:?} {told}");
    assert!(after > still_full, "{counts:?} {told}");
    assert_eq!(unfinished, 0, "{told}");
    let said = |what: &str| told.matches(what).count();
    let until = "no frames are kept until more of the disk is free";
    assert_eq!(said(until), 1, "{told}");
    assert_eq!(said("frames are kept again"), 1, "{told}");
}

#[test]
fn a_disk_that_fails_is_said_once_and_leaves_nothing_unfinished() {
    // Of 15 files, the disk itself, the ring and its mark are three.
    let script = "\"$@\" > /dev/null; ls ring; wc -c ring/*.jpg";
    let flags = ["synthetic:fps=50", "--stop-after", "1500ms"];
    let disk = "size=9m,nr_inodes=15";
    let Some((printed, told)) = on_a_disk("keep-failing", disk, script, &flags) else {
        return;
    };
    let until = "no frames are kept until that works again: No space left on device";
    assert_eq!(told.matches(until).count(), 1, "{told}");
    let files = |end: &str| printed.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!(files(".tmp"), 0, "{printed}");
    // Pictures are listed twice, the mark is no entry.
    let frames = files(".json") - 1;
    assert!(frames >= 5, "{printed}");
    assert_eq!(files(".jpg"), 2 * frames, "{printed}");
    assert!(
        told.contains(&format!("ring: {frames} frames kept")),
        "{told}"
    );
}

#[test]
fn a_service_keeps_frames_and_counts_them() {
    let folder = scratch("keep-served").join("ring");
    let flags = ["--source", "synthetic:fps=20", "--keep", text(&folder)];
    let service = Service::shapes(&[&flags[..], &["--keep-sample", "100ms"]].concat());
    let counted = |outcome: &str| {
        let start = format!(
            "ocelli_ring_frames_total{{outcome=\"{outcome}\",reason=\"random\",source=\"synthetic:fps=20\"}} "
        );
        let (_, text) = service.get("/metrics");
        let count = text.lines().find_map(|line| line.strip_prefix(&start));
        count.map_or(0, |count| count.parse::<usize>().unwrap())
    };
    let started = Instant::now();
    while counted("kept") < 3 && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(counted("kept") >= 3);
    assert_eq!(counted("deleted"), 0);
    drop(service);
    let kept = std::fs::read_dir(&folder).unwrap().flatten();
    let pictures = kept.filter(|file| file.path().extension().is_some_and(|end| end == "jpg"));
    assert!(pictures.count() >= 3);
}

#[test]
fn two_programs_do_not_keep_frames_in_one_folder() {
    let folder = scratch("keep-locked").join("ring");
    let flags = [
        "synthetic:fps=30",
        "--keep",
        text(&folder),
        "--stop-after",
        "9s",
    ];
    let mut first = command()
        .args(arguments(&flags))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !folder.join("ring.json").exists() && started.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = run(&flags);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let told = stderr(&second);
    assert!(
        told.contains("another ocelli keeps frames here; give each its own folder (--keep DIR)"),
        "{told}"
    );
}
