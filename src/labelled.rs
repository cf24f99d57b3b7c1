//! Labelled photographs: a folder per class.

pub(crate) mod classes;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::pipeline::capture::pictures_below;

/// Photographs, and what each shows.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// The folder that they are in.
    pub place: String,
    /// Names of the folders below it, sorted as `ImageFolder` sorts them.
    pub folders: Vec<String>,
    /// The photographs, the first of each folder first, and the folder that each is of.
    pub photographs: Vec<(PathBuf, usize)>,
    /// Entries that cannot be looked into.
    pub failed: usize,
}

impl Labelled {
    /// The first photographs of each folder in `root`; `remedy` says what there should be, if
    /// there are no folders.
    ///
    /// # Errors
    /// There are no folders, or one without pictures.
    pub(crate) fn below(root: &Path, per_class: usize, remedy: &str) -> Result<Self> {
        let place = root.display().to_string();
        let unreadable = |e| Error::usage(&place, "the folder cannot be read").caused_by(e);
        let entries = std::fs::read_dir(root).map_err(unreadable)?;
        let mut folders = Vec::new();
        let mut others = 0;
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy().into_owned();
            match path.is_dir() {
                _ if name.starts_with('.') => {}
                true => folders.push((name, path)),
                false => others += 1,
            }
        }
        folders.sort();
        if others > 0 && !folders.is_empty() {
            log::warn!("{place}: {others} files beside the folders are left out");
        }
        if folders.is_empty() {
            return Err(
                Error::usage(place, "no folders in it, expected one per class").with_remedy(remedy),
            );
        }
        let mut photographs = Vec::new();
        let (mut left_out, mut failed) = (0, 0);
        for (class, (_, folder)) in folders.iter().enumerate() {
            let mut pictures = Vec::new();
            for picture in pictures_below(folder)? {
                match picture {
                    Ok(path) => pictures.push(path),
                    Err(error) => {
                        log::warn!("left out: {error:#}");
                        failed += 1;
                    }
                }
            }
            left_out += pictures.len().saturating_sub(per_class);
            let used = pictures.into_iter().take(per_class).enumerate();
            photographs.extend(used.map(|(number, path)| (number, class, path)));
        }
        if left_out > 0 {
            log::info!("{place}: the first {per_class} of each class are used, {left_out} are not");
        }
        // So that a beginning of the list has all classes.
        photographs.sort_by_key(|(number, class, _)| (*number, *class));
        Ok(Self {
            place,
            folders: folders.into_iter().map(|(name, _)| name).collect(),
            photographs: photographs
                .into_iter()
                .map(|(_, class, path)| (path, class))
                .collect(),
            failed,
        })
    }
}
