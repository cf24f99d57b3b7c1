//! The pictures that a head learns from, or is tested on: looked at by the network, and refused
//! where nothing could be learned of them, or what was learned not be measured.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::features::{Limits, Seen, seen};
use crate::engine::EngineMaker;
use crate::error::{Error, Result};
use crate::labelled::Labelled;
use crate::pipeline::capture::pictures_below;
use crate::pipeline::preprocess::Framing;

/// Pictures of a class at least: with fewer, nothing can be held out to measure by.
pub(super) const FEWEST: usize = 5;
/// What pictures are sorted into.
const FOLDERS: &str = "sort the pictures into a folder for each class, called like it";
/// Faults of one sort that an error shows.
const SHOWN: usize = 5;

/// Pictures that were seen, and their classes.
pub(super) struct Material {
    pub place: String,
    pub files: Vec<PathBuf>,
    pub classes: Vec<usize>,
    pub seen: Vec<Seen>,
    /// Pictures that could not be used.
    pub failed: usize,
}

/// Folders of pictures before anyone looks at them.
pub(super) struct Folders {
    pub labels: Vec<String>,
    labelled: Labelled,
}

impl Folders {
    /// The folders of `root`.
    ///
    /// # Errors
    /// There are none, or one without pictures.
    pub(super) fn below(root: &Path) -> Result<Self> {
        let mut labelled = Labelled::below(root, usize::MAX, FOLDERS)?;
        labelled.photographs.sort_by_key(|(_, class)| *class);
        Ok(Self {
            labels: labelled.folders.clone(),
            labelled,
        })
    }

    /// One class's pictures, all those in `folder`.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn of_one(label: &str, folder: &Path) -> Result<Self> {
        let mut labelled = Labelled {
            place: folder.display().to_string(),
            folders: vec![label.to_owned()],
            photographs: Vec::new(),
            failed: 0,
        };
        for picture in pictures_below(folder)? {
            match picture {
                Ok(path) => labelled.photographs.push((path, 0)),
                Err(error) => {
                    log::warn!("left out: {error:#}");
                    labelled.failed += 1;
                }
            }
        }
        Ok(Self {
            labels: labelled.folders.clone(),
            labelled,
        })
    }

    /// Refuses folders that nothing can be learned from.
    ///
    /// # Errors
    /// One class, or too few pictures of some.
    pub(super) fn check(&self) -> Result<()> {
        let place = &self.labelled.place;
        if self.labels.len() < 2 {
            return Err(Error::usage(place, "pictures of one class only")
                .with_expected("two classes or more")
                .with_remedy("add a folder with pictures of another class, if only of none"));
        }
        self.check_numbers()
    }

    /// Refuses too few pictures of a class.
    ///
    /// # Errors
    /// Of which.
    pub(super) fn check_numbers(&self) -> Result<()> {
        let classes = self.labelled.photographs.iter().map(|(_, class)| *class);
        check_numbers(
            &self.labelled.place,
            &self.labels,
            &classes.collect::<Vec<_>>(),
        )
    }

    /// How many pictures there are.
    pub(super) fn len(&self) -> usize {
        self.labelled.photographs.len()
    }

    /// The same folders by the numbers of these labels.
    ///
    /// # Errors
    /// One that is no label.
    pub(super) fn by(mut self, labels: &[String]) -> Result<Self> {
        let number = |folder: &String| labels.iter().position(|label| label == folder);
        let strangers = self.labels.iter().filter(|folder| number(folder).is_none());
        let strangers: Vec<String> = strangers.map(|name| format!("`{name}`")).collect();
        if !strangers.is_empty() {
            let what = format!("folders that are no classes: {}", strangers.join(", "));
            return Err(Error::usage(&self.labelled.place, what)
                .with_expected(format!("some of {}", labels.join(", "))));
        }
        let numbers: Vec<usize> = self.labels.iter().filter_map(number).collect();
        for (_, class) in &mut self.labelled.photographs {
            *class = numbers[*class];
        }
        self.labels = labels.to_vec();
        Ok(self)
    }
}

impl Material {
    /// Looks at all pictures of folders; one that is damaged is left out, and said.
    ///
    /// # Errors
    /// The engine fails, or the network's features are none.
    pub(super) fn look(
        folders: Folders,
        engines: &EngineMaker,
        (views, limits): (&[Framing], Limits),
        workers: usize,
        done: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        let (files, classes): (Vec<PathBuf>, Vec<usize>) =
            folders.labelled.photographs.into_iter().unzip();
        let count = files.len();
        let mut tell = |finished| done(finished, count);
        let all = seen(engines, &files, views, limits, workers, &mut tell)?;
        let mut material = Self {
            place: folders.labelled.place,
            files: Vec::new(),
            classes: Vec::new(),
            seen: Vec::new(),
            failed: folders.labelled.failed,
        };
        for ((file, class), seen) in files.into_iter().zip(classes).zip(all) {
            match seen {
                Ok(seen) => {
                    material.files.push(file);
                    material.classes.push(class);
                    material.seen.push(seen);
                }
                Err(error) => {
                    log::warn!("left out: {error:#}");
                    material.failed += 1;
                }
            }
        }
        Ok(material)
    }

    /// Refuses pictures that nothing can be learned from.
    ///
    /// # Errors
    /// Too few of some class are whole, or one picture is in two classes.
    pub(super) fn check(&self, labels: &[String]) -> Result<()> {
        check_numbers(&self.place, labels, &self.classes)?;
        let mut first: HashMap<u64, usize> = HashMap::new();
        let mut twice = Vec::new();
        for (number, seen) in self.seen.iter().enumerate() {
            let other = *first.entry(seen.identity).or_insert(number);
            if self.classes[other] != self.classes[number] {
                twice.push((&self.files[other], &self.files[number]));
            }
        }
        refuse(
            &self.place,
            "in two classes",
            "leave each in the right one",
            &twice,
        )
    }

    /// Refuses test pictures that were learned from.
    ///
    /// # Errors
    /// Which.
    pub(super) fn check_apart(&self, test: &Material) -> Result<()> {
        let own = self.seen.iter().zip(&self.files);
        let own: HashMap<u64, &PathBuf> = own.map(|(seen, file)| (seen.identity, file)).collect();
        let theirs = test.seen.iter().zip(&test.files);
        let both: Vec<(&PathBuf, &PathBuf)> = theirs
            .filter_map(|(seen, file)| Some((*own.get(&seen.identity)?, file)))
            .collect();
        let what = "both learned from and tested on, which would measure memory";
        refuse(&test.place, what, "remove them from one of the two", &both)
    }

    /// The features of each picture.
    pub(super) fn features(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.seen.iter().map(|seen| &seen.features[..])
    }

    /// How many pictures each of so many classes has.
    pub(super) fn counts(&self, classes: usize) -> Vec<usize> {
        counts(&self.classes, classes)
    }

    /// A hash over all pictures and their labels.
    pub(super) fn fingerprint(&self, labels: &[String]) -> String {
        let rows = self.seen.iter().zip(&self.classes);
        let mut rows: Vec<(&String, [u8; 32])> = rows
            .map(|(seen, class)| (&labels[*class], seen.digest))
            .collect();
        rows.sort_unstable();
        let mut hash = Sha256::new();
        for (label, digest) in rows {
            hash.update(label.as_bytes());
            hash.update([0]);
            hash.update(digest);
        }
        let bytes = hash.finalize();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }
}

fn counts(classes: &[usize], count: usize) -> Vec<usize> {
    let mut counts = vec![0; count];
    classes.iter().for_each(|class| counts[*class] += 1);
    counts
}

fn check_numbers(place: &str, labels: &[String], classes: &[usize]) -> Result<()> {
    let counts = counts(classes, labels.len());
    let few = labels
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count < FEWEST);
    let few: Vec<String> = few
        .map(|(label, count)| format!("`{label}` has {count}"))
        .collect();
    if few.is_empty() {
        return Ok(());
    }
    let what = format!("too few pictures to learn from: {}", few.join(", "));
    Err(Error::usage(place, what)
        .with_expected(format!("{FEWEST} or more of each class"))
        .with_remedy("add some; 20 of each, of different scenes, are good"))
}

fn refuse(place: &str, what: &str, remedy: &str, pairs: &[(&PathBuf, &PathBuf)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let shown = pairs.iter().take(SHOWN);
    let shown: Vec<String> = shown
        .map(|(one, other)| format!("{} is {}", other.display(), one.display()))
        .collect();
    let more = match pairs.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let are = if pairs.len() == 1 {
        "1 picture is".into()
    } else {
        format!("{} pictures are", pairs.len())
    };
    let what = format!("{are} {what}: {}{more}", shown.join(", "));
    Err(Error::usage(place, what).with_remedy(remedy))
}
