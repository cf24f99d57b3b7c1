//! Files, folders, globs and lists of files: each file is one frame.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;

use super::folder::{matches, pictures_below};
use super::{Encoding, Frame, Pull, Source};
use crate::error::{Error, Result};

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
        let mut found = Vec::new();
        for name in names {
            if name.is_dir() {
                found.extend(pictures_below(name)?);
            } else if !name.exists() && name.to_string_lossy().contains(['*', '?', '[']) {
                found.extend(matches(&name.to_string_lossy())?);
            } else {
                found.push(Ok(name.clone()));
            }
        }
        Ok(Self::found(found, max_bytes))
    }

    /// What folders were found to hold.
    pub(super) fn found(found: Vec<Result<PathBuf>>, max_bytes: usize) -> Self {
        Self {
            count: Some(found.len() as u64),
            paths: Box::new(found.into_iter()),
            max_bytes,
        }
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
            })
            // A list that cannot be read has no next line.
            .scan(false, |has_failed, name| {
                let name = (!*has_failed).then_some(name);
                *has_failed |= matches!(name, Some(Err(_)));
                name
            });
        Ok(Self {
            paths: Box::new(names),
            count: None,
            max_bytes,
        })
    }
}

impl Source for Files {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let path = match self.paths.next() {
            None => return Pull::End,
            Some(Err(e)) => return Pull::Failed(e),
            Some(Ok(path)) => path,
        };
        let started = Instant::now();
        if let Err(e) = read(&path, self.max_bytes, frame) {
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

/// A picture's file as a frame.
///
/// # Errors
/// It cannot be read, is empty or too large.
pub(crate) fn read_picture(path: &Path, max_bytes: usize) -> Result<Frame> {
    let mut frame = Frame {
        source: path.display().to_string(),
        ..Frame::default()
    };
    read(path, max_bytes, &mut frame)?;
    Ok(frame)
}

fn read(path: &Path, max_bytes: usize, frame: &mut Frame) -> Result<()> {
    let place = path.display().to_string();
    let failed = |e: std::io::Error| Error::input(&place, "cannot be read").caused_by(e);
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > max_bytes as u64 {
        let what = format!("{size} bytes, at most {max_bytes} are read");
        return Err(Error::input(&place, what)
            .with_remedy("raise the limit if this is a picture")
            .with_settings(&["max_pixels"]));
    }
    frame.bytes.clear();
    file.take(max_bytes as u64)
        .read_to_end(&mut frame.bytes)
        .map_err(failed)?;
    if frame.bytes.is_empty() {
        return Err(Error::input(&place, "the file is empty"));
    }
    Ok(())
}
