//! Each outside crate has one door; files stay small. Grepped, not trusted.

use std::path::{Path, PathBuf};

use crate::support::root;

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, files)
            } else {
                files.push(path)
            }
        }
    }
    let (src, mut files) = (root().join("src"), Vec::new());
    walk(&src, &mut files);
    let name = |path: &Path| path.strip_prefix(&src).unwrap().display().to_string();
    files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (name(path), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// The part of a file before its unit tests.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn every_crate_has_one_door() {
    let doors: [(&str, &[&str]); 30] = [
        ("ort::", &["engine/", "ffi.rs"]),
        ("rten", &["engine/", "engine.rs"]),
        ("turbojpeg", &["ffi.rs", "serve/painter.rs"]),
        ("libloading", &["ffi.rs"]),
        ("image::", &["pipeline/decode/"]),
        ("pulp", &["pipeline/preprocess/"]),
        ("clap", &["cli.rs", "cli/", "main.rs"]),
        ("object", &["engine/elf.rs"]),
        ("toml", &["cli/config.rs"]),
        ("strsim", &["cli/config.rs"]),
        ("prost", &["model/onnx.rs", "model/pack.rs"]),
        ("stdout()", &["pipeline/write", "commands/", "commands.rs"]),
        ("walkdir", &["pipeline/capture/files.rs"]),
        (
            "fastrand",
            &[
                "audience/mqtt/publisher.rs",
                "pipeline/capture/synthetic.rs",
            ],
        ),
        (
            "v4l",
            &["pipeline/capture/camera/", "pipeline/capture/camera.rs"],
        ),
        ("nokhwa", &["pipeline/capture/camera/"]),
        (
            "rustix",
            &[
                "pipeline/capture/camera/",
                "pipeline/capture/child/",
                "commands/bench/tune.rs",
                "audience/actions/command.rs",
                "serve.rs",
                "serve/listen.rs",
            ],
        ),
        ("console", &["pipeline/write/view.rs"]),
        ("sd_notify", &["commands/follow/"]),
        ("axum", &["serve/", "serve.rs"]),
        ("hyper", &["serve/listen.rs"]),
        ("http_body_util", &["serve/upload.rs"]),
        ("tower_http", &["serve/routes.rs"]),
        ("tokio", &["serve/", "serve.rs", "audience/mqtt"]),
        ("prometheus_client", &["serve/metrics.rs"]),
        ("rumqttc", &["audience/mqtt/publisher.rs"]),
        ("ureq", &["audience/actions/webhook.rs"]),
        ("rustls", &["tls.rs", "serve.rs", "serve/listen.rs"]),
        ("subtle", &["serve/guard.rs"]),
        ("embedded_graphics", &["commands/eval/plot.rs"]),
    ];
    for (name, text) in sources() {
        for (krate, allowed) in doors {
            let used = production(&text)
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with("//"))
                .any(|line| {
                    line.contains(&format!("use {krate}"))
                        || line.contains(&format!(" {krate}::"))
                        || krate.ends_with("()") && line.contains(krate)
                });
            assert!(
                !used || allowed.iter().any(|door| name.starts_with(door)),
                "{krate} is used in {name}"
            );
        }
    }
}

#[test]
fn unsafe_code_stays_behind_its_fence() {
    for (name, text) in sources() {
        let has = text
            .lines()
            .map(str::trim)
            .any(|l| !l.starts_with("//") && l.contains("unsafe "));
        assert!(!has || name == "ffi.rs", "unsafe code in {name}");
    }
}

#[test]
fn stages_do_not_know_the_stages_behind_them() {
    let order = [
        "capture",
        "decode",
        "preprocess",
        "score",
        "smooth",
        "write",
    ];
    for (name, text) in sources() {
        let Some(stage) = order.iter().position(|stage| {
            name == format!("pipeline/{stage}.rs")
                || name.starts_with(&format!("pipeline/{stage}/"))
        }) else {
            continue;
        };
        for later in &order[stage + 1..] {
            for way in [format!("pipeline::{later}"), format!("super::{later}")] {
                let own = name.starts_with(&format!("pipeline/{}/", order[stage]));
                let used = production(&text).contains(&way) && !(own && way.starts_with("super"));
                assert!(!used, "{name} knows {later}");
            }
        }
    }
}

#[test]
fn files_are_small_and_say_why_they_exist() {
    for (name, text) in sources() {
        assert!(
            text.starts_with("//!"),
            "{name} does not open with its reason"
        );
        let lines = production(&text).lines().count();
        assert!(lines <= 450, "{name} has {lines} lines");
    }
}
