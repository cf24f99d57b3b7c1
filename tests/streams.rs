//! Standard input for real: what FFmpeg and other tools write into a pipe.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use crate::support::{command, labels, ocelli, project, records, root, scratch, stderr};

/// Runs the bundled model on bytes from standard input.
fn piped(flags: &[&str], bytes: &[u8]) -> Output {
    let model = project("models/shapes.onnx");
    let mut child = command()
        .args(
            [
                &[
                    "run", "-q", "-m", &model, "--engine", "rten", "-f", "json", "-k", "4",
                ],
                flags,
            ]
            .concat(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    // A program that stopped early leaves the rest unread.
    let _ = writer.join().unwrap();
    output
}

/// The bundled sample pictures, in order.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<_> = std::fs::read_dir(root().join("models/samples"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(p).unwrap(),
            )
        })
        .collect()
}

fn starts_of(names: &[(String, Vec<u8>)]) -> Vec<String> {
    names
        .iter()
        .map(|(n, _)| n.chars().take_while(char::is_ascii_alphabetic).collect())
        .collect()
}

/// The samples through FFmpeg, as a camera's stream would come.
fn ffmpeg(arguments: &[&str]) -> Option<Vec<u8>> {
    let pattern = root().join("models/samples/*.jpg").display().to_string();
    let input = [
        "-v",
        "error",
        "-f",
        "image2",
        "-pattern_type",
        "glob",
        "-i",
        &pattern,
    ];
    match Command::new("ffmpeg")
        .args([&input, arguments, &["-"]].concat())
        .output()
    {
        Ok(output) if output.status.success() => Some(output.stdout),
        Ok(output) => panic!("{}", stderr(&output)),
        Err(_) => {
            println!("skipped: no ffmpeg");
            None
        }
    }
}

#[test]
fn a_single_picture_of_any_format_is_one_frame() {
    for name in [
        "jpeg420.jpg",
        "palette.png",
        "lossless.webp",
        "plain.bmp",
        "first.gif",
        "packed.tiff",
        "plain.ppm",
    ] {
        let bytes = std::fs::read(root().join("tests/golden").join(name)).unwrap();
        let output = piped(&["-"], &bytes);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(records(&output).len(), 1, "{name}");
        assert_eq!(records(&output)[0]["source"], "-");
    }
}

#[test]
fn ffmpeg_streams_give_the_labels_of_the_files() {
    let samples = samples();
    let expected = starts_of(&samples);
    let size = format!("rgb24:{}x{}", 320, 240);
    let streams: [(&[&str], Vec<&str>); 9] = [
        (
            &["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "2"],
            vec!["-"],
        ),
        (&["-f", "image2pipe", "-c:v", "png"], vec!["-"]),
        (&["-f", "image2pipe", "-c:v", "ppm"], vec!["-"]),
        (&["-f", "image2pipe", "-c:v", "bmp"], vec!["-"]),
        (&["-f", "image2pipe", "-c:v", "pgm"], vec!["-"]),
        (
            &["-f", "rawvideo", "-pix_fmt", "rgb24"],
            vec!["--raw", &size],
        ),
        (
            &["-f", "rawvideo", "-pix_fmt", "yuyv422"],
            vec!["--raw", "yuyv:320x240", "-"],
        ),
        (
            &["-f", "rawvideo", "-pix_fmt", "nv12"],
            vec!["--raw", "nv12:320x240", "-"],
        ),
        (&["-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p"], vec!["-"]),
    ];
    for (encode, flags) in streams {
        let Some(bytes) = ffmpeg(encode) else { return };
        let output = piped(&flags, &bytes);
        assert!(output.status.success(), "{encode:?}: {}", stderr(&output));
        assert_eq!(labels(&records(&output)), expected, "{encode:?}");
    }
}

#[test]
fn images_of_several_formats_may_follow_each_other_in_a_pipe() {
    let mut bytes = Vec::new();
    let names = [
        "lossless.webp",
        "first.gif",
        "packed.tiff",
        "plain.ppm",
        "square.png",
        "packed.tiff",
        "plain.bmp",
    ];
    for name in names {
        bytes.extend(std::fs::read(root().join("tests/golden").join(name)).unwrap());
    }
    bytes.extend(&samples()[0].1);
    let output = piped(&["-"], &bytes);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(records(&output).len(), names.len() + 1);
}

#[test]
fn parts_of_a_multipart_stream_are_frames_by_their_number() {
    let Some(bytes) = ffmpeg(&["-f", "mpjpeg", "-q:v", "2"]) else {
        return;
    };
    let expected = starts_of(&samples());
    let output = piped(&["-"], &bytes);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(labels(&records(&output)), expected);
    assert_eq!(stderr(&output), "");
    let output = piped(&["--frames", "4", "-"], &bytes);
    assert_eq!(labels(&records(&output)), expected[..4]);
    // The same in a file.
    let file = scratch("multipart").join("stream.mjpeg");
    std::fs::write(&file, &bytes).unwrap();
    let output = piped(&[file.to_str().unwrap()], b"");
    assert_eq!(labels(&records(&output)), expected);
}

#[test]
fn garbage_and_cut_frames_cost_only_themselves() {
    let samples = samples();
    let (a, b) = (&samples[0].1, &samples[1].1);
    let expected: Vec<String> = starts_of(&samples)[..2].to_vec();
    let stream = |parts: &[&[u8]]| parts.concat();
    let cases: [(&str, Vec<u8>, usize); 6] = [
        (
            "garbage first",
            stream(&[b"the middle of a frame \xff\xd9", a, b]),
            1,
        ),
        (
            "garbage between",
            stream(&[a, b"garbage \xff\xd8 more", b]),
            1,
        ),
        ("padding of zeros", stream(&[a, &[0; 5000], b, &[0; 99]]), 0),
        ("a cut frame between", stream(&[a, &a[..a.len() / 2], b]), 1),
        ("garbage at the end", stream(&[a, b, b"trailing"]), 1),
        (
            "a cut frame at the end",
            stream(&[a, b, &a[..a.len() - 7]]),
            1,
        ),
    ];
    for (name, bytes, failures) in cases {
        let output = piped(&["-"], &bytes);
        assert_eq!(
            labels(&records(&output)),
            expected,
            "{name}: {}",
            stderr(&output)
        );
        assert_eq!(
            stderr(&output).lines().count(),
            failures,
            "{name}: {}",
            stderr(&output)
        );
        assert_eq!(
            output.status.code(),
            Some(i32::from(failures > 0)),
            "{name}"
        );
    }
}

#[test]
fn broken_streams_say_what_was_expected() {
    let cases: [(&[&str], &[u8], &str); 7] = [
        (&["-"], b"", "-: is empty, expected images"),
        (
            &["-"],
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "-: it is a HEIC, which is not read",
        ),
        (
            &["-"],
            b"hello there",
            "-: 11 bytes at the end are not an image",
        ),
        (
            &["--raw", "rgb24:4x4"],
            &[7; 50],
            "-: 2 bytes are left over, but a 4x4 frame has 48",
        ),
        (
            &["-"],
            b"YUV4MPEG2 W4 H4 C420p10\n",
            "chroma `420p10`, expected 8-bit",
        ),
        (
            &["-"],
            b"YUV4MPEG2 W4 H4\nFRAME\nxxxxxxxxxxxxxxxxxxxxxxxxNOISE\n",
            "`NOISE` where a YUV4MPEG2 frame was expected",
        ),
        (
            &["-"],
            b"YUV4MPEG2 W400000 H400000\nFRAME\n",
            "frames of 400000x400000 are too large",
        ),
    ];
    for (flags, bytes, expected) in cases {
        let output = piped(flags, bytes);
        assert_eq!(output.status.code(), Some(1), "{expected}");
        assert!(
            stderr(&output).contains(expected),
            "{expected}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_list_of_files_may_hold_spaces_and_line_feeds() {
    let folder = scratch("list");
    let sample = &samples()[0].1;
    let names = ["with space.jpg", "with\nline feed.jpg", "plain.jpg"]
        .map(|n| folder.join(n).display().to_string());
    for name in &names {
        std::fs::write(name, sample).unwrap();
    }
    let nul = piped(
        &["--files-from", "-", "-0"],
        (names.join("\0") + "\0").as_bytes(),
    );
    let sources: Vec<String> = records(&nul)
        .iter()
        .map(|r| r["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources, names);
    let text = ocelli([
        "run",
        "-q",
        "-m",
        &project("models/shapes.onnx"),
        "--engine",
        "rten",
        &names[1],
    ]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("with\\nline feed.jpg: "),
        "one line per frame: {text}"
    );
    let lines = piped(
        &["--files-from", "-"],
        format!("{}\n{}\nmissing.jpg\n", names[0], names[2]).as_bytes(),
    );
    assert_eq!(records(&lines).len(), 2);
    assert!(
        stderr(&lines).contains("missing.jpg: cannot be read: No such file"),
        "{}",
        stderr(&lines)
    );
    assert_eq!(lines.status.code(), Some(1));
}

#[test]
fn a_fifo_that_stays_open_gives_each_record_at_once() {
    let folder = scratch("fifo");
    let fifo = folder.join("frames");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let mut child = command()
        .args([
            "run",
            "-q",
            "-m",
            &project("models/shapes.onnx"),
            "--engine",
            "rten",
            "-f",
            "json",
        ])
        .arg(&fifo)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    for (name, bytes) in samples() {
        writer.write_all(&bytes).unwrap();
        writer.flush().unwrap();
        // Blocks for ever, were the record held back until the next frame.
        let record: serde_json::Value =
            serde_json::from_str(&out.next().unwrap().unwrap()).unwrap();
        assert!(name.starts_with(record["label"].as_str().unwrap()));
    }
    drop(writer);
    assert!(out.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn ten_thousand_frames_take_flat_memory() {
    let sample = samples()[0].1.clone();
    let mut child = command()
        .args([
            "run",
            "-q",
            "-m",
            &project("models/shapes.onnx"),
            "--engine",
            "rten",
            "-k",
            "1",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::spawn(move || (0..10_000).try_for_each(|_| input.write_all(&sample)));
    let status = format!("/proc/{}/status", child.id());
    let resident = || -> u64 {
        let text = std::fs::read_to_string(&status).unwrap();
        text.lines()
            .find_map(|l| {
                l.strip_prefix("VmRSS:")?
                    .trim()
                    .strip_suffix(" kB")?
                    .trim()
                    .parse()
                    .ok()
            })
            .unwrap()
    };
    let (mut early, mut late, mut count) = (0, 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        line.unwrap();
        count += 1;
        match count {
            1000 => early = resident(),
            9900 => late = resident(),
            _ => {}
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(count, 10_000);
    assert!(
        late < early + 2048,
        "{early} kB after 1,000 frames, {late} kB after 9,900"
    );
}

#[test]
fn standard_input_is_one_source_among_others() {
    let first = project("models/samples");
    let output = ocelli([
        "run",
        "-q",
        "-m",
        &project("models/shapes.onnx"),
        "--engine",
        "rten",
        "-f",
        "json",
        &first,
        "synthetic:fps=0,frames=2",
    ]);
    assert_eq!(records(&output).len(), samples().len() + 2);
}
