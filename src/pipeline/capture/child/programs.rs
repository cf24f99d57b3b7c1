//! Which program gives what, and how it is told to.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::environment::has_program;
use crate::error::{Error, Result};
use crate::pipeline::capture::{Coding, Encoding, ModeRequest, PixelFormat, RawFormat};

/// A command whose output is frames.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    /// What stands in records.
    pub source: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What its output is; `None` if that can be told from its bytes.
    pub raw: Option<RawFormat>,
    /// Whether frames have a clock of their own, and the program is started again.
    pub live: bool,
    /// What to do if it is missing.
    pub remedy: String,
}

impl Program {
    /// Its own name, behind whatever starts it.
    pub(crate) fn name(&self) -> &str {
        let plain = self
            .command
            .iter()
            .find(|word| !SHELL.contains(&word.as_str()));
        plain.map_or("", String::as_str)
    }

    /// The command as one would type it.
    pub(crate) fn said(&self) -> String {
        let plain = self
            .command
            .iter()
            .filter(|word| !SHELL.contains(&word.as_str()));
        plain.cloned().collect::<Vec<_>>().join(" ")
    }
}

/// Gives the program our pipe as descriptor 3, and lets what it prints join its errors.
const SHELL: [&str; 4] = ["sh", "-c", "exec \"$@\" 3>&1 1>&2", "ocelli"];

const FFMPEG: &str = "ffmpeg";

/// Whether `path` is a video by its name.
pub(crate) fn is_video(path: &Path) -> bool {
    let kinds = [
        "mp4", "m4v", "mkv", "mov", "avi", "webm", "mpg", "mpeg", "ts", "flv", "wmv", "3gp", "ogv",
    ];
    path.extension().is_some_and(|extension| {
        let extension = extension.to_string_lossy().to_ascii_lowercase();
        kinds.contains(&extension.as_str())
    })
}

/// A network stream, through FFmpeg.
///
/// # Errors
/// There is no FFmpeg.
pub(crate) fn network(url: &str) -> Result<Program> {
    let mut input = vec!["-fflags", "nobuffer", "-flags", "low_delay"];
    if url.starts_with("rtsp") {
        // Over UDP, lost packets smear pictures.
        input.extend(["-rtsp_transport", "tcp"]);
    }
    Ok(Program {
        live: true,
        ..ffmpeg(&without_password(url), &input, url)?
    })
}

/// A video file, through FFmpeg: every frame, as fast as they are taken.
///
/// # Errors
/// There is no FFmpeg.
pub(crate) fn video(path: &Path) -> Result<Program> {
    let name = path.display().to_string();
    // A name like `a:b.mp4` is no protocol.
    ffmpeg(&name, &[], &format!("file:{name}"))
}

fn ffmpeg(source: &str, before: &[&str], input: &str) -> Result<Program> {
    let start = [FFMPEG, "-nostdin", "-v", "error"];
    let every_frame = every_frame(source)?;
    let from = ["-i", input, "-map", "0:v:0", every_frame, "passthrough"];
    let form = ["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"];
    let words = start.iter().chain(before).chain(&from).chain(&form);
    Ok(Program {
        source: source.to_owned(),
        command: words.map(|word| (*word).to_owned()).collect(),
        raw: None,
        live: false,
        remedy: "apt install ffmpeg".into(),
    })
}

/// The option that keeps FFmpeg from repeating and leaving out frames: named anew in 5.1.
fn every_frame(source: &str) -> Result<&'static str> {
    let output = Command::new(FFMPEG)
        .arg("-version")
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|e| {
        let error = Error::usage(source, "videos and network streams are read through FFmpeg");
        error.caused_by(e).with_remedy("apt install ffmpeg")
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = version
        .trim_start_matches('n')
        .split(['.', '-', '+'])
        .map_while(|number| number.parse::<u32>().ok());
    let version = (
        numbers.next().unwrap_or(u32::MAX),
        numbers.next().unwrap_or(0),
    );
    Ok(if version < (5, 1) {
        "-vsync"
    } else {
        "-fps_mode"
    })
}

/// `rtsp://user:secret@host/` without the secret: it would stand in every record.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{}", &rest[end..]),
        None => url.to_owned(),
    }
}

/// A camera behind a ribbon cable: through `rpicam-vid` on a Raspberry Pi, through
/// GStreamer's `nvarguscamerasrc` on a Jetson.
///
/// # Errors
/// Neither program is there; the request cannot be met.
pub(crate) fn csi(source: &str, camera: u32, request: &ModeRequest) -> Result<Program> {
    let mode = csi_mode(source, request)?;
    if let Some(program) = ["rpicam-vid", "libcamera-vid"]
        .into_iter()
        .find(|p| has_program(p))
    {
        return Ok(raspberry(source, program, camera, &mode));
    }
    if has_program("gst-launch-1.0") {
        return Ok(jetson(source, camera, &mode));
    }
    Err(Error::usage(
        source,
        "CSI cameras are read through rpicam-vid (Raspberry Pi) or gst-launch-1.0 (Jetson), and neither is installed",
    )
    .with_remedy("Raspberry Pi OS: apt install rpicam-apps; Jetson: apt install gstreamer1.0-tools nvidia-l4t-gstreamer"))
}

/// The smallest usual size that covers the model's input, or the one that is asked for.
fn csi_mode(source: &str, request: &ModeRequest) -> Result<Mode> {
    let coding = request
        .coding
        .unwrap_or(Coding::Pixels(PixelFormat::Yuv420p));
    if !matches!(coding, Coding::Mjpeg | Coding::Pixels(PixelFormat::Yuv420p)) {
        let name = coding.name();
        return Err(Error::usage(
            "pixel format",
            format!("{source} gives yuv420p or mjpeg, not {name}"),
        ));
    }
    let usual = [(640, 480), (1280, 720), (1920, 1080)];
    let (width, height) = match (request.width, request.height) {
        (Some(width), Some(height)) => (width, height),
        (None, None) => usual
            .into_iter()
            .find(|(width, height)| request.cover.is_met(*width, *height))
            .unwrap_or(usual[2]),
        _ => {
            return Err(
                Error::usage(source, "only one of width and height is given")
                    .with_remedy("give both"),
            );
        }
    };
    Ok(Mode {
        coding,
        width,
        height,
        fps: request.fps.unwrap_or(30.0),
    })
}

/// How a camera is run: these programs scale to any size.
struct Mode {
    coding: Coding,
    width: u32,
    height: u32,
    fps: f64,
}

fn raspberry(source: &str, program: &str, camera: u32, mode: &Mode) -> Program {
    let codec = match mode.coding {
        Coding::Mjpeg => "mjpeg",
        Coding::Pixels(_) => "yuv420",
    };
    let arguments = format!(
        "--camera {camera} --width {} --height {} --framerate {} --codec {codec} --timeout 0 --nopreview --flush -o -",
        mode.width, mode.height, mode.fps
    );
    Program {
        source: source.to_owned(),
        command: words(&[program], &arguments),
        raw: raw(mode),
        live: true,
        remedy: "apt install rpicam-apps".into(),
    }
}

fn jetson(source: &str, camera: u32, mode: &Mode) -> Program {
    let (width, height) = (mode.width, mode.height);
    // GStreamer wants fractions: 29.97 is 2997/100.
    let rate = format!("{}/100", (mode.fps * 100.0).round());
    let form = match mode.coding {
        Coding::Mjpeg => "video/x-raw,format=I420 ! jpegenc",
        Coding::Pixels(_) => "video/x-raw,format=I420",
    };
    let arguments = format!(
        "-q nvarguscamerasrc sensor-id={camera} ! video/x-raw(memory:NVMM),framerate={rate} ! nvvidconv ! video/x-raw,width={width},height={height} ! {form} ! fdsink fd=3"
    );
    let start = [&SHELL[..], &["gst-launch-1.0"]].concat();
    Program {
        source: source.to_owned(),
        command: words(&start, &arguments),
        raw: raw(mode),
        live: true,
        remedy: "apt install gstreamer1.0-tools nvidia-l4t-gstreamer".into(),
    }
}

fn words(start: &[&str], rest: &str) -> Vec<String> {
    let rest = rest.split_whitespace();
    start
        .iter()
        .copied()
        .chain(rest)
        .map(str::to_owned)
        .collect()
}

fn raw(mode: &Mode) -> Option<RawFormat> {
    match mode
        .coding
        .encoding(mode.width as usize, mode.height as usize, false)
    {
        Encoding::Raw(format) => Some(format),
        Encoding::File => None,
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_stays_out_of_records() {
        let cases = [
            ("rtsp://user:p@ss@cam:554/1", "rtsp://cam:554/1"),
            ("rtsp://cam/a@b", "rtsp://cam/a@b"),
            ("http://cam?x=a@b", "http://cam?x=a@b"),
        ];
        for (url, expected) in cases {
            assert_eq!(without_password(url), expected);
        }
    }
}
