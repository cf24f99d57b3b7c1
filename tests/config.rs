//! Flags from a file and from variables: the typed flag, the variable, the file, the
//! default, in this order.

use std::path::PathBuf;
use std::process::Output;

use crate::support::{command, project, records, scratch, stderr};

fn written(name: &str, text: &str) -> PathBuf {
    let file = scratch(name).join("ocelli.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// Classifies with this configuration.
fn run(text: &str, name: &str, variables: &[(&str, &str)], flags: &[&str]) -> Output {
    let file = written(name, text);
    let mut command = command();
    command.env_remove("OCELLI_MODEL").arg("run").args(flags);
    command.arg("--config").arg(file);
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn a_file_alone_is_enough_for_a_run() {
    let text = format!(
        "# a comment\nmodel = {:?}\nsources = [{:?}]\nengine = \"rten\"\ntop-k = 2\n\n[run]\nformat = \"json\"\n\n[bench]\nseconds = 3\n",
        project("models/shapes.onnx"),
        project("models/samples/star-1.jpg"),
    );
    let output = run(&text, "config-run", &[], &[]);
    let records = records(&output);
    assert_eq!(records.len(), 1, "{}", stderr(&output));
    assert_eq!(records[0]["label"], "star");
    assert_eq!(records[0]["top"].as_array().unwrap().len(), 2);
}

#[test]
fn typed_flags_win_over_variables_and_those_over_the_file() {
    let text = format!(
        "model = {:?}\nengine = \"rten\"\nformat = \"json\"\ntop_k = 1\n",
        project("models/shapes.onnx")
    );
    let sample = project("models/samples/star-1.jpg");
    let listed = |variables: &[(&str, &str)], flags: &[&str]| {
        let output = run(
            &text,
            "config-order",
            variables,
            &[flags, &[&sample]].concat(),
        );
        let records = records(&output);
        assert_eq!(records.len(), 1, "{}", stderr(&output));
        records[0]["top"].as_array().unwrap().len()
    };
    assert_eq!(listed(&[], &[]), 1);
    assert_eq!(listed(&[("OCELLI_TOP_K", "2")], &[]), 2);
    assert_eq!(listed(&[("OCELLI_TOP_K", "2")], &["--top-k", "3"]), 3);
}

#[test]
fn a_switch_is_true_or_false() {
    let sample = project("models/samples/star-1.jpg");
    let model = project("models/shapes.onnx");
    let said = |text: &str| {
        let flags = ["-m", &model, "--engine", "rten", &sample];
        let output = run(text, "config-switch", &[], &flags);
        (output.status.code(), stderr(&output))
    };
    let (code, why) = said("changes-only = true");
    assert_eq!(code, Some(2));
    assert!(
        why.contains("--changes-only: this is for live sources"),
        "{why}"
    );
    assert_eq!(said("changes-only = false").0, Some(0));
    let (code, why) = said("\nchanges-only = 1");
    assert_eq!(code, Some(2));
    assert!(
        why.contains("ocelli.toml:2: `changes-only`, expected true or false"),
        "{why}"
    );
}

#[test]
fn what_is_no_flag_is_refused_with_its_line() {
    let cases = [
        (
            "model = \"x\"\nmax-fsp = 3",
            ":2: `max-fsp` is not a key; did you mean `max-fps`?",
        ),
        (
            "[rum]\nmax-fps = 3",
            ":1: `rum` is not a section; did you mean `run`?",
        ),
        ("model = ", ":1: "),
        ("top-k = { a = 1 }\n", ":1: "),
    ];
    for (text, expected) in cases {
        let output = run(text, "config-wrong", &[], &["x.jpg"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains(expected),
            "{text}: {}",
            stderr(&output)
        );
    }
    let output = command()
        .args(["run", "--config", "/nowhere.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nowhere.toml: the configuration cannot be read"));
}

/// Each names a token that is not here, which is looked at once all keys are understood.
#[test]
fn the_containers_configurations_are_understood() {
    let read = |file: &str| std::fs::read_to_string(project(&format!("containers/{file}")));
    let Ok(manifest) = read("kubernetes.yaml") else {
        println!("skipped: the containers are not a part of the crate's package");
        return;
    };
    let lines = manifest
        .lines()
        .skip_while(|line| !line.ends_with("serve.toml: |"));
    let inside = lines
        .skip(1)
        .take_while(|line| line.starts_with("    ") || line.is_empty());
    let inside: String = inside.map(|line| format!("{}\n", line.trim())).collect();
    let (image, compose) = (read("serve.toml").unwrap(), read("ocelli.toml").unwrap());
    for (text, token) in [
        (image, "ocelli-token"),
        (compose, "ocelli-token"),
        (inside, "ocelli/token"),
    ] {
        let file = written("config-containers", &text);
        let mut command = command();
        let output = command
            .arg("serve")
            .arg("--config")
            .arg(file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let expected = format!("/run/secrets/{token}: the token cannot be read");
        assert!(
            stderr(&output).contains(&expected),
            "{text}{}",
            stderr(&output)
        );
    }
}
