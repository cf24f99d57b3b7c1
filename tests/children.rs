//! Frames from other programs: real FFmpeg for videos and network streams, stand-ins for
//! the boards' camera programs, which log how they were called.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ocelli::pipeline::capture::{self, Encoding, Frame, Matrix, Pull, SourceOptions};
use serde_json::Value;

use crate::support::{command, labels, project, records, scratch, stderr};

/// Runs FFmpeg on the samples in turn; `false` where there is none.
fn ffmpeg(arguments: &[&str]) -> bool {
    let pattern = project("models/samples/*.jpg");
    let input = ["-v", "error", "-y", "-pattern_type", "glob", "-i", &pattern];
    match Command::new("ffmpeg")
        .args([&input, arguments].concat())
        .status()
    {
        Ok(status) => {
            assert!(status.success());
            true
        }
        Err(_) => {
            println!("skipped: no ffmpeg");
            false
        }
    }
}

const SHOWN: [&str; 8] = [
    "circle", "circle", "square", "square", "star", "star", "triangle", "triangle",
];

/// A run of the bundled model.
fn run(rest: &[&str]) -> Command {
    let model = project("models/shapes.onnx");
    let mut command = command();
    command
        .args(["run", "-m", &model, "--engine", "rten", "-f", "json"])
        .args(rest)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn every_frame_of_a_video_is_classified_in_order() {
    let video = scratch("video").join("all.mkv");
    let video = video.to_str().unwrap();
    if !ffmpeg(&["-c:v", "ffv1", "-pix_fmt", "yuv420p", video]) {
        return;
    }
    let output = run(&[video]).output().unwrap();
    assert_eq!(labels(&records(&output)), SHOWN, "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(records(&output)[0]["source"], *video);
    assert_eq!(records(&output)[0]["frame_age_ms"], Value::Null);
}

#[test]
fn a_video_that_is_none_costs_only_itself() {
    let folder = scratch("no-video");
    let bad = folder.join("bad.mp4");
    std::fs::write(&bad, "no video").unwrap();
    if !ffmpeg(&["-c:v", "ffv1", folder.join("good.mkv").to_str().unwrap()]) {
        return;
    }
    let good = folder.join("good.mkv");
    let output = run(&[bad.to_str().unwrap(), good.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(labels(&records(&output)), SHOWN);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("bad.mp4: ffmpeg ended (exit status: "),
        "{said}"
    );
    assert!(said.contains("Invalid data found"), "{said}");
}

#[test]
fn without_ffmpeg_its_package_is_named() {
    let output = run(&["rtsp://127.0.0.1/1"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("are read through FFmpeg"), "{said}");
    assert!(said.contains("apt install ffmpeg"), "{said}");
    let output = run(&["csi:0"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("apt install rpicam-apps"));
}

#[test]
fn a_network_stream_that_is_not_there_stops_the_start() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("skipped: no ffmpeg");
        return;
    }
    let port = free_port();
    let url = format!("rtsp://user:secret@127.0.0.1:{port}/video");
    let output = run(&[&url]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("Connection refused"), "{said}");
    assert!(
        said.contains(&format!("rtsp://127.0.0.1:{port}/video: ffmpeg ended")),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn a_network_stream_is_followed_live() {
    let pattern = project("models/samples/*.jpg");
    let url = format!("http://127.0.0.1:{}/", free_port());
    let serve = [
        "-v",
        "quiet",
        "-re",
        "-loop",
        "1",
        "-framerate",
        "10",
        "-pattern_type",
        "glob",
    ];
    let Ok(mut server) = Command::new("ffmpeg")
        .args(serve)
        .args(["-i", &pattern, "-f", "mpjpeg", "-listen", "1", &url])
        .stdin(Stdio::null())
        .spawn()
    else {
        println!("skipped: no ffmpeg");
        return;
    };
    // Listening cannot be seen without being taken for the client.
    std::thread::sleep(Duration::from_millis(700));
    let output = run(&[&url, "--frames", "5", "--stop-after", "20s"])
        .output()
        .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let records = records(&output);
    assert_eq!(records.len(), 5, "{}", stderr(&output));
    assert!(records[0]["frame_age_ms"].as_f64().is_some());
    assert!(SHOWN.contains(&records[4]["label"].as_str().unwrap()));
}

/// A video of one colour in `matrix` and `range`, lossless; what FFmpeg calls the matrix of a
/// conversion and of a stream differs.
fn coloured(file: &Path, (matrix, stream): (&str, &str), range: &str) -> bool {
    let convert = format!("scale=out_color_matrix={matrix}:out_range={range},format=yuv444p");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg("color=c=0xC83C28:s=64x48:d=0.2,format=rgb24")
        .args([
            "-vf",
            &convert,
            "-colorspace",
            stream,
            "-color_range",
            range,
        ])
        .args(["-c:v", "ffv1"])
        .arg(file)
        .status();
    if status.is_err() {
        println!("skipped: no ffmpeg");
    }
    status.is_ok_and(|status| status.success())
}

#[test]
fn videos_have_their_colours_whatever_they_are_coded_in() {
    let folder = scratch("video-colours");
    // (200, 60, 40) by BT.601 in video range, which is what the decoder is told.
    let expected = [100_i32, 99, 192];
    let matrices = [
        ("bt601", "smpte170m"),
        ("bt709", "bt709"),
        ("bt2020", "bt2020nc"),
    ];
    for matrix in matrices {
        for range in ["tv", "pc"] {
            let video = folder.join(format!("{}-{range}.mkv", matrix.0));
            if !coloured(&video, matrix, range) {
                return;
            }
            let spec = video.to_str().unwrap().parse().unwrap();
            let mut opened = capture::open(&[spec], &SourceOptions::default()).unwrap();
            let mut frame = Frame::default();
            let pull = opened.source.next(&mut frame);
            assert!(matches!(pull, Pull::Frame), "{pull:?}");
            let plane = 64 * 48;
            let pixel = [0, plane, plane * 5 / 4].map(|at| i32::from(frame.bytes[at]));
            let off = pixel.iter().zip(expected).map(|(a, b)| (a - b).abs()).max();
            assert!(
                off <= Some(2),
                "{matrix:?} {range}: {pixel:?}, expected {expected:?}"
            );
            let Encoding::Raw(format) = frame.encoding else {
                panic!("{:?}", frame.encoding)
            };
            assert!(!format.full_range && format.matrix == Matrix::Bt601);
        }
    }
}

/// A frame as a board's camera program writes it: bright left, dark right, rows of each
/// plane padded with 255 to `strides`.
fn padded_frame(file: &Path, (width, height): (usize, usize), strides: [usize; 3]) -> Vec<u8> {
    let (mut padded, mut pixels) = (Vec::new(), Vec::new());
    let planes = [
        (width, height),
        (width / 2, height / 2),
        (width / 2, height / 2),
    ];
    for ((width, rows), stride) in planes.into_iter().zip(strides) {
        for row in 0..rows {
            let row: Vec<u8> = (0..width).map(|x| (x + row) as u8).collect();
            pixels.extend(&row);
            padded.extend(&row);
            padded.extend(vec![255; stride - width]);
        }
    }
    std::fs::write(file, padded).unwrap();
    pixels
}

#[test]
fn a_board_s_padded_rows_are_read_without_their_padding() {
    let cases = [
        ("rpicam-vid", (224, 160), [256, 128, 128], true),
        ("rpicam-vid", (640, 480), [640, 320, 320], true),
        ("gst-launch-1.0", (300, 200), [300, 152, 152], false),
    ];
    for (program, size, strides, full_range) in cases {
        let folder = scratch(&format!("padded-{program}-{}", size.0));
        let file = folder.join("frame.yuv");
        let pixels = padded_frame(&file, size, strides);
        let pipe = if full_range { "" } else { ">&3" };
        let body = format!("while cat {} {pipe}; do sleep 0.05; done", file.display());
        stand_in(&folder, program, &body);
        let recording = folder.join("recording");
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let output = run(&[
            "csi:0", "--frames", "2", "--width", &width, "--height", &height,
        ])
        .args(["--record", recording.to_str().unwrap()])
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
        assert_eq!(records(&output).len(), 2, "{}", stderr(&output));
        for frame in ["00000000.raw", "00000001.raw"] {
            assert!(
                std::fs::read(recording.join(frame)).unwrap() == pixels,
                "{program} {size:?}"
            );
        }
        let list = std::fs::read_to_string(recording.join("frames.jsonl")).unwrap();
        let entry: Value = serde_json::from_str(list.lines().next().unwrap()).unwrap();
        assert_eq!(entry["raw"]["full_range"], full_range);
        assert_eq!(entry["raw"]["matrix"], "bt601");
    }
}

#[test]
fn a_board_s_camera_has_even_sizes_only() {
    let folder = scratch("odd-size");
    stand_in(&folder, "rpicam-vid", "exec sleep 60");
    let output = run(&["csi:0", "--width", "225", "--height", "160"])
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let expected = "csi:0 has even sizes only, not 225x160 (--width, --height)";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn what_a_program_leaves_unfinished_is_part_of_the_outage() {
    let folder = scratch("unfinished");
    let frame = gray_frame(&folder);
    // A frame and half of one; then twice nothing; then it goes on.
    let body = format!(
        "calls=$(wc -l < {0}/calls)\ncase $calls in\n1) cat {1}; head -c 1000 {1};;\n2|3) ;;\n*) while cat {1}; do sleep 0.05; done;;\nesac",
        folder.display(),
        frame.display()
    );
    stand_in(&folder, "rpicam-vid", &body);
    let output = run(&["csi:0", "--frames", "4"])
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
    let records = records(&output);
    assert_eq!(records.len(), 4, "{}", stderr(&output));
    assert_eq!(records[0]["drops"]["outages"], 0);
    assert_eq!(records[3]["drops"]["outages"], 1);
    assert_eq!(records[3]["drops"]["damaged"], 0);
    let said = stderr(&output);
    assert_eq!(
        said.matches("waiting for it to come back").count(),
        1,
        "{said}"
    );
}

/// A folder with a program `name` that logs its arguments and its process number to
/// `calls`, and then does what `body` says.
fn stand_in(folder: &Path, name: &str, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let calls = folder.join("calls");
    let script = format!("#!/bin/sh\necho \"$$ $@\" >> {}\n{body}\n", calls.display());
    let program = folder.join(name);
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    calls
}

fn path_with(folder: &Path) -> String {
    format!("{}:/usr/bin:/bin", folder.display())
}

/// The frames of `rpicam-vid --codec yuv420` at 640x480: gray.
fn gray_frame(folder: &Path) -> PathBuf {
    let file = folder.join("frame.yuv");
    std::fs::write(&file, vec![128; 640 * 480 * 3 / 2]).unwrap();
    file
}

fn next(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
}

fn calls(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let call = |line: &str| {
        let (pid, arguments) = line.split_once(' ').unwrap();
        (pid.to_owned(), arguments.to_owned())
    };
    text.lines().map(call).collect()
}

fn is_running(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn stop(child: &mut Child) {
    let pid = child.id().to_string();
    Command::new("kill").arg(&pid).status().unwrap();
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_raspberry_s_camera_program_is_watched_and_started_again() {
    let folder = scratch("rpicam");
    let frame = gray_frame(&folder);
    let endless = format!("while cat {}; do sleep 0.1; done", frame.display());
    let log = stand_in(&folder, "rpicam-vid", &endless);
    let mut child = run(&["csi:1"])
        .env("PATH", path_with(&folder))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let record = next(&mut lines);
    assert_eq!(record["source"], "csi:1");
    assert!(record["frame_age_ms"].as_f64().is_some());
    let first = calls(&log);
    assert_eq!(
        first[0].1,
        "--camera 1 --width 640 --height 480 --framerate 30 --codec yuv420 --timeout 0 --nopreview --flush -o -"
    );
    Command::new("kill").arg(&first[0].0).status().unwrap();
    wait_until("it is started again", || calls(&log).len() == 2);
    let back = std::iter::from_fn(|| Some(next(&mut lines)))
        .find(|record| record["drops"]["outages"] == 1)
        .unwrap();
    assert_eq!(back["label"], record["label"]);
    stop(&mut child);
    let pid = &calls(&log)[1].0;
    wait_until("nothing is left behind", || !is_running(pid));
}

#[test]
fn a_camera_program_that_falls_silent_is_ended_and_started_again() {
    let folder = scratch("silent");
    let frame = gray_frame(&folder);
    // The first time it gives a frame and then nothing more.
    let body = format!("cat {}; exec sleep 600", frame.display());
    let log = stand_in(&folder, "libcamera-vid", &body);
    let mut child = run(&["csi:0"])
        .env("PATH", path_with(&folder))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(next(&mut lines)["drops"]["outages"], 0);
    assert_eq!(next(&mut lines)["drops"]["outages"], 1);
    let pids: Vec<String> = calls(&log).into_iter().map(|call| call.0).collect();
    assert_eq!(pids.len(), 2);
    assert!(!is_running(&pids[0]));
    let told = errors
        .find(|line| line.as_ref().unwrap().contains("no frame came"))
        .unwrap();
    assert!(
        told.unwrap()
            .contains("csi:0: no frame came for 5 s; waiting for it to come back")
    );
    stop(&mut child);
    wait_until("nothing is left behind", || !is_running(&pids[1]));
}

#[test]
fn a_jetson_s_camera_program_may_chatter() {
    let folder = scratch("jetson");
    let frame = gray_frame(&folder);
    // Argus prints to standard output what nobody asked for.
    let body = format!(
        "echo GST_ARGUS: Creating output stream\nwhile cat {} >&3; do sleep 0.1; done",
        frame.display()
    );
    let log = stand_in(&folder, "gst-launch-1.0", &body);
    let output = run(&["csi:0", "--frames", "2", "--fps", "29.97"])
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
    let records = records(&output);
    assert_eq!(records.len(), 2, "{}", stderr(&output));
    assert_eq!(records[1]["drops"]["damaged"], 0);
    assert_eq!(
        calls(&log)[0].1,
        "-q nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM),framerate=2997/100 ! nvvidconv ! video/x-raw,width=640,height=480 ! video/x-raw,format=I420 ! fdsink fd=3"
    );
}

#[test]
fn a_camera_program_that_fails_at_once_is_an_error_with_its_words() {
    let folder = scratch("no-camera");
    stand_in(
        &folder,
        "rpicam-vid",
        "echo 'ERROR: *** no cameras available ***' >&2; exit 255",
    );
    let output = run(&["csi:0"])
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let expected =
        "csi:0: rpicam-vid ended (exit status: 255): ERROR: *** no cameras available ***";
    assert!(said.contains(expected), "{said}");
}

/// It fails twice, gives a frame, is gone, and comes back for good.
#[test]
fn beside_others_a_program_that_fails_is_tried_again_and_costs_them_nothing() {
    let folder = scratch("beside");
    let frame = gray_frame(&folder);
    let body = format!(
        "calls=$(wc -l < {0}/calls)\ncase $calls in\n1|2) echo no camera >&2; exit 255;;\n3) cat {1};;\n*) while cat {1}; do sleep 0.05; done;;\nesac",
        folder.display(),
        frame.display()
    );
    stand_in(&folder, "rpicam-vid", &body);
    let sources = ["healthy=synthetic:fps=50", "yard=csi:0", "--stop-after=4s"];
    let output = run(&sources)
        .env("PATH", path_with(&folder))
        .output()
        .unwrap();
    let (records, said) = (records(&output), stderr(&output));
    let of = |name: &str| -> Vec<&Value> {
        let all = records.iter();
        all.filter(|record| record["source_name"] == name).collect()
    };
    let (healthy, yard) = (of("healthy"), of("yard"));
    // A busy machine passes some over for newer ones, a source that has to wait nearly all.
    let last = healthy[healthy.len() - 1];
    let newer = last["drops"]["newer"].as_u64().unwrap() as usize;
    assert!((190..=204).contains(&(healthy.len() + newer)), "{said}");
    assert!(healthy.len() > 100, "{said}");
    assert_eq!(yard[0]["drops"]["outages"], 0, "{said}");
    assert_eq!(yard[yard.len() - 1]["drops"]["outages"], 1, "{said}");
    let times = |part: &str| said.matches(part).count();
    let broken = "yard: csi:0: rpicam-vid ended (exit status: 255): no camera; tried again while others go on";
    assert_eq!((times(broken), times("no camera")), (1, 1), "{said}");
    assert_eq!(times("ocelli: yard: can be used after "), 1, "{said}");
    assert_eq!(times("waiting for it to come back"), 1, "{said}");
    assert_eq!(times("csi:0: rpicam-vid --camera"), 1, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}
