//! Nobody is told anything: no file appears under the home folder and no socket is opened,
//! by the program or by a program that uses the library.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::examples::example;
use crate::support::{command, has_onnxruntime, project, root, scratch, stderr};

/// Runs a program under strace with a home of its own; what it opened.
fn traced(name: &str, program: Command) -> Option<(PathBuf, String)> {
    if !has_onnxruntime() {
        return None;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: no strace");
        return None;
    }
    let folder = scratch(name);
    let (home, trace) = (folder.join("home"), folder.join("trace"));
    std::fs::create_dir(&home).unwrap();
    let output = Command::new("strace")
        .args(["-f", "-e", "trace=openat,socket,connect", "-o"])
        .arg(&trace)
        .arg(program.get_program())
        .args(program.get_args())
        .env("HOME", &home)
        .env_remove("XDG_CACHE_HOME")
        .env("ORT_DYLIB_PATH", library())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    Some((home, std::fs::read_to_string(&trace).unwrap()))
}

fn library() -> PathBuf {
    let folder = std::fs::read_dir(root().join("target/lib/ocelli")).unwrap();
    folder.flatten().next().unwrap().path()
}

fn assert_silent(home: &Path, trace: &str) {
    assert_eq!(
        std::fs::read_dir(home).unwrap().count(),
        0,
        "a file appeared at home"
    );
    assert!(trace.contains("libonnxruntime"), "the library was traced");
    for line in trace.lines() {
        assert!(
            !line.contains("socket(") && !line.contains("connect("),
            "{line}"
        );
        assert!(!line.contains("O_CREAT"), "{line}");
    }
}

#[test]
fn onnxruntime_writes_no_file_at_home_and_opens_no_socket() {
    let mut program = command();
    program.args([
        "run",
        "--engine",
        "onnxruntime",
        "-m",
        &project("models/shapes.onnx"),
        "synthetic:fps=0,frames=20",
    ]);
    if let Some((home, trace)) = traced("telemetry", program) {
        assert_silent(&home, &trace);
    }
}

#[test]
fn a_program_that_uses_the_library_tells_nobody_either() {
    let mut program = example("classify");
    program.args([
        project("models/shapes.onnx"),
        project("models/samples/star-1.jpg"),
    ]);
    if let Some((home, trace)) = traced("telemetry-library", program) {
        assert_silent(&home, &trace);
    }
}
