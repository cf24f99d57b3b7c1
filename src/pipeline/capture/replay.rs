//! A recording played again: the same frames at the same times, so that what happened in
//! the field can be looked at on a desk. A ring is played in its frames' order, but what was
//! kept hours apart comes a second apart.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Lines};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::recording::{Entry, FRAMES, entry_file, entry_number};
use super::{Encoding, Frame, Pull, Source};
use crate::error::{Error, Result};

/// The longest time between two frames of a ring.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// The source.
pub(crate) struct Replay {
    folder: PathBuf,
    entries: Entries,
    started: Option<Instant>,
    /// Of a ring: when the frame before was captured, and when it was played.
    before: Option<(u64, Duration)>,
}

/// What is left to play.
enum Entries {
    /// A recording's list.
    List(Lines<BufReader<File>>),
    /// The numbers of a ring's frames.
    Files(std::vec::IntoIter<u64>),
}

impl Replay {
    /// Plays the recording or the ring in `folder`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let list = folder.join(FRAMES);
        let entries = match File::open(&list) {
            Ok(file) => Entries::List(BufReader::new(file).lines()),
            Err(error) if error.kind() == ErrorKind::NotFound => match numbers(folder) {
                numbers if numbers.is_empty() => return Err(not_one(folder, &list, error)),
                numbers => Entries::Files(numbers.into_iter()),
            },
            Err(error) => return Err(not_one(folder, &list, error)),
        };
        Ok(Self {
            folder: folder.to_owned(),
            entries,
            started: None,
            before: None,
        })
    }

    /// The next entry's text, and where it stands.
    fn next_text(&mut self) -> Option<(PathBuf, std::io::Result<String>)> {
        match &mut self.entries {
            Entries::List(lines) => Some((self.folder.join(FRAMES), lines.next()?)),
            Entries::Files(numbers) => {
                let path = entry_file(&self.folder, numbers.next()?);
                let text = fs::read_to_string(&path);
                Some((path, text))
            }
        }
    }

    fn entry(place: &Path, text: std::io::Result<String>) -> Result<Entry> {
        let place = place.display().to_string();
        let text = text.map_err(|e| Error::input(&place, "cannot be read").caused_by(e))?;
        let entry: Entry = serde_json::from_str(&text)
            .map_err(|e| Error::input(&place, format!("`{text}` is not an entry")).caused_by(e))?;
        // A recording may come from elsewhere: its files lie beside it and nowhere else.
        if Path::new(&entry.file).components().count() == 1 && !entry.file.contains("..") {
            Ok(entry)
        } else {
            Err(Error::input(
                place,
                format!("`{}` is not a plain file name", entry.file),
            ))
        }
    }

    /// How long after the first frame this one is played.
    fn at(&mut self, entry: &Entry) -> Duration {
        if let Some(at) = entry.at_us {
            return Duration::from_micros(at);
        }
        let at = self.before.map_or(Duration::ZERO, |(time, at)| {
            let gap = Duration::from_micros(entry.time_us.saturating_sub(time));
            at + gap.min(LONGEST_GAP)
        });
        self.before = Some((entry.time_us, at));
        at
    }

    fn fill(&mut self, frame: &mut Frame, entry: Entry) -> Result<()> {
        let path = self.folder.join(&entry.file);
        let cannot = |e| Error::input(path.display().to_string(), "cannot be read").caused_by(e);
        let reading = Instant::now();
        frame.bytes.clear();
        let mut file = File::open(&path).map_err(cannot)?;
        std::io::copy(&mut file, &mut frame.bytes).map_err(cannot)?;
        frame.capture = reading.elapsed();
        frame.encoding = entry.raw.map_or(Encoding::File, Encoding::Raw);
        frame.set_source(&entry.source);
        frame.time = entry.time();
        let at = self.at(&entry);
        frame.instant = *self.started.get_or_insert_with(Instant::now) + at;
        thread::sleep(frame.instant.saturating_duration_since(Instant::now()));
        Ok(())
    }
}

/// The numbers of the frames that a ring holds, in their order.
fn numbers(folder: &Path) -> Vec<u64> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> = files
        .filter_map(|file| entry_number(&file.path()))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The folder cannot be played. That of a ring of several sources has one for each.
fn not_one(folder: &Path, list: &Path, error: std::io::Error) -> Error {
    let place = list.display().to_string();
    let inner = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut rings: Vec<String> = inner
        .filter(|inner| !numbers(&inner.path()).is_empty())
        .map(|inner| inner.path().display().to_string())
        .collect();
    rings.sort();
    let error = Error::usage(place, "is not a recording").caused_by(error);
    match rings.is_empty() {
        true => error
            .with_remedy("name a folder that a live session was recorded to, or kept frames in")
            .with_settings(&["record", "keep"]),
        false => error.with_remedy(format!(
            "these folders hold the frames of a source each: {}",
            rings.join(", ")
        )),
    }
}

impl Source for Replay {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let Some((place, text)) = self.next_text() else {
            return Pull::End;
        };
        match Self::entry(&place, text).and_then(|entry| self.fill(frame, entry)) {
            Ok(()) => Pull::Frame,
            Err(error) => Pull::Failed(error),
        }
    }
}
