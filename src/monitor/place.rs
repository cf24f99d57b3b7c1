//! Where what was learned of a source is kept: beside the state lies the newest report, and what
//! somebody has taken notice of while another program follows the source.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::report::Report;
use super::whole;
use crate::environment;
use crate::error::{Error, Result};

/// Ending of reports' names.
const REPORT: &str = ".report.json";
/// Bytes that a file of these has at most.
const LARGEST: u64 = 1 << 20;

/// The files of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    name: String,
}

/// Where monitors keep what they learn unless another folder is named; `None` where there is no
/// home.
pub fn default_folder() -> Option<PathBuf> {
    environment::state_folder().map(|folder| folder.join("monitor"))
}

impl Place {
    /// The files below `folder` that are called `name`, which has to be a file's.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Every source of which there is a report in `folder`, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn all_in(folder: &Path) -> Result<Vec<Self>> {
        let entries = fs::read_dir(folder).map_err(|e| {
            Error::usage(folder.display().to_string(), "cannot be read")
                .caused_by(e)
                .with_remedy(
                    "name the folder in which a live session keeps what its monitors learn",
                )
        })?;
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut all: Vec<Self> = names
            .filter_map(|name| Some(Self::new(folder, name.to_str()?.strip_suffix(REPORT)?)))
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// What the files are called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the state is kept.
    pub fn state(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    fn report_path(&self) -> PathBuf {
        self.folder.join(format!("{}{REPORT}", self.name))
    }

    fn asked_path(&self) -> PathBuf {
        self.folder.join(format!("{}.acknowledge", self.name))
    }

    /// The newest report.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn report(&self) -> Result<Report> {
        let path = self.report_path();
        let broken = |e| Error::usage(path.display().to_string(), "cannot be read").caused_by(e);
        let text = read(&path).map_err(broken)?;
        serde_json::from_str(&text).map_err(|e| broken(e.into()))
    }

    /// Keeps a report, whole.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep_report(&self, report: &Report) -> Result<()> {
        whole::write(&self.report_path(), report)
    }

    /// Leaves word for whoever follows the source that somebody has taken notice of `what`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn ask(&self, what: &str) -> Result<()> {
        let path = self.asked_path();
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let written = opened.and_then(|mut file| writeln!(file, "{what}"));
        written.map_err(|e| {
            Error::output(path.display().to_string(), "cannot be written").caused_by(e)
        })
    }

    /// Takes what was left there.
    ///
    /// # Errors
    /// It cannot be read, or not be taken away.
    pub fn take_asked(&self) -> Result<Vec<String>> {
        let path = self.asked_path();
        let taken = path.with_extension("acknowledging");
        match fs::rename(&path, &taken) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            renamed => renamed,
        }
        .and_then(|()| {
            let text = read(&taken)?;
            fs::remove_file(&taken)?;
            Ok(text.lines().map(str::to_owned).collect())
        })
        .map_err(|e| Error::output(path.display().to_string(), "cannot be read").caused_by(e))
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}
