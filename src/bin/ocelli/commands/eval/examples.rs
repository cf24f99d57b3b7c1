//! Pictures whose labels are known: a folder per class, or a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli::pipeline::capture::pictures_below;
use ocelli::{Error, Result};

use super::table;

/// Each file, or why it cannot be read, and the labels that it has.
pub(crate) struct Examples {
    pub(crate) files: Vec<Result<PathBuf>>,
    pub(crate) labels: Vec<Vec<usize>>,
}

impl Examples {
    /// Those of a folder that holds one per class, or of a CSV file.
    ///
    /// # Errors
    /// There are none; what is said of them does not fit the model's `labels`.
    pub(crate) fn read(path: &Path, labels: &[String]) -> Result<Self> {
        let mut examples = Self {
            files: Vec::new(),
            labels: Vec::new(),
        };
        if path.is_dir() {
            for (folder, class) in class_folders(path, labels)? {
                let files = match folder {
                    Ok(folder) => pictures_below(&folder)?,
                    Err(error) => vec![Err(error)],
                };
                for file in files {
                    examples.enter(file, vec![class]);
                }
            }
        } else {
            for row in table::read(path, labels)? {
                examples.enter(Ok(row.file), row.labels);
            }
        }
        Ok(examples)
    }

    /// The class of each, where every picture has one.
    ///
    /// # Errors
    /// One has none, or several.
    pub(crate) fn classes(&self, path: &Path) -> Result<Vec<usize>> {
        let class = |(labels, file): (&Vec<usize>, &Result<PathBuf>)| match labels[..] {
            [class] => Ok(class),
            _ => {
                let picture = file
                    .as_ref()
                    .map_or("a picture".into(), |file| format!("`{}`", file.display()));
                let what = format!(
                    "{picture} has {} labels, but the model gives one to each",
                    labels.len()
                );
                Err(Error::usage(path.display().to_string(), what)
                    .with_expected("one label per picture"))
            }
        };
        self.labels.iter().zip(&self.files).map(class).collect()
    }

    fn enter(&mut self, file: Result<PathBuf>, labels: Vec<usize>) {
        self.files.push(file);
        self.labels.push(labels);
    }
}

/// The folder of each class, matched by name, by path; or why it cannot be looked into.
fn class_folders(root: &Path, labels: &[String]) -> Result<Vec<(Result<PathBuf>, usize)>> {
    let place = root.display().to_string();
    let unreadable = |e| Error::usage(&place, "the folder cannot be read").caused_by(e);
    let mut classes = BTreeMap::new();
    let mut strangers = Vec::new();
    for entry in std::fs::read_dir(root).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let class = labels.iter().position(|label| *label == name);
        match (std::fs::metadata(&path), class) {
            (Ok(found), Some(class)) if found.is_dir() => {
                classes.insert(path.clone(), (Ok(path), class));
            }
            (Ok(found), None) if found.is_dir() => strangers.push(format!("`{name}`")),
            (Err(e), Some(class)) => {
                let place = path.display().to_string();
                let error = Error::input(place, "the class's folder cannot be read").caused_by(e);
                classes.insert(path, (Err(error), class));
            }
            _ => {}
        }
    }
    if !strangers.is_empty() {
        strangers.sort();
        let some: Vec<&str> = labels.iter().take(8).map(String::as_str).collect();
        return Err(Error::usage(
            &place,
            format!(
                "folders that are not labels of the model: {}",
                strangers.join(", ")
            ),
        )
        .with_remedy(format!(
            "name the folders like the {} labels: {}…",
            labels.len(),
            some.join(", ")
        )));
    }
    if classes.is_empty() {
        return Err(Error::usage(
            place,
            "no folders in it, expected one per class",
        ));
    }
    Ok(classes.into_values().collect())
}
