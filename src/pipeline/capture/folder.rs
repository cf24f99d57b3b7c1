//! The pictures of folders and globs. What cannot be looked into there (a link that leads
//! nowhere or in circles, a locked folder) is an input that fails, in its place among the
//! others: it may have been a picture, or a thousand.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::{Error, Result};

/// File name endings that folders are searched for.
const PICTURES: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "gif", "bmp", "tif", "tiff", "pnm", "ppm",
    "pgm", "pbm", "pam",
];

/// The pictures in `folder` and below it, sorted by path, and an error for each entry that
/// cannot be looked into.
///
/// # Errors
/// The folder holds none of either.
pub fn pictures_below(folder: &Path) -> Result<Vec<Result<PathBuf>>> {
    let mut found = Vec::new();
    let mut others = 0;
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if !is_picture(entry.path()) => others += 1,
            Ok(entry) if entry.file_type().is_file() => found.push(Ok(entry.into_path())),
            Ok(entry) => found.push(Err(no_file(entry.path()))),
            Err(error) if is_other(&error) => others += 1,
            Err(error) => found.push(Err(unreadable(folder, error))),
        }
    }
    let place = folder.display().to_string();
    if others > 0 {
        log::warn!("{place}: {others} files are left out, their names do not end like pictures");
    }
    if found.is_empty() {
        return Err(Error::usage(
            place,
            format!("no pictures in this folder (.{})", PICTURES.join(", .")),
        ));
    }
    Ok(found)
}

/// The files that `pattern` matches, and an error for each folder that cannot be searched.
///
/// # Errors
/// It is no glob, or matches nothing.
pub(super) fn matches(pattern: &str) -> Result<Vec<Result<PathBuf>>> {
    let paths =
        glob::glob(pattern).map_err(|e| Error::usage(pattern, "is not a glob").caused_by(e))?;
    let mut found = Vec::new();
    let mut folders = 0;
    for path in paths {
        match path {
            Ok(path) if path.is_dir() => folders += 1,
            // A link that leads nowhere fails when it is read.
            Ok(path) if path.is_file() || !path.exists() => found.push(Ok(path)),
            Ok(path) => found.push(Err(no_file(&path))),
            Err(e) => {
                let place = e.path().display().to_string();
                found.push(Err(
                    Error::input(place, "cannot be read").caused_by(std::io::Error::from(e))
                ));
            }
        }
    }
    if folders > 0 {
        log::warn!("{pattern}: {folders} folders are left out, it is searched for files");
    }
    if found.is_empty() {
        Err(Error::usage(pattern, "matches no file"))
    } else {
        Ok(found)
    }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().map(|e| e.to_string_lossy().to_lowercase())
}

fn is_picture(path: &Path) -> bool {
    extension(path).is_some_and(|e| PICTURES.contains(&e.as_str()))
}

/// Whether this is a link that leads nowhere, by the name of something else than a picture
/// or a folder.
fn is_other(error: &walkdir::Error) -> bool {
    let is_missing = error
        .io_error()
        .is_some_and(|e| e.kind() == ErrorKind::NotFound);
    is_missing
        && error
            .path()
            .is_some_and(|path| extension(path).is_some() && !is_picture(path))
}

fn no_file(path: &Path) -> Error {
    Error::input(path.display().to_string(), "is neither a file nor a folder")
}

/// What keeps an entry of `folder` from being looked into.
fn unreadable(folder: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(folder);
    let place = path.display().to_string();
    if let Some(ancestor) = error.loop_ancestor() {
        let ancestor = ancestor.display();
        return Error::input(place, format!("is a link that leads back to {ancestor}"))
            .with_remedy("remove the link");
    }
    let what = if path.is_symlink() {
        "is a link that cannot be followed"
    } else {
        "cannot be read"
    };
    let input = Error::input(place, what);
    match error.into_io_error() {
        Some(cause) => input.caused_by(cause),
        None => input,
    }
}
