//! Folders as they are: links that lead nowhere or in circles, what may not be read. Each is
//! an input that fails and is named; the others are classified.

use std::fs::{Permissions, create_dir_all, set_permissions, write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;

use crate::support::{command, labels, project, records, scratch, stderr};

/// Runs the program as somebody for whom locks are locks: root reads everything. The number
/// is that of `nobody`.
fn as_nobody(args: &[&str]) -> Output {
    const NOBODY: u32 = 65534;
    let mut command = command();
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.args(args).output().unwrap()
}

fn may_read_the_project() -> bool {
    let may = as_nobody(&["inspect", &project("models/shapes.onnx")]);
    let may = may.status.success();
    if !may {
        println!("skipped: nobody may not read the project");
    }
    may
}

fn copy(name: &str, to: &Path) {
    write(
        to,
        std::fs::read(project(&format!("models/samples/{name}.jpg"))).unwrap(),
    )
    .unwrap();
}

fn lock(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Each of `expected` (path, reason) is a line of what was said, and there are no others.
fn assert_said(output: &Output, expected: &[(&str, &str)]) {
    let said = stderr(output);
    let errors: Vec<&str> = said.lines().filter(|l| l.contains("error: ")).collect();
    assert_eq!(errors.len(), expected.len(), "{said}");
    for (line, (path, reason)) in errors.iter().zip(expected) {
        let is_told = line.contains(&format!("{path}: ")) && line.contains(reason);
        assert!(is_told, "{line}, expected {path}: {reason}");
    }
}

#[test]
fn what_cannot_be_looked_into_fails_in_its_place_and_the_rest_is_classified() {
    if !may_read_the_project() {
        return;
    }
    let folder = scratch("folder-of-traps");
    let inside = |name: &str| folder.join(name);
    create_dir_all(inside("d")).unwrap();
    create_dir_all(inside("e-locked")).unwrap();
    for (sample, name) in [
        ("star-1", "a.jpg"),
        ("circle-1", "d/x.jpg"),
        ("circle-1", "d/y.jpg"),
        ("star-1", "e-locked/z.jpg"),
        ("square-1", "f.jpg"),
    ] {
        copy(sample, &inside(name));
    }
    for (link, target) in [
        ("b-gone.jpg", "nowhere.jpg"),
        ("c-loop", "."),
        ("g-self.jpg", "g-self.jpg"),
        ("h-gone", "nowhere"),
        ("i-gone.txt", "nowhere"),
    ] {
        symlink(target, inside(link)).unwrap();
    }
    write(inside("notes.txt"), "no picture").unwrap();
    lock(&inside("d/y.jpg"), 0);
    lock(&inside("e-locked"), 0);
    let model = project("models/shapes.onnx");
    let next = project("models/samples/star-2.jpg");
    let folder_name = folder.to_str().unwrap();
    let run = [
        "run",
        "-m",
        &model,
        "--engine",
        "rten",
        "-f",
        "json",
        folder_name,
        &next,
    ];
    let output = as_nobody(&run);
    let glob = inside("*").display().to_string();
    let globbed = as_nobody(&["run", "-m", &model, "--engine", "rten", "-f", "json", &glob]);
    lock(&inside("e-locked"), 0o755);

    let records = records(&output);
    assert_eq!(labels(&records), ["star", "circle", "square", "star"]);
    let numbers: Vec<u64> = records
        .iter()
        .map(|r| r["frame"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [0, 3, 6, 9], "failed inputs count in their place");
    assert_eq!(output.status.code(), Some(1));
    let failures = [
        (
            "b-gone.jpg",
            "is a link that cannot be followed: No such file",
        ),
        ("c-loop", "is a link that leads back to"),
        ("d/y.jpg", "cannot be read: Permission denied"),
        ("e-locked", "cannot be read: Permission denied"),
        (
            "g-self.jpg",
            "is a link that cannot be followed: Too many levels",
        ),
        ("h-gone", "is a link that cannot be followed: No such file"),
    ];
    assert_said(&output, &failures);
    let said = stderr(&output);
    assert!(said.contains("2 files are left out"), "{said}");
    assert!(said.contains("4 classified, 6 failed"), "{said}");

    // A glob is searched for files, whatever they are called; folders are said.
    assert!(
        stderr(&globbed).contains("3 folders are left out"),
        "{}",
        stderr(&globbed)
    );
    assert_said(
        &globbed,
        &[
            ("b-gone.jpg", "No such file"),
            ("g-self.jpg", "Too many levels"),
            ("h-gone", "No such file"),
            ("i-gone.txt", "No such file"),
            ("notes.txt", "not an image"),
        ],
    );
}

#[test]
fn eval_counts_what_cannot_be_looked_into_as_failed() {
    if !may_read_the_project() {
        return;
    }
    let folder = scratch("eval-of-traps");
    create_dir_all(folder.join("star/locked")).unwrap();
    copy("star-1", &folder.join("star/a.jpg"));
    copy("star-2", &folder.join("star/locked/b.jpg"));
    symlink("nowhere.jpg", folder.join("star/gone.jpg")).unwrap();
    symlink("nowhere", folder.join("circle")).unwrap();
    lock(&folder.join("star/locked"), 0);
    let model = project("models/shapes.onnx");
    let dir = folder.to_str().unwrap();
    let output = as_nobody(&["eval", "-m", &model, "--engine", "rten", "-f", "json", dir]);
    lock(&folder.join("star/locked"), 0o755);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["pictures"], 1);
    assert_eq!(report["failed"], 3);
    assert_eq!(output.status.code(), Some(1));
    assert_said(
        &output,
        &[
            ("circle", "the class's folder cannot be read: No such file"),
            (
                "star/gone.jpg",
                "is a link that cannot be followed: No such file",
            ),
            ("star/locked", "cannot be read: Permission denied"),
        ],
    );
}
