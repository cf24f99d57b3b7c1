//! SOURCE, the word that every command takes: what may be written for it, and what that
//! means. What a path holds is looked at when it is opened, not here.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::SyntheticSettings;
use crate::error::{Error, Result};

/// Where frames come from, as one names it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SourceSpec {
    /// `-`: standard input.
    Stdin,
    /// `camera:0`, by number, or `camera:NAME`, by what `ocelli devices` calls it.
    Camera(String),
    /// `nokhwa:0`: a camera by nokhwa's number.
    Portable(u32),
    /// `csi:0`: a camera behind a ribbon cable, on a Raspberry Pi or a Jetson.
    Csi(u32),
    /// `rtsp://…`, `http://…`: a network stream.
    Network(String),
    /// `replay:DIR`: a recording, at its own pace.
    Replay(PathBuf),
    /// `synthetic:fps=30,frames=100,size=320x240,seed=1`: drawn pictures.
    Synthetic(SyntheticSettings),
    /// A file, a folder, a glob, a video, a FIFO, or a video device.
    Path(PathBuf),
}

/// What begins the address of a network stream.
const SCHEMES: [&str; 7] = [
    "rtsp://", "rtsps://", "http://", "https://", "rtmp://", "udp://", "srt://",
];

impl SourceSpec {
    /// Reads a name; one that is not Unicode is a path.
    ///
    /// # Errors
    /// What follows a known prefix is not what belongs there.
    pub fn parse(name: &OsStr) -> Result<Self> {
        match name.to_str() {
            Some(text) => text.parse(),
            None => Ok(Self::Path(PathBuf::from(name))),
        }
    }
}

impl FromStr for SourceSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |number: &str, first: &str| {
            number.parse().map_err(|_| {
                Error::usage(text, format!("`{number}` is not a number"))
                    .with_remedy(format!("{first} is the first camera"))
            })
        };
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::Network(text.to_owned()));
        }
        match text.split_once(':') {
            Some(("camera", _)) => Ok(Self::Camera(text.to_owned())),
            Some(("nokhwa", rest)) => number(rest, "nokhwa:0").map(Self::Portable),
            Some(("csi", rest)) => number(rest, "csi:0").map(Self::Csi),
            Some(("replay", folder)) => Ok(Self::Replay(PathBuf::from(folder))),
            Some(("synthetic", settings)) => settings
                .parse()
                .map(Self::Synthetic)
                .map_err(|e: String| Error::usage(text, e)),
            _ => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

impl From<&Path> for SourceSpec {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Camera(name) | Self::Network(name) => f.write_str(name),
            Self::Portable(number) => write!(f, "nokhwa:{number}"),
            Self::Csi(number) => write!(f, "csi:{number}"),
            Self::Replay(folder) => write!(f, "replay:{}", folder.display()),
            Self::Synthetic(settings) => write!(f, "synthetic:{settings}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::SourceSpec::{self, *};

    #[test]
    fn every_name_means_one_thing() {
        let path = |path: &str| Path(PathBuf::from(path));
        let cases = [
            ("-", Stdin),
            ("camera:0", Camera("camera:0".into())),
            (
                "camera:usb-0000:00:14.0-1",
                Camera("camera:usb-0000:00:14.0-1".into()),
            ),
            ("camera:/dev/video2", Camera("camera:/dev/video2".into())),
            ("nokhwa:1", Portable(1)),
            ("csi:0", Csi(0)),
            ("rtsp://door.local/1", Network("rtsp://door.local/1".into())),
            ("http://x/snap.jpg", Network("http://x/snap.jpg".into())),
            ("srt://x:1", Network("srt://x:1".into())),
            ("replay:field/run 1", Replay("field/run 1".into())),
            (
                "synthetic:",
                Synthetic("fps=30,size=320x240,seed=1".parse().unwrap()),
            ),
            (
                "synthetic:fps=0,frames=8",
                Synthetic("fps=0,frames=8".parse().unwrap()),
            ),
            ("/dev/video0", path("/dev/video0")),
            ("photos", path("photos")),
            ("photos/*.jpg", path("photos/*.jpg")),
            ("a:b.mp4", path("a:b.mp4")),
            ("C:x.jpg", path("C:x.jpg")),
            ("ftp://x/y.jpg", path("ftp://x/y.jpg")),
            ("./-", path("./-")),
            ("", path("")),
        ];
        for (text, expected) in cases {
            let spec: SourceSpec = text.parse().unwrap();
            assert_eq!(spec, expected, "{text}");
            let again: SourceSpec = spec.to_string().parse().unwrap();
            assert_eq!(again, spec, "{text}");
        }
    }

    #[test]
    fn what_does_not_belong_behind_a_prefix_is_refused() {
        let cases = [
            (
                "nokhwa:x",
                "nokhwa:x: `x` is not a number; nokhwa:0 is the first camera",
            ),
            (
                "csi:-1",
                "csi:-1: `-1` is not a number; csi:0 is the first camera",
            ),
            (
                "synthetic:fast",
                "synthetic:fast: `fast`, expected fps=30, frames=100, size=320x240 or seed=1",
            ),
        ];
        for (text, expected) in cases {
            let error = text.parse::<SourceSpec>().unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
