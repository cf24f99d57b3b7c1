//! Cameras that are lost: told once, counted once, and back by themselves.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ocelli_rig::ocelli::Run;
use ocelli_rig::vivid::{self, NODE};
use ocelli_rig::webcam::Webcam;

use crate::webcams::{RATE, conclude, watch};

/// From the end of a fault to the next record.
pub const BACK: Duration = Duration::from_secs(3);

/// Waits for frames after an outage, and checks that it was told of and counted once.
fn recover(run: &mut Run, outages: u64) {
    let took = run.back_to_live();
    assert!(took < BACK, "back after {took:?}{}", run.story());
    run.more(3);
    assert_eq!(run.drops("outages"), outages, "{}", run.story());
    let told = run.times_told("waiting for it to come back");
    assert_eq!(told as u64, outages, "{}", run.story());
    let back = run.times_told("is back after");
    assert_eq!(back as u64, outages, "{}", run.story());
}

pub fn replug() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let number = webcam.present();
    let mut run = watch(&webcam, &["--width", "320"]);
    for outages in 1..=3 {
        run.more(2);
        webcam.unplug();
        run.told("the camera is gone");
        sleep(Duration::from_millis(700 * outages));
        webcam.tell("plug");
        assert_eq!(webcam.present(), number);
        recover(&mut run, outages);
    }
    assert_eq!(run.drops("damaged"), 0, "{}", run.story());
    conclude(&mut run);
}

/// Another camera of the same make takes the lost one's number and port meanwhile: it must
/// not be taken for the lost one.
pub fn another_number() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let number = webcam.present();
    let mut run = watch(&webcam, &["--width", "320"]);
    run.more(2);
    webcam.unplug();
    run.told("the camera is gone");
    let other = Webcam::plug("rig-2", RATE);
    assert_eq!(other.present(), number);
    run.listen_for(Duration::from_secs(2));
    let before = run.records.len();
    run.listen_for(Duration::from_secs(1));
    assert_eq!(run.records.len(), before, "frames of the other camera");
    webcam.tell("plug");
    let elsewhere = webcam.present();
    assert_ne!(elsewhere, number);
    recover(&mut run, 1);
    run.told(&format!("at /dev/video{elsewhere}"));
    conclude(&mut run);
}

pub fn stall() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let mut run = watch(&webcam, &["--width", "320"]);
    for outages in 1..=2 {
        run.more(2);
        webcam.tell("stall");
        run.told("no good frame for 2.");
        sleep(Duration::from_millis(1500 * outages));
        webcam.tell("resume");
        recover(&mut run, outages);
    }
    conclude(&mut run);
}

/// Frames keep coming, and none of them is a picture: as good as none, and all are counted.
pub fn noise() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let mut run = watch(&webcam, &["--pixel-format", "mjpeg", "--width", "320"]);
    run.more(2);
    webcam.tell("noise");
    run.told("a frame is skipped");
    run.told("no good frame for 2.");
    sleep(Duration::from_secs(6));
    webcam.tell("resume");
    recover(&mut run, 1);
    // Four in a second for 8 s, but for the pauses between attempts.
    let damaged = run.drops("damaged");
    assert!((20..=36).contains(&damaged), "{damaged}{}", run.story());
    conclude(&mut run);
}

/// Another program has it: said with what mends it, not waited for.
pub fn busy() {
    let mut other = Command::new("v4l2-ctl")
        .args(["-d", NODE, "--stream-mmap", "--stream-to=/dev/null"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It writes a mark per frame.
    let mut mark = [0];
    other
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut mark)
        .unwrap();
    let mut run = Run::start(NODE, &["--fps", "4"]);
    run.finish(2);
    run.told("another program uses it: fuser -v /dev/video0");
    other.kill().unwrap();
    other.wait().unwrap();
    let mut run = Run::start(NODE, &["--fps", "4", "--frames", "1"]);
    run.more(1);
    run.finish(0);
}

/// Each of vivid's ways to fail, and a driver that fails again when it is started again.
pub fn driver_errors() {
    let mut run = Run::start(NODE, &["--fps", "4"]);
    let faults: [&[&str]; 4] = [
        &["inject_vidioc_qbuf_error"],
        &["inject_fatal_streaming_error"],
        &[
            "inject_vidioc_reqbufs_error",
            "inject_fatal_streaming_error",
        ],
        &[
            "inject_vidioc_streamon_error",
            "inject_fatal_streaming_error",
        ],
    ];
    for (outages, buttons) in (1..).zip(faults) {
        run.more(2);
        buttons.iter().for_each(|button| vivid::inject(button));
        recover(&mut run, outages);
    }
    run.end("TERM");
}

pub fn driver_reload() {
    let mut run = Run::start(NODE, &["--fps", "4"]);
    run.more(2);
    vivid::inject("disconnect");
    run.told("the camera is gone");
    vivid::unload();
    vivid::load();
    recover(&mut run, 1);
    run.end("TERM");
}
