//! A reader that takes 500 ms per record: what it gets is the newest frame each time.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use ocelli_rig::ocelli::{command, shapes};
use ocelli_rig::story;
use ocelli_rig::webcam::Webcam;
use rustix::pipe::fcntl_setpipe_size;
use serde_json::Value;

use crate::webcams::RATE;

/// The smallest pipe that there is: five records.
const PIPE: usize = 4096;
/// The reader's loop, and the camera's interval at 4 fps, in milliseconds.
const LOOP: u64 = 500;
const INTERVAL: f64 = 250.0;

pub fn slow_reader() {
    let webcam = Webcam::plug("rig-1", RATE);
    let mut child = command(&shapes())
        .args([&webcam.source(), "--fps", RATE, "--width", "320"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pipe = child.stdout.take().unwrap();
    fcntl_setpipe_size(&pipe, PIPE).unwrap();
    // A buffer of its own would make it a fast reader.
    let mut lines = BufReader::with_capacity(64, pipe).lines();
    let mut records: Vec<Value> = Vec::new();
    for _ in 0..18 {
        sleep(Duration::from_millis(LOOP));
        let line = lines.next().unwrap().unwrap();
        records.push(serde_json::from_str(&line).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    story::check(&records).unwrap();
    for record in &records {
        let age = record["frame_age_ms"].as_f64().unwrap();
        // A busy host makes the guest's own loop long.
        let own = record["timing_ms"]["total"].as_f64().unwrap();
        assert!(age < INTERVAL + LOOP as f64 + own, "{record}");
    }
    // Once the pipe is full, about every second frame is passed over for a newer one.
    let [first, last] = [8, 17].map(|place| story::drops(&records[place], "newer"));
    assert!(last - first >= 6, "{first} to {last}");
}
