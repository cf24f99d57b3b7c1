//! Damaged frames: skipped, told once, counted by cause, and never classified.

use std::time::Duration;

use ocelli_rig::ocelli::Run;
use ocelli_rig::vivid::{self, NODE};
use ocelli_rig::webcam::Webcam;

use crate::webcams::{RATE, conclude, watch};

/// One fault after the other, each seen off by good frames.
fn spoil(webcam: &mut Webcam, run: &mut Run, faults: &[&str]) {
    run.more(2);
    for fault in faults {
        webcam.tell(fault);
        run.more(3);
    }
}

pub fn jpegs() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let mut run = watch(&webcam, &["--pixel-format", "mjpeg", "--width", "320"]);
    spoil(&mut webcam, &mut run, &["truncate", "garbage", "badframe"]);
    // The kernel keeps a frame with the error bit to itself: a gap in the numbers.
    assert_eq!(run.drops("damaged"), 2, "{}", run.story());
    assert_eq!(run.drops("camera"), 1, "{}", run.story());
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
    assert_eq!(run.times_told("a frame is skipped"), 1, "{}", run.story());
    conclude(&mut run);
}

/// uvcvideo keeps short frames to itself, too. Noise as pixels cannot be told from a
/// picture, so that is left out.
pub fn pixels() {
    let mut webcam = Webcam::plug("rig-1", RATE);
    let mut run = watch(&webcam, &["--pixel-format", "yuyv", "--width", "320"]);
    spoil(&mut webcam, &mut run, &["truncate", "badframe", "truncate"]);
    assert_eq!(run.drops("camera"), 3, "{}", run.story());
    assert_eq!(run.drops("damaged"), 0, "{}", run.story());
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
    conclude(&mut run);
}

pub fn flagged() {
    let mut run = Run::start(NODE, &["--fps", "4"]);
    for _ in 0..2 {
        run.more(2);
        vivid::inject("inject_v4l2_buf_flag_error");
    }
    run.more(2);
    run.told("flags a frame");
    run.end("INT");
    assert_eq!(run.drops("damaged"), 2, "{}", run.story());
    assert_eq!(run.drops("camera"), 0, "{}", run.story());
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
}

pub fn skipped() {
    let mut run = Run::start(NODE, &["--fps", "5"]);
    run.more(1);
    vivid::v4l2(&["-c", "percentage_of_dropped_buffers=50"]);
    run.listen_for(Duration::from_secs(4));
    vivid::v4l2(&["-c", "percentage_of_dropped_buffers=0"]);
    run.more(2);
    run.end("INT");
    // Half of 20 frames: fewer than 3 or more than 17 come once in 5,000 runs.
    let skipped = run.drops("camera");
    assert!((3..=17).contains(&skipped), "{skipped}{}", run.story());
    assert_eq!(run.drops("damaged"), 0, "{}", run.story());
    assert_eq!(run.drops("outages"), 0, "{}", run.story());
}
