//! Which program gives what, and how it is told to.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::environment::{has_program, is_raspberry_pi_5};
use crate::error::{Error, Result};
use crate::pipeline::capture::rows::Rows;
use crate::pipeline::capture::{Coding, Encoding, Matrix, ModeRequest, PixelFormat};

/// A command whose output is frames.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    /// What stands in records.
    pub source: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What its output is; `None` if that can be told from its bytes.
    pub(in crate::pipeline::capture) raw: Option<Rows>,
    /// Whether frames have a clock of their own, and the program is started again.
    pub live: bool,
    /// What to do if it is missing.
    pub remedy: String,
    /// User and password of an address, which nobody is told.
    pub secret: Option<String>,
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
        self.without_secret(&plain.cloned().collect::<Vec<_>>().join(" "))
    }

    /// What it says, fit for the log.
    pub(crate) fn without_secret(&self, text: &str) -> String {
        match &self.secret {
            Some(secret) => text.replace(secret, ""),
            None => text.to_owned(),
        }
    }
}

/// Gives the program our pipe as descriptor 3, and lets what it prints join its errors.
const SHELL: [&str; 4] = ["sh", "-c", "exec \"$@\" 3>&1 1>&2", "ocelli"];

const FFMPEG: &str = "ffmpeg";

/// Has FFmpeg turn whatever the video says of its colours (BT.709, BT.2020, full range) into
/// BT.601 in video range, as YUV4MPEG2 does not say which they are. Of a video that is so
/// already, or does not say, it costs nothing.
const COLOURS: &str = "scale=out_color_matrix=bt601:out_range=tv";

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
    let mut input = vec![
        "-fflags",
        "nobuffer",
        "-flags",
        "low_delay",
        "-fpsprobesize",
        "0",
    ];
    if url.starts_with("rtsp") {
        // Over UDP, lost packets smear pictures.
        input.extend(["-rtsp_transport", "tcp"]);
    }
    Ok(Program {
        live: true,
        secret: user_and_password(url).map(|login| format!("{login}@")),
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
    let form = [
        "-vf",
        COLOURS,
        "-pix_fmt",
        "yuv420p",
        "-f",
        "yuv4mpegpipe",
        "-",
    ];
    let words = start.iter().chain(before).chain(&from).chain(&form);
    Ok(Program {
        source: source.to_owned(),
        command: words.map(|word| (*word).to_owned()).collect(),
        raw: None,
        live: false,
        remedy: "apt install ffmpeg".into(),
        secret: None,
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
pub(crate) fn without_password(url: &str) -> String {
    match user_and_password(url) {
        Some(login) => url.replacen(&format!("{login}@"), "", 1),
        None => url.to_owned(),
    }
}

fn user_and_password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?']).next()?;
    host.rsplit_once('@').map(|(login, _)| login)
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
        (Some(width), Some(height)) if width % 2 + height % 2 > 0 => {
            let size = format!("{source} has even sizes only, not {width}x{height}");
            return Err(Error::usage("size", size).with_settings(&["width", "height"]));
        }
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
        raw: raspberry_rows(mode),
        live: true,
        remedy: "apt install rpicam-apps".into(),
        secret: None,
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
        raw: jetson_rows(mode),
        live: true,
        remedy: "apt install gstreamer1.0-tools nvidia-l4t-gstreamer".into(),
        secret: None,
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

/// The rows of rpicam-vid's YUV 4:2:0: it asks libcamera for JPEG's colours at every size,
/// BT.601 in full range, and writes the buffer as it is, padding included. The Pi 5's
/// hardware begins rows of chroma, half as long as luma's, at multiples of 64 bytes, those
/// before it rows of luma (`computeOptimalStride` in libcamera's `pipeline/rpi/pisp`).
fn raspberry_rows(mode: &Mode) -> Option<Rows> {
    let rows = rows(mode, true)?;
    let multiple = if is_raspberry_pi_5() { 128 } else { 64 };
    let stride = rows.format.width.next_multiple_of(multiple);
    Some(Rows::with_stride(rows.format, stride))
}

/// The rows of GStreamer's I420: each plane's begin at multiples of 4 bytes.
fn jetson_rows(mode: &Mode) -> Option<Rows> {
    let rows = rows(mode, false)?;
    let width = rows.format.width;
    let strides = [width, width / 2, width / 2].map(|row| row.next_multiple_of(4));
    Some(Rows::padded(rows.format, strides))
}

fn rows(mode: &Mode, full_range: bool) -> Option<Rows> {
    let size = (mode.width as usize, mode.height as usize);
    match mode.coding.encoding(size, full_range, Matrix::Bt601) {
        Encoding::Raw(format) => Some(Rows::packed(format)),
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
