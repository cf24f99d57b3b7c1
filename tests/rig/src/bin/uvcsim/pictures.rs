//! What the camera shows: a folder of pictures, grouped into the modes that it offers.

use std::path::Path;
use std::{fs, io};

/// How pictures travel.
#[derive(Clone, Copy, PartialEq)]
pub enum Format {
    Mjpeg,
    Yuyv,
}

/// The pictures of one format and size.
pub struct Mode {
    pub format: Format,
    pub width: u16,
    pub height: u16,
    pub pictures: Vec<Vec<u8>>,
}

impl Mode {
    /// The largest frame that the camera announces.
    pub fn frame_bytes(&self) -> u32 {
        u32::from(self.width) * u32::from(self.height) * 2
    }
}

/// Reads `*.jpg` and `*-WxH.yuyv`, in order of name.
pub fn read(folder: &Path) -> io::Result<Vec<Mode>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut modes: Vec<Mode> = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let data = fs::read(&path)?;
        let (format, size) = if name.ends_with(".jpg") {
            (Format::Mjpeg, jpeg_size(&data))
        } else if let Some(stem) = name.strip_suffix(".yuyv") {
            (Format::Yuyv, size_in_name(stem))
        } else {
            continue;
        };
        let (width, height) =
            size.ok_or_else(|| io::Error::other(format!("{name}: its size is unknown")))?;
        let is_same = |m: &&mut Mode| (m.format, m.width, m.height) == (format, width, height);
        match modes.iter_mut().find(is_same) {
            Some(mode) => mode.pictures.push(data),
            None => modes.push(Mode {
                format,
                width,
                height,
                pictures: vec![data],
            }),
        }
    }
    if modes.is_empty() {
        let folder = folder.display();
        return Err(io::Error::other(format!("no pictures in {folder}")));
    }
    Ok(modes)
}

fn jpeg_size(data: &[u8]) -> Option<(u16, u16)> {
    let mut at = 2;
    while at + 9 < data.len() && data[at] == 0xff {
        let number = |k: usize| u16::from_be_bytes([data[at + k], data[at + k + 1]]);
        if (0xc0..=0xc2).contains(&data[at + 1]) {
            return Some((number(7), number(5)));
        }
        at += 2 + usize::from(number(2));
    }
    None
}

fn size_in_name(stem: &str) -> Option<(u16, u16)> {
    let (width, height) = stem.rsplit('-').next()?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}
