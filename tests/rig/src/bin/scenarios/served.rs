//! A camera behind `ocelli serve`: others see its states and its picture, and its loss.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ocelli_rig::ocelli::{PATIENCE, shapes};
use ocelli_rig::webcam::Webcam;
use ocelli_rig::{story, wait_for};
use serde_json::Value;

use crate::webcams::RATE;

const ADDRESS: &str = "127.0.0.1:8080";

/// The service, which ends with the scenario.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a GET, read from behind its head.
fn get(path: &str) -> Option<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(ADDRESS).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let good = line.contains(" 200 ");
    while !matches!(line.as_str(), "\r\n" | "") {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    good.then_some(reader)
}

fn status() -> Option<Value> {
    serde_json::from_reader(get("/status")?).ok()
}

/// Starts the service with the bundled model on `sources`.
fn serve(sources: &[&str], flags: &[&str]) -> Service {
    let mut command = Command::new("ocelli");
    command.args(["serve", "-m", &shapes(), "--engine", "rten"]);
    command.args(["--listen", ADDRESS]);
    let named = sources.iter().flat_map(|source| ["--source", *source]);
    let command = command.args(named).args(["--width", "320"]).args(flags);
    Service(command.stderr(Stdio::null()).spawn().unwrap())
}

/// Waits until what `GET /status` says of the source at `place` is as wanted.
fn wait_for_source(place: usize, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let seen = wait_for(PATIENCE, || {
        let state = status()?["sources"][place]["state"].take();
        is_wanted(&state).then_some(state)
    });
    seen.unwrap_or_else(|| panic!("source {place}: {:?}", status()))
}

/// One camera is there, one is lost, and one comes later: each has its own state.
pub fn several() {
    let mut webcam = Webcam::plug("rig-1", "2");
    let sources = ["healthy=camera:0", "lost=camera:rig-1", "late=camera:rig-2"];
    let _service = serve(&sources, &["--fps", "2"]);
    let gives = |state: &Value| {
        state["record"].is_object() && state["lost_ms"].is_null() && state["ended"].is_null()
    };
    for place in 0..2 {
        wait_for_source(place, gives);
    }
    let late = wait_for_source(2, |state| state["ended"] == "broken");
    assert!(
        late["reason"].as_str().unwrap().contains("no such camera"),
        "{late}"
    );

    webcam.unplug();
    let lost = wait_for_source(1, |state| state["lost_ms"].is_number());
    assert!(
        lost["reason"].as_str().unwrap().contains("is gone"),
        "{lost}"
    );
    let classified = |state: &Value| state["classified"].as_u64().unwrap();
    let before = classified(&wait_for_source(0, gives));
    wait_for_source(0, |state| gives(state) && classified(state) > before + 3);

    let _other = Webcam::plug("rig-2", "2");
    webcam.tell("plug");
    let outages = |state: &Value| state["record"]["drops"]["outages"].as_u64();
    assert_eq!(outages(&wait_for_source(2, gives)), Some(0));
    assert_eq!(outages(&wait_for_source(1, gives)), Some(1));
    assert_eq!(outages(&wait_for_source(0, gives)), Some(0));
}

/// Waits until the source has been lost, or is there again.
fn wait_for_lost(lost: bool) {
    let seen = wait_for(PATIENCE, || {
        let state = status()?["state"].take();
        (state["record"].is_object() && state["lost_ms"].is_number() == lost).then_some(())
    });
    assert!(seen.is_some(), "lost: {lost}, {:?}", status());
}

pub fn camera() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let flags = ["--fps", RATE, "--pixel-format", "mjpeg"];
    let _service = serve(&[&webcam.source()], &flags);
    wait_for_lost(false);

    // Each frame has its event, and the label that its counters imply.
    let mut records: Vec<Value> = Vec::new();
    let mut events = get("/events").unwrap().lines();
    while records.len() < 8 {
        let line = events.next().unwrap().unwrap();
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let record = serde_json::from_str::<Value>(data).unwrap()["record"].take();
        if record.is_object()
            && records
                .last()
                .is_none_or(|last| last["frame"] != record["frame"])
        {
            records.push(record);
        }
    }
    story::check(&records).unwrap();

    let mut jpeg = Vec::new();
    get("/snapshot.jpg")
        .unwrap()
        .read_to_end(&mut jpeg)
        .unwrap();
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));

    webcam.unplug();
    wait_for_lost(true);
    std::thread::sleep(Duration::from_secs(1));
    webcam.tell("plug");
    wait_for_lost(false);
    let outages = status().unwrap()["state"]["record"]["drops"]["outages"].as_u64();
    assert_eq!(outages, Some(1));
}
