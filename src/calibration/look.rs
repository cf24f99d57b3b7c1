//! What the network makes of pictures: every class's score before calibration, and the
//! features, by the stages that every frame goes through.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::{CalibrationOptions, Progress};
use crate::error::{Error, Result};
use crate::pipeline::capture::open_found;
use crate::pipeline::record::Record;
use crate::pipeline::{PipelineMaker, workers};

/// Files that an error names.
const SHOWN: usize = 3;

/// What was seen of a picture.
pub(super) struct Seen {
    pub(super) file: PathBuf,
    /// Logarithms of its probabilities at temperature 1.
    pub(super) logs: Vec<f64>,
    /// None where the network does not show them.
    pub(super) features: Vec<f32>,
}

/// Looks at `files`: for each what was seen, or `None` if it could not be; that is said. `None`
/// for all if `stop` was set.
///
/// # Errors
/// The engine cannot run the model.
pub(super) fn look(
    maker: &PipelineMaker,
    files: &[PathBuf],
    options: &CalibrationOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Vec<Option<Seen>>>> {
    let source = open_found(files.iter().cloned().map(Ok).collect(), options.max_bytes);
    let mut seen = Vec::with_capacity(files.len());
    let make = {
        let maker = maker.clone();
        move |_| maker.make()
    };
    let summary = workers::run(source, options.workers, None, stop, make, |record| {
        seen.push(of(record, &files[record.number as usize]));
        progress(Progress {
            done: seen.len(),
            of: files.len(),
        });
        Ok(())
    })?;
    Ok((!summary.stopped).then_some(seen))
}

fn of(record: &Record, file: &std::path::Path) -> Option<Seen> {
    if let Some(error) = &record.failure {
        log::warn!("left out: {error:#}");
        return None;
    }
    let mut logs = vec![0.0; record.top.len()];
    for candidate in &record.top {
        let score = f64::from(candidate.score.max(f32::MIN_POSITIVE));
        logs[candidate.index] = score.ln();
    }
    Some(Seen {
        file: file.to_owned(),
        logs,
        features: record.embedding.clone(),
    })
}

/// Refuses pictures that are there more than once: limits that are fitted to them would promise
/// too much, as what is held out would be known after all.
///
/// # Errors
/// Which ones.
pub(super) fn check_duplicates(place: &str, seen: &[Seen]) -> Result<()> {
    let mut first: HashMap<u64, usize> = HashMap::new();
    let mut twice = Vec::new();
    for (index, picture) in seen.iter().enumerate() {
        let before = first.entry(key(picture)).or_insert(index);
        if *before != index && is_same(picture, &seen[*before])? {
            twice.push((&seen[*before].file, &picture.file));
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    let shown = twice.iter().take(SHOWN);
    let shown: Vec<String> = shown
        .map(|(a, b)| format!("{} is {}", b.display(), a.display()))
        .collect();
    let more = if twice.len() > SHOWN { ", …" } else { "" };
    let what = format!(
        "{} pictures are there more than once: {}{more}",
        twice.len(),
        shown.join(", ")
    );
    Err(Error::usage(place, what)
        .with_remedy("leave one of each: what is counted twice promises too much"))
}

fn key(picture: &Seen) -> u64 {
    let mut hasher = DefaultHasher::new();
    let logs = picture.logs.iter().map(|log| log.to_bits());
    logs.for_each(|bits| bits.hash(&mut hasher));
    let features = picture.features.iter().map(|f| f.to_bits());
    features.for_each(|bits| bits.hash(&mut hasher));
    hasher.finish()
}

/// Whether two pictures that look alike to the network are one: of the very same features, or
/// where it shows none, of the very same bytes.
fn is_same(a: &Seen, b: &Seen) -> Result<bool> {
    if !a.features.is_empty() {
        return Ok(a.features == b.features && a.features.iter().any(|f| *f != 0.0));
    }
    let read = |seen: &Seen| {
        let place = seen.file.display().to_string();
        std::fs::read(&seen.file).map_err(|e| Error::input(place, "cannot be read").caused_by(e))
    };
    Ok(read(a)? == read(b)?)
}
