//! The examples, as a stranger runs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Once;

use crate::support::{project, root};

/// An example, built as this test is.
pub fn example(name: &str) -> Command {
    static BUILT: Once = Once::new();
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    BUILT.call_once(|| {
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            profile => profile,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--examples", "--profile", profile])
            .current_dir(root())
            .status();
        assert!(built.unwrap().success());
    });
    let mut command = Command::new(folder.join("examples").join(name));
    command
        .env("OCELLI_CACHE", root().join("target/no-cache"))
        .env("OCELLI_CACHE_MIB", "0");
    command
}

fn output(name: &str, argument: &str) -> String {
    let output = example(name)
        .arg(project("models/shapes.onnx"))
        .arg(argument)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{argument}: {text}{errors}");
    text
}

#[test]
fn one_picture_gets_an_answer() {
    let photo = project("models/samples/star-1.jpg");
    let text = output("classify", &photo);
    assert!(text.contains("star-1.jpg: star 0.9"), "{text}");
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn a_folder_is_classified_in_order() {
    let text = output("folder", &project("models/samples"));
    let labels: Vec<&str> = text
        .lines()
        .filter_map(|line| line.rsplit_once(": ")?.1.split(' ').next())
        .collect();
    let expected = ["circle", "square", "star", "triangle"].map(|label| [label; 2]);
    assert_eq!(labels, expected.concat(), "{text}");
    assert!(text.ends_with("8 classified, 0 failed\n"), "{text}");
}

#[test]
fn a_live_source_is_followed_to_its_end() {
    let text = output("live", "synthetic:fps=60,frames=61");
    for label in ["square", "star", "triangle"] {
        assert!(text.contains(&format!("{label} ")), "{text}");
    }
    assert!(text.contains(" classified, dropped "), "{text}");
}

#[test]
fn a_service_answers_and_ends_with_its_input() {
    // The port is free until the service takes it.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut service = example("http")
        .args([project("models/shapes.onnx"), address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut said = BufReader::new(service.stdout.take().unwrap());
    said.read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let photo = std::fs::read(root().join("models/samples/circle-1.jpg")).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        photo.len()
    )
    .unwrap();
    stream.write_all(&photo).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(r#""label":"circle""#), "{answer}");
    drop(service.stdin.take());
    assert!(service.wait().unwrap().success());
}
