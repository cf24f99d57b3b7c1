//! Files, folders, globs and lists of files: each file is one frame.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use walkdir::WalkDir;

use super::{Encoding, Frame, Pull, Source};
use crate::error::{Error, Result};

/// File name endings that folders are searched for.
const PICTURES: [&str; 13] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "pnm", "ppm", "pgm",
];

/// How a list of files is separated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListFormat {
    /// A name per line.
    #[default]
    Lines,
    /// A NUL byte after each name, as `find -print0` writes.
    Nul,
}

type Paths = Box<dyn Iterator<Item = Result<PathBuf>> + Send>;

/// Files one after the other.
pub(super) struct Files {
    paths: Paths,
    count: Option<u64>,
    max_bytes: usize,
}

impl Files {
    /// The files that `names` stand for: a file itself, the pictures of a folder and its
    /// subfolders by name, or what a glob matches.
    ///
    /// # Errors
    /// A folder without pictures, or a glob that matches nothing.
    pub(super) fn expand(names: &[PathBuf], max_bytes: usize) -> Result<Self> {
        let mut files = Vec::new();
        for name in names {
            if name.is_dir() {
                files.extend(pictures_below(name)?);
            } else if !name.exists() && name.to_string_lossy().contains(['*', '?', '[']) {
                files.extend(matches(&name.to_string_lossy())?);
            } else {
                files.push(name.clone());
            }
        }
        let count = Some(files.len() as u64);
        Ok(Self {
            paths: Box::new(files.into_iter().map(Ok)),
            count,
            max_bytes,
        })
    }

    /// The files named in `list`, read as the list grows.
    ///
    /// # Errors
    /// The list cannot be opened.
    pub(super) fn from_list(list: &Path, format: ListFormat, max_bytes: usize) -> Result<Self> {
        let reader: Box<dyn Read + Send> = if list == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            let opened = File::open(list);
            Box::new(opened.map_err(|e| {
                Error::usage(list.display().to_string(), "the list cannot be opened").caused_by(e)
            })?)
        };
        let separator = if format == ListFormat::Nul { 0 } else { b'\n' };
        let names = BufReader::new(reader)
            .split(separator)
            .filter_map(move |name| match name {
                Ok(mut name)
                    // A list from Windows.
                    if format == ListFormat::Lines && name.last() == Some(&b'\r') =>
                {
                    name.pop();
                    (!name.is_empty()).then(|| Ok(PathBuf::from(OsStr::from_bytes(&name))))
                }
                Ok(name) if name.is_empty() => None,
                Ok(name) => Some(Ok(PathBuf::from(OsStr::from_bytes(&name)))),
                Err(e) => Some(Err(
                    Error::input("list of files", "the list cannot be read").caused_by(e)
                )),
            });
        Ok(Self {
            paths: Box::new(names),
            count: None,
            max_bytes,
        })
    }

    fn read(&self, path: &Path, frame: &mut Frame) -> Result<()> {
        let place = path.display().to_string();
        let failed = |e: std::io::Error| Error::input(&place, "cannot be read").caused_by(e);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > self.max_bytes as u64 {
            return Err(Error::input(
                &place,
                format!("{size} bytes, at most {} are read", self.max_bytes),
            )
            .with_remedy("raise the limit if this is a picture")
            .with_settings(&["max_pixels"]));
        }
        frame.bytes.clear();
        file.take(self.max_bytes as u64)
            .read_to_end(&mut frame.bytes)
            .map_err(failed)?;
        if frame.bytes.is_empty() {
            return Err(Error::input(&place, "the file is empty"));
        }
        Ok(())
    }
}

impl Source for Files {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let path = match self.paths.next() {
            None => return Pull::End,
            Some(Err(e)) => {
                // The list itself cannot be read: there is no next line.
                self.paths = Box::new(std::iter::empty());
                return Pull::Failed(e);
            }
            Some(Ok(path)) => path,
        };
        let started = Instant::now();
        if let Err(e) = self.read(&path, frame) {
            return Pull::Failed(e);
        }
        frame.set_source(&path.to_string_lossy());
        frame.encoding = Encoding::File;
        frame.stamp(started);
        Pull::Frame
    }

    fn count(&self) -> Option<u64> {
        self.count
    }
}

/// The pictures in `folder` and below it, sorted by path.
///
/// # Errors
/// The folder cannot be read or holds none.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let place = folder.display().to_string();
    let mut files = Vec::new();
    let mut others = 0;
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry =
            entry.map_err(|e| Error::usage(&place, "the folder cannot be read").caused_by(e))?;
        if !entry.file_type().is_file() {
            continue;
        }
        if is_picture(entry.path()) {
            files.push(entry.into_path());
        } else {
            others += 1;
        }
    }
    if others > 0 {
        log::warn!("{place}: {others} files are left out, their names do not end like pictures");
    }
    if files.is_empty() {
        return Err(Error::usage(
            place,
            format!("no pictures in this folder (.{})", PICTURES.join(", .")),
        ));
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    ending.is_some_and(|e| PICTURES.contains(&e.as_str()))
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>> {
    let paths =
        glob::glob(pattern).map_err(|e| Error::usage(pattern, "is not a glob").caused_by(e))?;
    let files: Vec<PathBuf> = paths.flatten().filter(|path| path.is_file()).collect();
    if files.is_empty() {
        Err(Error::usage(pattern, "matches no file"))
    } else {
        Ok(files)
    }
}
