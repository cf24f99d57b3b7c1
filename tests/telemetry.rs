//! Nobody is told anything: no socket is opened, and under the home folder appears nothing but
//! the kept network, by the program or by a program that uses the library; nor that, where
//! the user says no.

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
        .env_remove("OCELLI_CACHE")
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

/// No socket, and no file but those in `cache`.
fn assert_silent(trace: &str, cache: Option<&Path>) {
    assert!(trace.contains("libonnxruntime"), "the library was traced");
    let cache = cache.map(|folder| format!("\"{}/", folder.display()));
    for line in trace.lines() {
        assert!(
            !line.contains("socket(") && !line.contains("connect("),
            "{line}"
        );
        let is_kept = cache.as_ref().is_some_and(|cache| line.contains(cache));
        assert!(is_kept || !line.contains("O_CREAT"), "{line}");
    }
}

/// The only things in these folders are these.
fn assert_only(folder: &Path, names: &[&str]) {
    let found = std::fs::read_dir(folder).unwrap().flatten();
    let found: Vec<_> = found.map(|item| item.file_name()).collect();
    assert_eq!(found, names, "in {}", folder.display());
}

/// Beside the one network that is kept, nothing was written at home.
fn assert_only_a_network(home: &Path) {
    assert_only(home, &[".cache"]);
    assert_only(&home.join(".cache"), &["ocelli"]);
    let cache = home.join(".cache/ocelli");
    let kept: Vec<_> = std::fs::read_dir(&cache).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].path().join("sums.json").is_file());
}

fn run_shapes(flags: &[&str]) -> Command {
    let mut program = command();
    program.args(["run", "--engine", "onnxruntime", "-m"]);
    program.arg(project("models/shapes.onnx"));
    program.arg("synthetic:fps=0,frames=20").args(flags);
    program
}

#[test]
fn onnxruntime_writes_no_file_at_home_and_opens_no_socket() {
    if let Some((home, trace)) = traced("telemetry", run_shapes(&["--no-cache"])) {
        assert_only(&home, &[]);
        assert_silent(&trace, None);
    }
}

#[test]
fn what_is_kept_is_all_that_is_written() {
    if let Some((home, trace)) = traced("telemetry-kept", run_shapes(&[])) {
        assert_only_a_network(&home);
        assert_silent(&trace, Some(&home.join(".cache/ocelli")));
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
        assert_only_a_network(&home);
        assert_silent(&trace, Some(&home.join(".cache/ocelli")));
    }
}
