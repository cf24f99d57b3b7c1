//! Models of the Hugging Face Hub, by name: found in the cache that its other clients use, or
//! fetched into it, with the files that say what the model is. Nothing is asked unless a model
//! is named `hf:…`, and what the cache has serves where the hub cannot be reached.

mod cache;
mod checksum;
mod choose;
mod client;
mod download;
mod listing;
mod lock;
mod name;
mod refusal;

use std::path::{Path, PathBuf};

use super::foreign::huggingface::CONFIGS;
use super::onnx;
use super::progress::Progress;
use crate::environment::hub as variables;
use crate::error::{Error, Result};
use cache::Repository;
use choose::{Choice, beside, companions};
use client::Client;
use download::Download;
use listing::{Listing, RemoteFile};
use name::ModelName;
use refusal::{Failure, Outcome};

/// What the cache has of a model.
struct Cached {
    path: PathBuf,
    commit: String,
    choice: Choice,
    /// What belongs to it, or may, and is not there.
    open: Vec<String>,
}

/// The file of the model called `named`, in the cache.
///
/// # Errors
/// The name is none; there is no such model, or it cannot be fetched and is not there.
pub(super) fn find(named: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf> {
    let name: ModelName = named.parse()?;
    let repository = Repository::of(&name)?;
    if variables::is_offline() {
        return Ok(taken(&name, cached(&name, &repository)?));
    }
    // A commit stays as it is: nobody has to be asked.
    if name.is_commit()
        && let Ok(whole) = cached(&name, &repository)
        && whole.open.is_empty()
    {
        return Ok(taken(&name, whole));
    }
    let client = Client::new()?;
    let error = match fetched(&client, &repository, &name, progress) {
        Ok(path) => return Ok(path),
        Err(Failure::Unknown(error)) => return Err(error),
        Err(failure) => failure.into_error(),
    };
    match cached(&name, &repository) {
        Ok(cached) => {
            log::warn!("{error:#}; until then the copy in the cache serves");
            Ok(taken(&name, cached))
        }
        Err(_) => Err(error),
    }
}

/// Fetches what is not there yet. The revision is noted at the end: until all of a new commit
/// is there, the old one serves where the hub is away.
fn fetched(
    client: &Client,
    repository: &Repository,
    name: &ModelName,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Outcome<PathBuf> {
    let listing = client.listing(name)?;
    let files = listing.files.iter().map(|file| file.path.as_str());
    let choice = Choice::among(files, name, "the repository").map_err(Failure::Unknown)?;
    if let Some(told) = choice.told(name) {
        log::info!("{told}");
    }
    let download = Download {
        client,
        repository,
        name,
        commit: &listing.commit,
    };
    for path in companions(&choice.file) {
        match listing.file(&path) {
            Some(file) => download.run(file, progress)?,
            None => spare(repository.note_absence(&listing.commit, &path)),
        }
    }
    for path in choice.before(name) {
        spare(repository.note_absence(&listing.commit, path));
    }
    download.run(listed(&listing, name, &choice.file)?, progress)?;
    let model = repository.file(&listing.commit, &choice.file);
    for path in weights(&model, &choice.file) {
        download.run(listed(&listing, name, &path)?, progress)?;
    }
    spare(repository.note_commit(&name.revision, &listing.commit));
    Ok(model)
}

fn listed<'a>(listing: &'a Listing, name: &ModelName, path: &str) -> Result<&'a RemoteFile> {
    listing.file(path).ok_or_else(|| {
        let what = format!("the model's weights are in {path}, which the repository does not have");
        Error::model(name.to_string(), what).with_remedy("look for a repository that is whole")
    })
}

/// A note that was not written costs a request the next time, and a cache may be one that only
/// its owner writes to.
fn spare(note: std::io::Result<()>) {
    if let Err(e) = note {
        log::debug!("the cache is left as it is: {e}");
    }
}

/// The files in the repository that `file` keeps its weights in; it is at `path`.
fn weights(path: &Path, file: &str) -> Vec<String> {
    // What cannot be read here is told by whoever opens the model.
    let Ok(bytes) = std::fs::read(path) else {
        return Vec::new();
    };
    let Ok(network) = onnx::parse(file, bytes.into()) else {
        return Vec::new();
    };
    let locations = network.external_files().into_iter();
    locations.map(|location| beside(file, location)).collect()
}

/// What the cache has of `name`, by what was known of it when it was last asked for.
fn cached(name: &ModelName, repository: &Repository) -> Result<Cached> {
    let missing = || {
        Error::model(
            name.to_string(),
            "the model is not in the cache, and HF_HUB_OFFLINE is set",
        )
        .with_remedy("fetch it once without HF_HUB_OFFLINE, or name a file")
    };
    let commit = repository.commit(&name.revision).ok_or_else(missing)?;
    let files = repository.files(&commit);
    if files.is_empty() {
        return Err(missing());
    }
    let choice = Choice::among(files.iter().map(String::as_str), name, "the cache")?;
    let path = repository.file(&commit, &choice.file);
    // Without a file's name another one might have been taken: the cache need not have all.
    let others = choice.before(name).map(str::to_owned);
    let unknown = companions(&choice.file).into_iter().chain(others);
    let mut open: Vec<String> = unknown
        .filter(|path| !repository.is_settled(&commit, path))
        .collect();
    let needed = weights(&path, &choice.file).into_iter();
    open.extend(needed.filter(|path| !files.contains(path)));
    Ok(Cached {
        path,
        commit,
        choice,
        open,
    })
}

/// The cached model, and what has to be said of it.
fn taken(name: &ModelName, cached: Cached) -> PathBuf {
    if let Some(told) = cached.choice.told(name) {
        log::info!("{told}");
    }
    let others: Vec<&str> = cached.choice.before(name).collect();
    let unknown = cached
        .open
        .iter()
        .filter(|path| others.contains(&&path[..]));
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    if !unknown.is_empty() {
        log::warn!(
            "{name}: the cache has {}; whether the repository has {}, which would be taken, is not known there",
            cached.choice.file,
            unknown.join(" or ")
        );
    }
    let is_config = |path: &&String| CONFIGS.iter().any(|config| path.ends_with(config));
    let open: Vec<&str> = cached
        .open
        .iter()
        .filter(is_config)
        .map(String::as_str)
        .collect();
    let unknown = match open[..] {
        [] => String::new(),
        _ => format!("; whether it has {} is not known there", open.join(", ")),
    };
    log::info!(
        "{name}: {} of commit {:.7} is in the cache{unknown}",
        cached.choice.file,
        cached.commit
    );
    cached.path
}
