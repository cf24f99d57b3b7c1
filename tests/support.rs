//! What the tests share: running the program as a user would, and finding test material.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The steps before a model that says none of them.
pub const STEPS: [&str; 12] = [
    "--color",
    "rgb",
    "--resize",
    "exact",
    "--filter",
    "bilinear",
    "--rescale",
    "1/255",
    "--mean",
    "0,0,0",
    "--std",
    "1,1,1",
];

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A path in the project, for the command line.
pub fn project(path: &str) -> String {
    root().join(path).display().to_string()
}

/// Real models and photographs from elsewhere, which may be absent.
pub fn assets() -> Option<PathBuf> {
    let folder = root().join("../shared/assets");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: ../shared/assets is absent");
    None
}

/// Whether ONNX Runtime is found; `scripts/setup` brings it.
pub fn has_onnxruntime() -> bool {
    let found = ocelli(["inspect", &project("models/shapes.onnx")])
        .status
        .success()
        && ocelli([
            "verify",
            "-m",
            &project("models/shapes.onnx"),
            "--engine",
            "onnxruntime",
        ])
        .status
        .code()
            != Some(2);
    if !found {
        println!("skipped: no ONNX Runtime library (scripts/setup brings one)");
    }
    found
}

/// The program; it keeps nothing, so that every test begins as the first one does.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocelli"));
    command
        .env("OCELLI_CACHE", root().join("target/no-cache"))
        .env("OCELLI_CACHE_MIB", "0")
        .env("XDG_STATE_HOME", root().join("target/state"))
        .env_remove("STATE_DIRECTORY")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn ocelli<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(args: I) -> Output {
    command().args(args).output().expect("the program starts")
}

/// Classifies files and folders with the model that every clone has, one after the other, in
/// the order of the names. The records are JSON.
pub fn classify(sources: &[&Path]) -> Output {
    let shapes = project("models/shapes.onnx");
    let run = ["run", "-m", &shapes, "--engine", "rten", "--workers", "1"];
    let mut command = command();
    command.args(run).args(["-f", "json"]).args(sources);
    command.output().expect("the program starts")
}

/// What a person at a terminal sees of a run of the model that every clone has; `None` where
/// no terminal can be made.
pub fn at_terminal(sources: &str) -> Option<String> {
    let run = format!(
        "{} run -m {} --engine rten {sources}",
        env!("CARGO_BIN_EXE_ocelli"),
        project("models/shapes.onnx")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &run, "/dev/null"])
        .stdin(Stdio::null());
    let Ok(output) = script.output() else {
        println!("skipped: no `script` to make a terminal");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The records of `--format json`.
pub fn records(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// A folder of its own under `target`, empty.
pub fn scratch(name: &str) -> PathBuf {
    let folder = root().join("target/scratch").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("an old scratch folder can be removed");
    }
    std::fs::create_dir_all(&folder).expect("a scratch folder can be made");
    folder
}

/// The labels of records in order.
pub fn labels(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|r| r["label"].as_str().expect("a record has a label"))
        .collect()
}
