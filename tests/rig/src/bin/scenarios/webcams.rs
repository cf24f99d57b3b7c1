//! Webcams that work: the right labels, the right rate, the right name.

use std::process::Command;
use std::time::Duration;

use ocelli_rig::ocelli::Run;
use ocelli_rig::story;
use ocelli_rig::webcam::Webcam;
use serde_json::Value;

/// Frames per second at which the guest can classify every frame.
pub const RATE: &str = "4";

/// A run on `webcam` as the scenarios usually have it.
pub fn watch(webcam: &Webcam, flags: &[&str]) -> Run {
    Run::start(&webcam.source(), &[&["--fps", RATE], flags].concat())
}

/// Ends a run in good order and checks what its records tell.
pub fn conclude(run: &mut Run) {
    conclude_in_time(run);
    if let Err(why) = story::check(&run.records) {
        panic!("{why}{}", run.story());
    }
    let unsure = run.records.iter().find(|record| record["unknown"] != false);
    assert!(unsure.is_none(), "{unsure:?}");
}

/// Ends a run by a signal, within a second.
pub fn conclude_in_time(run: &mut Run) {
    let took = run.end("TERM");
    assert!(
        took < Duration::from_secs(1),
        "SIGTERM: {took:?}{}",
        run.story()
    );
}

/// The cameras that `ocelli devices` lists.
pub fn listed() -> Vec<Value> {
    let output = Command::new("ocelli").args(["devices", "--json"]).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

pub fn devices() {
    let webcam = Webcam::plug("rig-1", RATE);
    let cameras = listed();
    let [vivid, usb] = &cameras[..] else {
        panic!("{} cameras instead of 2: {cameras:?}", cameras.len());
    };
    assert_eq!(vivid["identity"], "platform-vivid.0");
    assert_eq!(usb["identity"], "usb-vhci_hcd.0-1");
    assert_eq!(usb["serial"], "rig-1");
    assert_eq!(usb["number"], webcam.present());
    let modes: Vec<String> = usb["modes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| {
            format!(
                "{} {}x{}",
                m["format"].as_str().unwrap(),
                m["width"],
                m["height"]
            )
        })
        .collect();
    assert_eq!(
        modes,
        [
            "mjpeg 320x240",
            "mjpeg 640x480",
            "yuyv 320x240",
            "yuyv 640x480"
        ]
    );
}

pub fn mjpeg_small() {
    labels("mjpeg", "320x240");
}

pub fn mjpeg() {
    labels("mjpeg", "640x480");
}

pub fn yuyv_small() {
    labels("yuyv", "320x240");
}

pub fn yuyv() {
    labels("yuyv", "640x480");
}

fn labels(format: &str, size: &str) {
    let webcam = Webcam::plug("rig-1", RATE);
    let width = size.split('x').next().unwrap();
    let mut run = watch(&webcam, &["--pixel-format", format, "--width", width]);
    run.more(8);
    run.told(&format!("{format} {size} at 4 fps"));
    conclude(&mut run);
    for cause in ["camera", "damaged", "paced", "outages"] {
        assert_eq!(run.drops(cause), 0, "{cause}{}", run.story());
    }
}

/// Logitech's cameras put bytes before restart markers that belong to nothing.
pub fn stray_bytes() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    webcam.tell("stray");
    let mut run = watch(&webcam, &["--pixel-format", "mjpeg", "--width", "320"]);
    run.more(8);
    conclude(&mut run);
    for cause in ["camera", "damaged", "paced", "outages"] {
        assert_eq!(run.drops(cause), 0, "{cause}{}", run.story());
    }
}

/// nokhwa tells of no gaps, so that only the labels themselves can be checked; and it does
/// not take rates that the camera lists as fractions, so that none is asked for.
pub fn nokhwa() {
    let webcam = Webcam::plug("rig-1", "5");
    let source = format!("nokhwa:{}", webcam.present());
    for format in ["mjpeg", "yuyv"] {
        let flags = ["--pixel-format", format, "--width", "320"];
        let mut run = Run::start(&source, &flags);
        run.more(6);
        run.told("through nokhwa");
        conclude_in_time(&mut run);
        for record in &run.records {
            let label = record["label"].as_str().unwrap();
            assert!(story::SHAPES.contains(&label), "{record}");
            assert!(record["score"].as_f64().unwrap() > 0.8, "{record}");
        }
    }
}

/// The guest need not keep pace: what is asserted is the mode, and that frames come.
pub fn fractional_rate() {
    let webcam = Webcam::plug("rig-1", "30,29.97,5");
    let mut run = Run::start(
        &webcam.source(),
        &[
            "--fps",
            "29.97",
            "--pixel-format",
            "mjpeg",
            "--width",
            "320",
        ],
    );
    run.told("mjpeg 320x240 at 29.97 fps");
    run.more(3);
    conclude(&mut run);
}
