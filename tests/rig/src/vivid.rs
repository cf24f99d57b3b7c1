//! The kernel's own test camera, vivid, always at /dev/video0, and v4l2-ctl to adjust it.

use std::process::Command;
use std::time::Duration;

use crate::wait_for;

/// One webcam without anything else; timestamps are its own only from frames' starts on.
const PARAMETERS: [&str; 4] = [
    "n_devs=1",
    "node_types=0x1",
    "num_inputs=1",
    "input_types=0x0",
];

/// vivid's node.
pub const NODE: &str = "/dev/video0";

/// Loads the driver anew: every control at its default, nothing broken.
pub fn load() {
    let loaded = Command::new("modprobe")
        .arg("vivid")
        .args(PARAMETERS)
        .status();
    assert!(loaded.unwrap().success(), "modprobe vivid");
    let node = wait_for(Duration::from_secs(5), || std::fs::metadata(NODE).ok());
    node.expect("vivid's node does not turn up");
    v4l2(&["-c", "timestamp_source=1"]);
}

/// Takes the driver away; it must not be open.
pub fn unload() {
    let unloaded = wait_for(Duration::from_secs(5), || {
        let done = Command::new("rmmod").arg("vivid").output().unwrap();
        done.status.success().then_some(())
    });
    unloaded.expect("vivid is held open");
}

/// v4l2-ctl on vivid: what it printed.
pub fn v4l2(args: &[&str]) -> String {
    let output = Command::new("v4l2-ctl")
        .args(["-d", NODE])
        .args(args)
        .output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "v4l2-ctl {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Presses a button that makes the driver fail.
pub fn inject(button: &str) {
    v4l2(&["-c", &format!("{button}=1")]);
}
