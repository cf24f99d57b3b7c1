//! Models by name, as far as that needs no hub: the cache alone, and what is said where there
//! is nobody to ask. `tests/fetch` has a hub, and Hugging Face's own client.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::onnx_file::with_metadata;
use crate::support::{command, project, records, scratch, stderr};

/// An address where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn asking(home: &Path, arguments: &[&str]) -> Command {
    let mut command = command();
    for variable in [
        "HF_HUB_CACHE",
        "HF_TOKEN",
        "HF_HUB_OFFLINE",
        "HTTP_PROXY",
        "ALL_PROXY",
        "http_proxy",
    ] {
        command.env_remove(variable);
    }
    command
        .env("HF_HOME", home)
        .env("HF_ENDPOINT", NOBODY)
        .args(arguments);
    command
}

fn run(home: &Path, name: &str) -> Output {
    let sample = project("models/samples/star-1.jpg");
    let arguments = ["run", "-m", name, "--engine", "rten", "-f", "json", &sample];
    asking(home, &arguments).output().unwrap()
}

/// A home whose cache has a model, as any client of the hub leaves it.
fn home_with_model(folder: &str, file: &str) -> (PathBuf, PathBuf) {
    let home = scratch(folder);
    let repository = home.join("hub/models--own--shapes");
    let path = repository.join("snapshots").join(COMMIT).join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::create_dir_all(repository.join("refs")).unwrap();
    std::fs::write(repository.join("refs/main"), COMMIT).unwrap();
    std::fs::copy(project("models/shapes.onnx"), &path).unwrap();
    (home, path)
}

#[test]
fn a_model_in_the_cache_needs_nobody() {
    let (home, _) = home_with_model("hub-cached", "onnx/model.onnx");
    let output = run(&home, "hf:own/shapes");
    assert_eq!(records(&output)[0]["label"], "star", "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("hf:own/shapes: {NOBODY} cannot be reached")),
        "{said}"
    );
    assert!(
        said.contains("until then the copy in the cache serves"),
        "{said}"
    );
    assert!(
        said.contains("onnx/model.onnx of commit 0123456 is in the cache"),
        "{said}"
    );
    // Told not to ask, it does not try.
    let arguments = ["inspect", "--json", "hf:own/shapes"];
    let output = asking(&home, &arguments)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        !stderr(&output).contains("cannot be reached"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_model_without_a_name_is_called_by_its_repository_and_its_commit() {
    let (home, path) = home_with_model("hub-nameless", "onnx/model.onnx");
    let model = std::fs::read(&path).unwrap();
    std::fs::write(&path, with_metadata(&model, &[])).unwrap();
    let arguments = ["inspect", "hf:own/shapes"];
    let output = asking(&home, &arguments)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let words = |line: &str| {
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = said.lines().map(words).collect();
    assert!(lines.iter().any(|line| line == "name shapes"), "{said}");
    assert!(lines.iter().any(|line| line == "version 0123456"), "{said}");
}

/// What is known of the network in a repository's folder `onnx`, with these files above it.
fn inspected(folder: &str, files: &[(&str, String)]) -> Value {
    let (home, path) = home_with_model(folder, "onnx/model.onnx");
    std::fs::copy(project("tests/golden/hub/model.onnx"), &path).unwrap();
    for (name, text) in files {
        std::fs::write(path.parent().unwrap().with_file_name(name), text).unwrap();
    }
    let arguments = ["inspect", "--json", "hf:own/shapes"];
    let output = asking(&home, &arguments)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["manifest"].take()
}

#[test]
fn all_that_stands_above_a_folder_called_onnx_counts() {
    let timm = json!({"architecture": "resnet18", "label_names": ["red", "green", "blue"],
        "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95, "interpolation": "bilinear"}});
    let known = inspected("hub-timm-above", &[("config.json", timm.to_string())]);
    assert_eq!(known["labels"], json!(["red", "green", "blue"]));
    // timm's `math.floor(224 / 0.95)`.
    assert_eq!(known["preprocess"]["resize"]["size"], 235, "{known}");
    let processor = json!({"image_processor_type": "ViTImageProcessor", "size": 224});
    let files = [
        ("preprocessor_config.json", processor.to_string()),
        ("config.json", json!({"model_type": "vit"}).to_string()),
        ("labels.txt", "rot\ngrün\nblau\n".to_owned()),
    ];
    let known = inspected("hub-labels-above", &files);
    assert_eq!(known["labels"], json!(["rot", "grün", "blau"]));
}

#[test]
fn what_the_cache_does_not_have_is_not_made_up() {
    let (home, path) = home_with_model("hub-other", "other.onnx");
    let output = run(&home, "hf:own/shapes@v1");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("hf:own/shapes@v1: http://127.0.0.1:1 cannot be reached"),
        "{}",
        stderr(&output)
    );
    let output = run(&home, "hf:own/shapes:model.onnx");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    std::fs::copy(&path, path.with_file_name("another.onnx")).unwrap();
    let arguments = ["inspect", "hf:own/shapes"];
    let output = asking(&home, &arguments)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let expected = "hf:own/shapes: the cache has several ONNX files and no model.onnx or onnx/model.onnx, \
        found another.onnx, other.onnx; name one of them, such as hf:own/shapes:another.onnx";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn a_home_with_a_variable_in_its_name_and_an_address_that_is_none_are_said() {
    let home = scratch("hub-settings");
    let output = run(Path::new("$HOME/models"), "hf:own/shapes");
    assert!(
        stderr(&output).contains("HF_HOME: a variable in the folder's name is not replaced"),
        "{}",
        stderr(&output)
    );
    for address in ["huggingface.co", "ftp://huggingface.co", "data:x"] {
        let output = asking(&home, &["inspect", "hf:own/shapes"])
            .env("HF_ENDPOINT", address)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let expected = format!(
            "HF_ENDPOINT: not the address of a hub, expected https://HOST, found `{address}`"
        );
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
    let output = asking(&home, &["inspect", "hf:own/shapes"])
        .env("HF_HUB_DOWNLOAD_TIMEOUT", "10s")
        .output()
        .unwrap();
    let expected = "HF_HUB_DOWNLOAD_TIMEOUT: not a time to wait, expected whole seconds, at least 1, found `10s`";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    let output = asking(&home, &["inspect", "hf:own/shapes"])
        .env("HF_TOKEN", "two words")
        .output()
        .unwrap();
    assert!(
        stderr(&output).contains("HF_TOKEN: this is no token"),
        "{}",
        stderr(&output)
    );
    assert!(
        !stderr(&output).contains("two words"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_library_opens_models_by_name() {
    let error = ocelli::Classifier::open("hf:shapes").unwrap_err();
    assert_eq!(error.problem(), "this names no model");
    assert_eq!(error.expected(), Some("hf:OWNER/NAME[@REVISION][:FILE]"));
}
