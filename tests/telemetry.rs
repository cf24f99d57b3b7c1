//! Nobody is told anything: no file appears under the home folder and no socket is opened.

use std::process::Command;

use crate::support::{command, has_onnxruntime, project, scratch, stderr};

#[test]
fn onnxruntime_writes_no_file_at_home_and_opens_no_socket() {
    if !has_onnxruntime() {
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: no strace");
        return;
    }
    let folder = scratch("telemetry");
    let (home, trace) = (folder.join("home"), folder.join("trace"));
    std::fs::create_dir(&home).unwrap();
    let program = command().get_program().to_owned();
    let output = Command::new("strace")
        .args(["-f", "-e", "trace=openat,socket,connect", "-o"])
        .arg(&trace)
        .arg(program)
        .args([
            "run",
            "--engine",
            "onnxruntime",
            "-m",
            &project("models/shapes.onnx"),
            "synthetic:fps=0,frames=20",
        ])
        .env("HOME", &home)
        .env_remove("XDG_CACHE_HOME")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        std::fs::read_dir(&home).unwrap().count(),
        0,
        "a file appeared at home"
    );
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("libonnxruntime"), "the library was traced");
    for line in trace.lines() {
        assert!(
            !line.contains("socket(") && !line.contains("connect("),
            "{line}"
        );
        assert!(
            !(line.contains("O_CREAT") && line.contains("onnxruntime")),
            "{line}"
        );
    }
}
