//! The README's examples run: every command in a `console` block is executed and has to
//! succeed, unless the block is marked otherwise. What ARCHITECTURE.md says is held by a test
//! is held by one.

use std::process::Command;

use crate::support::root;

#[test]
fn the_examples_of_the_readme_run() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ocelli"))
        .parent()
        .unwrap()
        .display()
        .to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
    let mut ran = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            if line.contains("ffmpeg") && Command::new("ffmpeg").arg("-version").output().is_err() {
                println!("skipped: no ffmpeg: {line}");
                continue;
            }
            let output = Command::new("bash")
                .args(["-o", "pipefail", "-c", line])
                .current_dir(root())
                .env("PATH", &path)
                .env("OCELLI_CACHE", root().join("target/readme-cache"))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            ran += 1;
        }
    }
    println!("skipped: the first minute's `hf:` needs a hub: tests/fetch has one, and runs it");
    assert!(ran >= 8, "only {ran} examples were found");
}

#[test]
fn the_tests_that_the_architecture_names_are_there() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, invariants) = page.split_once("## What holds").unwrap();
    let (invariants, _) = invariants.split_once("## Where to begin").unwrap();
    let (mut file, mut named) = (String::new(), 0);
    for code in invariants.split('`').skip(1).step_by(2) {
        let mut parts: Vec<&str> = code.split("::").collect();
        let test = parts.pop().unwrap();
        if let Some(module) = parts.first() {
            file = match parts.contains(&"tests") {
                true => format!("src/{}.rs", parts[..parts.len() - 1].join("/")),
                false => format!("tests/{module}.rs"),
            };
        }
        if file.is_empty() || test.contains(['.', '/', ' ']) {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        assert!(text.contains(&format!("fn {test}")), "{file} has no {test}");
        named += 1;
    }
    assert!(named >= 20, "only {named} tests are named");
}
