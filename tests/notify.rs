//! Who else is told of a live source: commands and webhooks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{command, ocelli, project, records, scratch, stderr};

/// `ocelli run` of the shapes on the pure-Rust engine, as JSON.
pub fn run(args: &[&str]) -> Command {
    let mut command = command();
    let model = project("models/shapes.onnx");
    command
        .args(["run", "--engine", "rten", "-f", "json", "-m", &model])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a server is sent, request after request; each gets the next answer.
fn answer(
    listener: TcpListener,
    statuses: &'static [&'static str],
) -> thread::JoinHandle<Vec<(String, Value)>> {
    thread::spawn(move || {
        let mut requests = Vec::new();
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            requests.push((head, serde_json::from_slice(&body).unwrap()));
        }
        requests
    })
}

#[test]
fn a_rule_that_fires_runs_a_command_with_the_record_once() {
    let folder = scratch("exec");
    let out = folder.join("out");
    let exec = format!(
        "cat >> {0}; echo \"$OCELLI_RULE|$OCELLI_LABEL\" >> {0}; echo to-nobody",
        out.display()
    );
    // 30 frames of a shape: the star comes second, from 0.6 s to 1.2 s.
    let output = run(&[
        "synthetic:fps=50,frames=90",
        "--on",
        "star>0.5 for 200ms",
        "--exec",
        &exec,
    ])
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let record: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(record["label"], "star");
    // It had lasted for 200 ms: ten frames, or fewer where the machine was late for some.
    assert!(record["frame"].as_u64().unwrap() >= 34, "{record}");
    assert_eq!(lines[1], "star>0.5 for 200ms|star");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("to-nobody"));
    assert!(stderr(&output).contains("to-nobody"));
}

#[test]
fn commands_that_fail_or_hang_are_told_of_and_hold_nothing_up() {
    let started = Instant::now();
    let output = run(&[
        "synthetic:fps=100,frames=90",
        "--on",
        "square",
        "--exec",
        "exit 3",
        "--exec",
        "sleep 60.25 & sleep 61.25",
    ])
    .output()
    .unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let text = stderr(&output);
    assert!(
        text.contains("`exit 3`: it failed: exit status: 3"),
        "{text}"
    );
    assert!(
        text.contains("`sleep 60.25 & sleep 61.25`: it took too long and was killed"),
        "{text}"
    );
    // At 100 frames per second a busy machine may drop one or two.
    assert!(records(&output).len() >= 80, "{}", records(&output).len());
    let left = Command::new("pgrep")
        .args(["-fx", "sleep 60.25"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn a_webhook_gets_the_record_and_is_asked_again_after_a_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = answer(listener, &["503 Service Unavailable", "204 No Content"]);
    let output = run(&[
        "synthetic:fps=50,frames=60",
        "--on",
        "star",
        "--webhook",
        &url,
        "--stop-after",
        "4s",
    ])
    .output()
    .unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests.len(), 2, "{}", stderr(&output));
    for (head, record) in requests {
        let head = head.to_lowercase();
        assert!(head.starts_with("post /hook "), "{head}");
        assert!(
            head.contains("content-type: application/json") && head.contains("ocelli-rule: star"),
            "{head}"
        );
        assert_eq!(record["label"], "star");
    }
    assert!(
        !stderr(&output).contains("not taken"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let shapes = project("models/shapes.onnx");
    let cases: [(&[&str], &str); 5] = [
        (
            &["--on", "star"],
            "--on: there is nothing to do when it fires; add --exec COMMAND or --webhook URL",
        ),
        (
            &["--on", "dog", "--exec", "true"],
            "rule `dog`: the model has no class `dog`; name one of circle, square, star, triangle, unknown, health:CAUSE or drift:STATISTIC",
        ),
        (
            &["--on", "star>2", "--exec", "true"],
            "`2` is not a score from 0 to 1",
        ),
        (
            &["--on", "star", "--webhook", "ftp://x"],
            "`ftp://x` is ftp, expected http or https",
        ),
        (
            &["--mqtt", "mqtt://u:secret@h/t"],
            "put it into a file of its own (--mqtt-password-file FILE)",
        ),
    ];
    for (args, expected) in cases {
        let mut all = vec!["run", "--engine", "rten", "-m", &shapes, "synthetic:"];
        all.extend_from_slice(args);
        let output = ocelli(all);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let sample = project("models/samples/star-1.jpg");
    let output = ocelli([
        "run", "-m", &shapes, &sample, "--on", "star", "--exec", "true",
    ]);
    assert!(
        stderr(&output).contains("--on: this is for live sources"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_webhook_that_never_answers_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secret = format!("http://{}/a-secret", listener.local_addr().unwrap());
    let rules = ["circle", "square", "star", "triangle"];
    let mut args = vec!["synthetic:fps=100,frames=150", "--webhook", &secret];
    for rule in rules {
        args.extend(["--on", rule]);
    }
    let started = Instant::now();
    let output = run(&args).output().unwrap();
    // 1.5 s of frames, and two for what is ordered.
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );
    let text = stderr(&output);
    assert!(text.contains("it is not over and is left alone"), "{text}");
    assert!(!text.contains("a-secret"), "{text}");
}
