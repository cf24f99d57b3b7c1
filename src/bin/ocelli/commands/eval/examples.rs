//! Pictures whose labels are known: a folder per class, or a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli::pipeline::capture::{SourceSpec, pictures_below};
use ocelli::{Error, Result};

use super::table;

/// Each file, and the labels that it has.
pub(crate) struct Examples {
    pub(crate) files: Vec<SourceSpec>,
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
                for file in pictures_below(&folder)? {
                    examples.enter(file, vec![class]);
                }
            }
        } else {
            for row in table::read(path, labels)? {
                examples.enter(row.file, row.labels);
            }
        }
        Ok(examples)
    }

    /// The class of each, where every picture has one.
    ///
    /// # Errors
    /// One has none, or several.
    pub(crate) fn classes(&self, path: &Path) -> Result<Vec<usize>> {
        let class = |(number, labels): (usize, &Vec<usize>)| match labels[..] {
            [class] => Ok(class),
            _ => Err(Error::usage(
                format!("{}: {}", path.display(), self.files[number]),
                format!(
                    "{} labels for a model that gives one to each picture",
                    labels.len()
                ),
            )
            .with_expected("one label")),
        };
        self.labels.iter().enumerate().map(class).collect()
    }

    fn enter(&mut self, file: PathBuf, labels: Vec<usize>) {
        self.files.push(SourceSpec::Path(file));
        self.labels.push(labels);
    }
}

/// The folder of each class, matched by name.
fn class_folders(root: &Path, labels: &[String]) -> Result<BTreeMap<PathBuf, usize>> {
    let place = root.display().to_string();
    let entries = std::fs::read_dir(root)
        .map_err(|e| Error::usage(&place, "the folder cannot be read").caused_by(e))?
        .flatten()
        .filter(|entry| entry.path().is_dir());
    let mut classes = BTreeMap::new();
    let mut strangers = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        match labels.iter().position(|label| *label == name) {
            Some(class) => drop(classes.insert(entry.path(), class)),
            None => strangers.push(format!("`{name}`")),
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
    Ok(classes)
}
