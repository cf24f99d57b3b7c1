//! The simulated webcam, `uvcsim`, as a child, and the video node that the kernel gives it.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{PICTURES, wait_for};

/// Enumeration of a USB device takes a second or two in the guest.
const PLUGGING: Duration = Duration::from_secs(10);

/// A webcam that shows the shapes. Dropping it pulls the plug.
pub struct Webcam {
    child: Child,
    serial: String,
}

impl Webcam {
    /// Plugs a webcam in and waits for its node.
    pub fn plug(serial: &str, fps: &str) -> Self {
        let child = Command::new("uvcsim")
            .args([PICTURES, "--serial", serial, "--fps", fps])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let webcam = Self {
            child,
            serial: serial.to_owned(),
        };
        webcam.present();
        webcam
    }

    /// One of uvcsim's commands.
    pub fn tell(&mut self, command: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{command}\n").as_bytes()).unwrap();
    }

    /// Pulls the plug and waits until the kernel has seen it.
    pub fn unplug(&mut self) {
        self.tell("unplug");
        let gone = wait_for(PLUGGING, || self.number().is_none().then_some(()));
        gone.expect("the kernel does not notice that the webcam is unplugged");
    }

    /// As `ocelli run` takes it.
    pub fn source(&self) -> String {
        format!("camera:{}", self.serial)
    }

    /// The N of its `/dev/videoN`, once it is there.
    pub fn present(&self) -> usize {
        let number = wait_for(PLUGGING, || self.number());
        number.expect("the webcam does not turn up")
    }

    /// The N of its `/dev/videoN`, if it is there.
    pub fn number(&self) -> Option<usize> {
        let nodes = fs::read_dir("/sys/class/video4linux").ok()?;
        nodes.flatten().find_map(|entry| {
            let folder = entry.path();
            let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
            // device: the USB interface; the serial number is its parent's.
            let serial = read("device/../serial")?;
            let is_picture = read("index")?.trim() == "0";
            let number = entry.file_name().to_str()?.strip_prefix("video")?.parse();
            (is_picture && serial.trim() == self.serial).then_some(number.ok())?
        })
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        // It may have died already; then the plug is out.
        let _ = self.child.kill();
        let _ = self.child.wait();
        wait_for(PLUGGING, || self.number().is_none().then_some(()));
    }
}
