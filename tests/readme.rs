//! The README's examples run: every command in a `console` block is executed and has to
//! succeed, unless the block is marked otherwise.

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
    assert!(ran >= 8, "only {ran} examples were found");
}
