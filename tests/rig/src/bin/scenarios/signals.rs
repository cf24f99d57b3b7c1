//! Signals: a storm of them, the ones that end the program, the one that reloads.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use ocelli_rig::MODELS;
use ocelli_rig::ocelli::{Run, command, shapes};
use ocelli_rig::webcam::Webcam;

use crate::webcams::{RATE, conclude, watch};

const SECOND: Duration = Duration::from_secs(1);

/// SIGALRM's bit in the masks of /proc/PID/status.
const ALARM: u64 = 1 << 13;

/// Every thread is interrupted a hundred times a second (storm.c).
pub fn storm() {
    let webcam = Webcam::plug("rig-1", RATE);
    let mut command = command(&shapes());
    command.args([&webcam.source(), "--fps", RATE, "--width", "320"]);
    let mut run = Run::spawn(command.env("LD_PRELOAD", "/rig/storm.so"));
    run.more(12);
    let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    assert_ne!(caught & ALARM, 0, "there is no storm");
    for cause in ["camera", "damaged", "outages"] {
        assert_eq!(run.drops(cause), 0, "{cause}{}", run.story());
    }
    conclude(&mut run);
}

/// Stopped for longer than a stall, and woken: no outage, and on to the newest frame.
pub fn suspended() {
    let webcam = Webcam::plug("rig-1", RATE);
    let mut run = watch(&webcam, &["--width", "320"]);
    for _ in 0..2 {
        run.more(2);
        run.signal("STOP");
        sleep(Duration::from_secs(3));
        run.signal("CONT");
        assert!(run.back_to_live() < SECOND, "{}", run.story());
    }
    run.more(3);
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
    assert_eq!(run.drops("damaged"), 0, "{}", run.story());
    // The driver had four buffers to fill.
    assert!(run.drops("camera") >= 10, "{}", run.story());
    conclude(&mut run);
}

/// Ends the program with each of the signals after `trouble`.
fn end_after(trouble: impl Fn(&mut Webcam, &mut Run)) {
    for signal in ["INT", "TERM"] {
        let mut webcam = Webcam::plug("rig-1", RATE);
        let mut run = watch(&webcam, &["--width", "320"]);
        run.more(1);
        trouble(&mut webcam, &mut run);
        let took = run.end(signal);
        assert!(took < SECOND, "{signal}: {took:?}{}", run.story());
        run.told("frames classified in");
    }
}

pub fn end_running() {
    end_after(|_, _| {});
}

/// At once, and when the program has noticed and has started the stream again.
pub fn end_stalled() {
    end_after(|webcam, _| webcam.tell("stall"));
    end_after(|webcam, run| {
        webcam.tell("stall");
        run.told("no good frame");
        sleep(Duration::from_millis(800));
    });
}

pub fn end_unplugged() {
    end_after(|webcam, run| {
        webcam.unplug();
        run.told("the camera is gone");
        sleep(Duration::from_millis(800));
    });
}

pub fn reload() {
    let model = "/tmp/model.onnx";
    let put = |bytes: &[u8]| {
        fs::write("/tmp/new.onnx", bytes).unwrap();
        fs::rename("/tmp/new.onnx", model).unwrap();
    };
    let good = fs::read(shapes()).unwrap();
    put(&good);
    let webcam = Webcam::plug("rig-1", RATE);
    let mut command = command(model);
    let flags = ["--fps", RATE, "--width", "320"];
    let mut run = Run::spawn(command.arg(webcam.source()).args(flags));
    run.more(1);
    put(&good[..good.len() / 2]);
    run.signal("HUP");
    run.told("the old model goes on");
    assert_eq!(run.more(2)["model"], "shapes@1");
    put(&fs::read(format!("{MODELS}/digits.onnx")).unwrap());
    run.signal("HUP");
    run.told("digits@1 takes over on rten");
    assert_eq!(run.more(2)["model"], "digits@1");
    put(&good);
    run.signal("HUP");
    run.told("shapes@1 takes over on rten");
    run.more(4);
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
    assert_eq!(run.last()["model"], "shapes@1");
    // What the digits' model said of shapes has no place in the story.
    run.records.retain(|record| record["model"] == "shapes@1");
    let digits = |record: &serde_json::Value| record["label"].as_str().unwrap().len() == 1;
    assert!(!run.records.iter().any(digits));
    run.records.drain(..run.records.len() - 3);
    conclude(&mut run);
}
