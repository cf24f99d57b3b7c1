//! A USB webcam made of files: plugs a simulated UVC device into this machine's own kernel
//! through USB/IP (`vhci_hcd`), so that the real `uvcvideo` driver gives a /dev/videoN.
//! Needs root and the modules vhci_hcd and uvcvideo.
//!
//!     uvcsim DIR [--fps 30,15,5] [--serial TEXT]
//!
//! DIR holds the pictures, shown in order of name, over and over: `*.jpg` is sent as MJPEG,
//! `*-WxH.yuyv` as YUYV. The camera offers the formats and sizes that it finds there. FPS
//! may be fractional (29.97).
//!
//! Lines on standard input act on the camera:
//!     unplug, plug     pull the plug, put it back
//!     stall            stop sending frames, without an error
//!     noise            send noise instead of every picture
//!     stray            send JPEGs with stray bytes before their restart markers
//!     resume           none of these any more
//!     truncate         send half of the next picture
//!     garbage          send noise instead of the next picture
//!     badframe         set the UVC error bit in the next picture
//!     quit
//!
//! It prints `plugged`, `streaming WxH FORMAT fps N` and `stopped` lines.

mod camera;
mod device;
mod mischief;
mod pictures;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use camera::Camera;
use device::Device;
use mischief::Mischief;

fn main() {
    if let Err(e) = run() {
        eprintln!("uvcsim: {e}");
        std::process::exit(1);
    }
}

fn run() -> io::Result<()> {
    let camera = arguments()?;
    // Not through `Stdin`'s buffer: what it holds would not be seen by `poll`.
    let mut commands = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut typed = String::new();
    let mut mischief = Mischief::default();
    let mut device = Some(Device::plug(&camera)?);
    loop {
        let idle = device.as_ref().and_then(|device| device.idle(&mischief));
        let (told, asked) = wait(&commands, device.as_ref(), idle)?;
        if told {
            let mut buffer = [0; 256];
            let length = commands.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            typed.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        while let Some(end) = typed.find('\n') {
            let line: String = typed.drain(..=end).collect();
            match line.trim() {
                "unplug" => device = None,
                "plug" if device.is_none() => device = Some(Device::plug(&camera)?),
                "quit" => return Ok(()),
                other if mischief.obey(other) => {}
                other => eprintln!("uvcsim: unknown command {other:?}"),
            }
        }
        if let Some(plugged) = device.as_mut() {
            if asked && !plugged.handle_message()? {
                println!("let go");
                device = None;
                continue;
            }
            plugged.stream(&mut mischief)?;
        }
    }
}

fn arguments() -> io::Result<Camera> {
    let mut args = std::env::args().skip(1);
    let (mut folder, mut fps, mut serial) = (None, "30,15,5".to_owned(), "rig-1".to_owned());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--fps" => fps = args.next().unwrap_or_default(),
            "--serial" => serial = args.next().unwrap_or_default(),
            _ => folder = Some(arg),
        }
    }
    let bad = || io::Error::other("usage: uvcsim DIR [--fps LIST] [--serial TEXT]");
    let folder = folder.ok_or_else(bad)?;
    let mut intervals = Vec::new();
    for rate in fps.split(',') {
        let rate: f64 = rate.parse().map_err(|_| bad())?;
        intervals.push((1e7 / rate) as u32);
    }
    Ok(Camera {
        modes: pictures::read(Path::new(&folder))?,
        intervals,
        serial,
    })
}

/// Waits until there are commands or messages from the kernel, at most for `idle`.
fn wait(
    commands: &impl AsFd,
    device: Option<&Device>,
    idle: Option<Duration>,
) -> io::Result<(bool, bool)> {
    let limit = idle.map(|limit| Timespec {
        tv_sec: limit.as_secs() as i64,
        tv_nsec: i64::from(limit.subsec_nanos()),
    });
    let mut fds = vec![PollFd::new(commands, PollFlags::IN)];
    fds.extend(device.map(|device| PollFd::new(device, PollFlags::IN)));
    poll(&mut fds, limit.as_ref())?;
    let ready = |place: usize| fds.get(place).is_some_and(|fd| !fd.revents().is_empty());
    Ok((ready(0), ready(1)))
}
