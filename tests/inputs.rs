//! What people hand over: files of the wrong kind, lists from other systems, raw pixels in
//! files.

use std::sync::atomic::AtomicBool;

use ocelli::engine::{Engine, Identity};
use ocelli::model::Overrides;
use ocelli::pipeline::capture::{self, SourceOptions};
use ocelli::pipeline::workers;
use ocelli::tensor::{Outputs, Tensor};
use ocelli::{Error, ErrorKind, Model};
use ocelli::{Pipeline, PipelineOptions};

use crate::support::{labels, ocelli, project, records, root, scratch, stderr};

fn run(rest: &[&str]) -> std::process::Output {
    let model = project("models/shapes.onnx");
    let start = ["run", "-m", &model, "--engine", "rten", "-f", "json"];
    ocelli(start.iter().chain(rest))
}

#[test]
fn files_of_other_kinds_are_named_with_what_makes_pictures_of_them() {
    let folder = scratch("other-kinds");
    let cases: [(&str, &[u8], &str, &str); 5] = [
        (
            "a.heic",
            b"\0\0\0\x18ftypheic\0\0\0\0",
            "it is a HEIC, which is not read",
            "heif-convert",
        ),
        (
            "a.avif",
            b"\0\0\0\x18ftypavif\0\0\0\0",
            "it is an AVIF, which is not read",
            "heif-convert",
        ),
        (
            "a.jpg",
            b"\0\0\0\x18ftypisom\0\0\0\0",
            "it is a video (MP4), which is not read",
            "ffmpeg -i",
        ),
        (
            "b.jpg",
            b"\x1a\x45\xdf\xa3\0\0\0\0",
            "it is a video (Matroska), which is not read",
            "ffmpeg -i",
        ),
        (
            "a.pdf",
            b"%PDF-1.7\n",
            "it is a PDF, which is not read",
            "pdftoppm",
        ),
    ];
    for (name, bytes, what, remedy) in cases {
        let file = folder.join(name);
        std::fs::write(&file, bytes).unwrap();
        let output = run(&[file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains(what) && said.contains(remedy), "{said}");
    }
}

#[test]
fn a_list_with_carriage_returns_is_a_list() {
    let list = scratch("list").join("names.txt");
    let [a, b] = ["star-1", "circle-1"].map(|n| project(&format!("models/samples/{n}.jpg")));
    std::fs::write(&list, format!("{a}\r\n\r\n{b}\r\n")).unwrap();
    let output = run(&["--files-from", list.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(labels(&records(&output)), ["star", "circle"]);
}

#[test]
fn files_of_raw_pixels_hold_frame_after_frame() {
    // Two frames of the colour of nothing, by FFmpeg's own name of the format.
    let file = scratch("raw-file").join("two.raw");
    std::fs::write(&file, vec![128; 2 * 64 * 48 * 2]).unwrap();
    let path = file.to_str().unwrap();
    for format in ["yuyv422:64x48", "yuyv:64x48"] {
        let output = run(&["--raw", format, path]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(records(&output).len(), 2);
        assert_eq!(records(&output)[1]["source"], path);
    }
    let output = run(&["--raw", "gray:64x48", path]);
    assert_eq!(records(&output).len(), 4, "{}", stderr(&output));
}

/// An engine whose every run fails.
struct Broken(Identity);

impl Engine for Broken {
    fn identity(&self) -> &Identity {
        &self.0
    }

    fn run(&mut self, _: &Tensor, _: &mut Outputs) -> ocelli::Result<()> {
        Err(Error::engine("stub", "out of memory"))
    }
}

#[test]
fn a_network_that_fails_stops_the_run() {
    let model = Model::open(&root().join("models/shapes.onnx"), Overrides::default()).unwrap();
    let options = SourceOptions {
        max_bytes: 1 << 20,
        ..SourceOptions::default()
    };
    let source = capture::open(&[project("models/samples").parse().unwrap()], &options).unwrap();
    let make = move |_| {
        let identity = Identity {
            engine: "stub".into(),
            provider: "cpu".into(),
            prepared: false,
        };
        Pipeline::new(
            &model,
            Box::new(Broken(identity)),
            PipelineOptions::default(),
        )
    };
    let mut told = 0;
    let ended = workers::run(
        source.source,
        2,
        None,
        &AtomicBool::new(false),
        make,
        |_| {
            told += 1;
            Ok(())
        },
    );
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Engine);
    assert!(error.to_string().contains("stub: out of memory"), "{error}");
    assert_eq!(told, 0);
}

#[test]
fn pipes_are_opened_in_their_turn() {
    let folder = scratch("fifos");
    let [first, second] = ["first", "second"].map(|name| folder.join(name));
    for fifo in [&first, &second] {
        let made = std::process::Command::new("mkfifo").arg(fifo).status();
        assert!(made.unwrap().success());
    }
    // The second one's writer comes only when the first one's has gone.
    let fifos = [first.clone(), second.clone()];
    let writer = std::thread::spawn(move || {
        for (fifo, name) in fifos.iter().zip(["star-1", "circle-1"]) {
            let picture = std::fs::read(project(&format!("models/samples/{name}.jpg")));
            std::fs::write(fifo, picture.unwrap()).unwrap();
        }
    });
    let output = run(&[first.to_str().unwrap(), second.to_str().unwrap()]);
    writer.join().unwrap();
    assert_eq!(
        labels(&records(&output)),
        ["star", "circle"],
        "{}",
        stderr(&output)
    );
}
