//! Each outside crate has one door, and each kind of thing its room. Read from the code as
//! the compiler reads it, inline paths and macros included.

use std::collections::BTreeSet;

use crate::source_tree::{Imports, Source, sources};
use crate::support::root;

/// Crates that any file may use: they are a language of their own.
const ANYWHERE: [&str; 5] = ["bytes", "log", "parking_lot", "serde", "serde_json"];

/// All others, and the files that may use them.
const DOORS: [(&str, &[&str]); 61] = [
    ("axum", &["serve/"]),
    (
        "base64",
        &[
            "calibration/proof.rs",
            "monitor/ring/sidecar.rs",
            "pipeline/capture/http/",
            "proof/replay.rs",
            "serve/token.rs",
            "teach/cases.rs",
        ],
    ),
    ("clap", &["bin/ocelli/cli.rs", "bin/ocelli/cli/"]),
    ("clap_complete", &["bin/ocelli/cli/pages.rs"]),
    ("clap_mangen", &["bin/ocelli/cli/pages.rs"]),
    (
        "console",
        &[
            "bin/ocelli/terminal.rs",
            "bin/ocelli/terminal/block.rs",
            "bin/ocelli/terminal/board.rs",
        ],
    ),
    ("crc32fast", &["engine/prepared/entry.rs"]),
    (
        "csv",
        &[
            "bin/ocelli/commands/eval/table.rs",
            "model/foreign/labels/table.rs",
            "pipeline/write/csv.rs",
        ],
    ),
    ("embedded_graphics", &["bin/ocelli/commands/eval/plot.rs"]),
    ("env_logger", &["bin/ocelli/log_lines.rs"]),
    (
        "fastrand",
        &[
            "matching/statistics.rs",
            "monitor/ring/",
            "notify/mqtt/publisher.rs",
            "pipeline/capture/synthetic.rs",
            "teach/",
        ],
    ),
    ("fdeflate", &["pipeline/decode/png_metadata.rs"]),
    ("futures_util", &["serve/"]),
    ("gif", &["pipeline/decode/gif.rs"]),
    (
        "glob",
        &[
            "bin/ocelli/commands/doctor/machine.rs",
            "engine/cache.rs",
            "engine/library.rs",
            "pipeline/capture/folder.rs",
        ],
    ),
    (
        "half",
        &[
            "engine/onnxruntime.rs",
            "model/constant.rs",
            "monitor/ring/sidecar.rs",
            "pipeline/preprocess/layout.rs",
            "tensor.rs",
        ],
    ),
    ("http_body_util", &["serve/budget.rs", "serve/upload.rs"]),
    (
        "humantime",
        &[
            "bin/ocelli/cli/values.rs",
            "monitor/report.rs",
            "notify/rules/rule.rs",
            "pipeline/write/",
            "serve/upload.rs",
        ],
    ),
    ("hyper", &["serve/connections.rs", "serve/listen.rs"]),
    ("hyper_util", &["serve/listen.rs"]),
    ("image", &["pipeline/decode/"]),
    (
        "indicatif",
        &[
            "bin/ocelli/commands/run.rs",
            "bin/ocelli/fetching.rs",
            "bin/ocelli/step_bar.rs",
        ],
    ),
    ("libloading", &["ffi/onnxruntime.rs"]),
    ("libwebp_sys", &["ffi/webp.rs"]),
    (
        "memchr",
        &[
            "bin/ocelli/commands/doctor/board.rs",
            "jpeg.rs",
            "pipeline/capture/",
            "pipeline/decode/",
        ],
    ),
    ("nokhwa", &["pipeline/capture/camera/nokhwa.rs"]),
    ("object", &["engine/elf.rs"]),
    ("ort", &["engine/", "ffi/onnxruntime.rs"]),
    (
        "percent_encoding",
        &["notify/mqtt/address.rs", "pipeline/capture/http/"],
    ),
    ("png", &["bin/ocelli/commands/eval/plot.rs"]),
    ("prometheus_client", &["serve/metrics.rs", "serve/metrics/"]),
    (
        "prost",
        &[
            "model/edit.rs",
            "model/fuzz.rs",
            "model/head.rs",
            "model/onnx.rs",
            "model/pack.rs",
        ],
    ),
    ("pulp", &["pipeline/preprocess/"]),
    ("rten", &["engine/rten.rs"]),
    ("rten_tensor", &["engine/rten.rs"]),
    ("rumqttc", &["notify/mqtt/publisher.rs"]),
    (
        "rustix",
        &[
            "bin/ocelli/commands/bench/tune.rs",
            "bin/ocelli/commands/doctor/cache.rs",
            "engine/cache.rs",
            "model/hub/download.rs",
            "monitor/ring/disk.rs",
            "notify/rules/command.rs",
            "pipeline/capture/camera/v4l2/",
            "pipeline/capture/child/",
            "priority.rs",
            "serve/listen.rs",
        ],
    ),
    ("rustls", &["serve/listen.rs", "serve/server.rs", "tls/"]),
    ("rustls_native_certs", &["tls/roots.rs"]),
    ("saphyr_parser", &["model/foreign/labels/yaml.rs"]),
    ("schemars", &["schema.rs", "serve/"]),
    ("sd_notify", &["bin/ocelli/service_manager.rs"]),
    ("sha1", &["model/hub/checksum.rs"]),
    (
        "sha2",
        &[
            "engine/cache.rs",
            "model/hash.rs",
            "model/hub/checksum.rs",
            "notify/mqtt/address.rs",
            "serve/token.rs",
            "teach/",
        ],
    ),
    (
        "signal_hook",
        &["bin/ocelli/commands.rs", "bin/ocelli/live.rs"],
    ),
    ("strsim", &["bin/ocelli/cli/config.rs"]),
    ("subtle", &["serve/token.rs"]),
    ("tempfile", &["engine/onnxruntime.rs", "engine/prepared.rs"]),
    (
        "tiff",
        &["pipeline/decode/tiff.rs", "pipeline/decode/tiff/"],
    ),
    ("tokio", &["notify/mqtt.rs", "notify/mqtt/", "serve/"]),
    ("tokio_rustls", &["serve/listen.rs"]),
    ("toml", &["bin/ocelli/cli/config.rs"]),
    ("tower_http", &["serve/routes.rs"]),
    ("turbojpeg", &["ffi/", "pipeline/view.rs"]),
    (
        "ureq",
        &[
            "model/hub/client.rs",
            "notify/rules/webhook.rs",
            "pipeline/capture/http/",
            "tls/http.rs",
        ],
    ),
    (
        "url",
        &[
            "bin/ocelli/cli/serve.rs",
            "model/hub/client.rs",
            "notify/mqtt/address.rs",
            "notify/rules/webhook.rs",
            "pipeline/capture/http/",
            "serve/auth.rs",
        ],
    ),
    ("v4l", &["ffi/v4l2.rs", "pipeline/capture/camera/v4l2/"]),
    ("walkdir", &["pipeline/capture/folder.rs"]),
    // The program knows its library by name; the library never does.
    ("ocelli", &["bin/ocelli/"]),
    ("quote", &[]),
    ("syn", &[]),
];

/// The direct dependencies, as code calls them.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line.ends_with(".dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside) {
            names.insert(name.replace('-', "_"));
        }
    }
    names
}

fn is_within(source: &Source, places: &[&str]) -> bool {
    places.iter().any(|place| source.name.starts_with(place))
}

#[test]
fn every_crate_has_one_door() {
    let known: BTreeSet<String> = ANYWHERE
        .iter()
        .chain(DOORS.iter().map(|(name, _)| name))
        .map(|name| (*name).to_owned())
        .collect();
    let unlisted: Vec<String> = dependencies().difference(&known).cloned().collect();
    assert!(unlisted.is_empty(), "without a door: {unlisted:?}");
    let sources = sources();
    let mut used = BTreeSet::new();
    for source in &sources {
        for path in source.outside_paths(&sources) {
            let name = &path[0];
            let Some((name, allowed)) = DOORS.iter().find(|(door, _)| door == name) else {
                continue;
            };
            used.insert(*name);
            assert!(
                is_within(source, allowed),
                "{} is used in {}: {}",
                name,
                source.name,
                path.join("::")
            );
        }
    }
    for (name, places) in DOORS.iter().filter(|(_, places)| !places.is_empty()) {
        assert!(used.contains(name), "nobody uses {name} in {places:?}");
    }
}

#[test]
fn unsafe_code_stays_behind_its_fence() {
    for source in sources() {
        let is_fence = source.name == "ffi.rs" || source.name.starts_with("ffi/");
        assert!(
            is_fence || !source.has_token("unsafe"),
            "unsafe code in {}",
            source.name
        );
    }
}

#[test]
fn stages_do_not_know_the_stages_behind_them() {
    const ORDER: [&str; 6] = [
        "capture",
        "decode",
        "preprocess",
        "score",
        "smooth",
        "write",
    ];
    let stage_of = |file: &str| {
        let inner = file.strip_prefix("pipeline/")?;
        let stage = inner.split(['/', '.']).next()?;
        ORDER.iter().position(|known| *known == stage)
    };
    let imports = Imports::of(&sources());
    let mut steps = 0;
    for (file, targets) in &imports.arrows {
        for target in targets {
            if let (Some(stage), Some(other)) = (stage_of(file), stage_of(target)) {
                steps += usize::from(other < stage);
                assert!(other <= stage, "{file} knows {target}");
            }
        }
    }
    assert!(steps > 5, "only {steps} imports between stages are seen");
}

#[test]
fn the_library_reads_the_environment_in_one_place() {
    for source in sources().iter().filter(|source| !source.in_program) {
        // Where the process may be changed or looked at is behind a fence of its own.
        let allowed: &[&str] = &["environment.rs", "engine/library.rs", "ffi/onnxruntime.rs"];
        for named in source.paths() {
            let path: Vec<&str> = named.segments.iter().map(String::as_str).collect();
            if let ["std", "env", what, ..] = path[..] {
                assert!(
                    what == "consts" || is_within(source, allowed),
                    "{} reads the environment",
                    source.name
                );
            }
        }
    }
}

#[test]
fn the_library_talks_to_nobody_and_knows_no_flag() {
    for source in sources().iter().filter(|source| !source.in_program) {
        let name = &source.name;
        for named in source.paths() {
            let path = named.segments.join("::");
            let is_output = ["std::io::stdout", "print", "println", "eprint", "eprintln"];
            assert!(!is_output.contains(&path.as_str()), "{name}: {path}");
        }
        // Flags of other programs, and the boundary of a multipart stream.
        let others = [
            "pipeline/capture/child/programs.rs",
            "serve/upload.rs",
            "serve/watch.rs",
        ];
        if others.contains(&name.as_str()) {
            continue;
        }
        for literal in source.literals() {
            let mut words = literal.split(|c: char| !(c == '-' || c.is_ascii_alphanumeric()));
            let flag = words.find(|word| {
                word.strip_prefix("--")
                    .is_some_and(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase()))
            });
            assert_eq!(flag, None, "{name} names a flag: {literal}");
        }
    }
}
