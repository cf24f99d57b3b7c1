//! A recording played again: the same frames at the same times, so that what happened in
//! the field can be looked at on a desk.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::recording::{Entry, FRAMES};
use super::{Encoding, Frame, Pull, Source};
use crate::error::{Error, Result};

/// The source.
pub(crate) struct Replay {
    folder: PathBuf,
    lines: Lines<BufReader<File>>,
    started: Option<Instant>,
}

impl Replay {
    /// Plays the recording in `folder`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let list = folder.join(FRAMES);
        let file = File::open(&list).map_err(|e| {
            Error::usage(list.display().to_string(), "is not a recording")
                .caused_by(e)
                .with_remedy("name a folder that a live session was recorded to")
                .with_settings(&["record"])
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            lines: BufReader::new(file).lines(),
            started: None,
        })
    }

    fn entry(&self, line: std::io::Result<String>) -> Result<Entry> {
        let place = self.folder.join(FRAMES).display().to_string();
        let line = line.map_err(|e| Error::input(&place, "cannot be read").caused_by(e))?;
        let entry: Entry = serde_json::from_str(&line)
            .map_err(|e| Error::input(&place, format!("`{line}` is not an entry")).caused_by(e))?;
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
        frame.time = SystemTime::UNIX_EPOCH + Duration::from_micros(entry.time_us);
        frame.instant =
            *self.started.get_or_insert_with(Instant::now) + Duration::from_micros(entry.at_us);
        thread::sleep(frame.instant.saturating_duration_since(Instant::now()));
        Ok(())
    }
}

impl Source for Replay {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let Some(line) = self.lines.next() else {
            return Pull::End;
        };
        match self.entry(line).and_then(|entry| self.fill(frame, entry)) {
            Ok(()) => Pull::Frame,
            Err(error) => Pull::Failed(error),
        }
    }
}
