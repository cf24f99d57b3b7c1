//! Web addresses as sources: a small server stands in for a camera's.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{command, labels, project, records, stderr};

/// A camera's web server: answers request number N, from 0, by `answer`, and hangs up.
pub struct Camera {
    address: String,
    asked: Arc<AtomicU64>,
}

impl Camera {
    pub fn start(answer: fn(u64, &str, &mut TcpStream) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                // Who hangs up first is no fault of the camera's.
                let _ = answer(
                    count.fetch_add(1, Ordering::SeqCst),
                    &head.join("\n"),
                    &mut stream,
                );
            }
        });
        Self { address, asked }
    }

    pub fn url(&self, login: &str) -> String {
        format!("http://{login}{}/snap.jpg", self.address)
    }
}

pub fn sample(shape: &str) -> Vec<u8> {
    std::fs::read(project(&format!("models/samples/{shape}-1.jpg"))).unwrap()
}

pub fn send(stream: &mut TcpStream, status: &str, kind: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

fn run(url: &str, rest: &[&str]) -> Command {
    let model = project("models/shapes.onnx");
    let mut command = command();
    command
        .args(["run", "-m", &model, "--engine", "rten", "-f", "json", url])
        .args(rest);
    command
}

fn ran(url: &str, rest: &[&str]) -> Output {
    run(url, rest).output().unwrap()
}

#[test]
fn one_picture_is_asked_for_at_the_rate_that_is_wanted() {
    let camera = Camera::start(|n, _, stream| {
        let shape = ["circle", "square", "star"][n as usize % 3];
        send(stream, "200 OK", "image/jpeg", &sample(shape))
    });
    let started = Instant::now();
    let output = ran(&camera.url(""), &["--frames", "4", "--max-fps", "5"]);
    let took = started.elapsed();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let records = records(&output);
    assert_eq!(labels(&records), ["circle", "square", "star", "circle"]);
    for record in &records {
        assert_eq!(record["source"], camera.url(""));
        assert_eq!(record["dropped"], 0);
        assert_eq!(record["drops"]["outages"], 0);
        assert!(record["frame_age_ms"].as_f64().is_some());
    }
    assert!(took >= Duration::from_millis(590), "{took:?}");
    let asked = camera.asked.load(Ordering::SeqCst);
    assert!((4..=5).contains(&asked), "asked {asked} times");
}

#[test]
fn unless_said_otherwise_one_picture_is_asked_for_once_a_second() {
    let camera =
        Camera::start(|_, _, stream| send(stream, "200 OK", "image/jpeg", &sample("star")));
    let output = ran(
        &camera.url(""),
        &["--frames", "9", "--stop-after", "2500ms"],
    );
    assert_eq!(labels(&records(&output)), ["star"; 3]);
    let said = stderr(&output);
    assert!(
        said.contains("is one picture: it is asked for every 1.000 s"),
        "{said}"
    );
    assert_eq!(camera.asked.load(Ordering::SeqCst), 3);
}

#[test]
fn user_and_password_are_given_and_kept_out_of_records() {
    // `user:p@ss`, as RFC 7617 has it.
    const LOGIN: &str = "authorization: Basic dXNlcjpwQHNz";
    let camera = Camera::start(|_, head, stream| {
        match head.lines().any(|line| line.eq_ignore_ascii_case(LOGIN)) {
            true => send(stream, "200 OK", "image/jpeg", &sample("circle")),
            false => send(stream, "401 Unauthorized", "text/plain", b"no"),
        }
    });
    for login in ["user:p%40ss@", "user:p@ss@"] {
        let output = ran(&camera.url(login), &["--frames", "1"]);
        let records = records(&output);
        assert_eq!(labels(&records), ["circle"], "{}", stderr(&output));
        assert_eq!(records[0]["source"], camera.url(""));
        assert!(!stderr(&output).contains("ss@"), "{}", stderr(&output));
    }
    let cases = [
        (
            "",
            "put user and password into the address: http://USER:PASSWORD@",
        ),
        ("user:wrong@", "give the right user and password"),
    ];
    for (login, remedy) in cases {
        let output = ran(&camera.url(login), &[]);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        let expected = format!(
            "{}: the server answers 401 Unauthorized; {remedy}",
            camera.url("")
        );
        assert!(said.contains(&expected), "{said}");
        assert!(!said.contains("wrong"), "{said}");
    }
}

#[test]
fn a_server_that_fails_for_a_while_is_one_outage_and_a_bad_picture_is_none() {
    let camera = Camera::start(|n, _, stream| match n {
        1 | 2 => send(stream, "503 Service Unavailable", "text/plain", b"busy"),
        3 => Ok(()),
        5 => send(stream, "200 OK", "image/jpeg", b"no picture"),
        _ => send(stream, "200 OK", "image/jpeg", &sample("circle")),
    });
    let output = ran(&camera.url(""), &["--frames", "3", "--max-fps", "20"]);
    let records = records(&output);
    assert_eq!(labels(&records), ["circle"; 3], "{}", stderr(&output));
    let counted = |at: usize, what: &str| records[at]["drops"][what].as_u64().unwrap();
    assert_eq!((counted(0, "outages"), counted(0, "damaged")), (0, 0));
    assert_eq!((counted(1, "outages"), counted(1, "damaged")), (1, 0));
    assert_eq!((counted(2, "outages"), counted(2, "damaged")), (1, 1));
    let said = stderr(&output);
    assert_eq!(
        said.matches("waiting for it to come back").count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("the server answers 503 Service Unavailable"),
        "{said}"
    );
}

#[test]
fn a_stream_of_pictures_may_lack_its_first_boundary_and_its_type() {
    fn pictures(stream: &mut TcpStream, kind: &str, first: &str) -> std::io::Result<()> {
        write!(stream, "HTTP/1.0 200 OK\r\n{kind}\r\n")?;
        for n in 0..100 {
            let picture = sample(["circle", "square"][n % 2]);
            let boundary = if n == 0 { first } else { "--frame\r\n" };
            let length = picture.len();
            write!(
                stream,
                "{boundary}Content-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
            )?;
            stream.write_all(&[&picture, &b"\r\n"[..]].concat())?;
            thread::sleep(Duration::from_millis(40));
        }
        Ok(())
    }
    const KIND: &str = "Content-Type: multipart/x-mixed-replace; boundary=frame\r\n";
    let cameras = [
        Camera::start(|_, _, stream| pictures(stream, KIND, "--frame\r\n")),
        Camera::start(|_, _, stream| pictures(stream, KIND, "")),
        Camera::start(|_, _, stream| pictures(stream, "", "--frame\r\n")),
    ];
    for camera in cameras {
        let output = ran(&camera.url(""), &["--frames", "4"]);
        let records = records(&output);
        assert_eq!(records.len(), 4, "{}", stderr(&output));
        for label in labels(&records) {
            assert!(["circle", "square"].contains(&label), "{label}");
        }
        assert_eq!(records[3]["drops"]["outages"], 0);
        assert_eq!(camera.asked.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_web_page_is_refused_and_a_video_needs_ffmpeg() {
    let page = Camera::start(|_, _, stream| send(stream, "200 OK", "text/html", b"<html>log in"));
    let output = ran(&page.url(""), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("the server gives a web page, expected a picture, pictures or a video"),
        "{said}"
    );
    let video = Camera::start(|_, _, stream| send(stream, "200 OK", "video/mp2t", &[0x47; 400]));
    let output = run(&video.url(""), &[])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("are read through FFmpeg"), "{said}");
    assert!(said.contains("apt install ffmpeg"), "{said}");
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = ran(&format!("http://user:secret@{gone}/"), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("http://{gone}/: cannot be reached: ")),
        "{said}"
    );
    assert!(
        said.contains("Connection refused") && !said.contains("secret"),
        "{said}"
    );
}
