//! Networks as ONNX Runtime optimised them for this machine. The first start optimises the
//! network once, keeps the outcome, and makes all its sessions from that, as every later
//! start does; so all of them compute alike, and weights are mapped instead of copied.
//!
//! That costs the first start about a tenth: it is done before a live loop begins, not
//! beside it. Only the wait for the disk is left to a thread of its own.

mod entry;
mod room;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ort::session::builder::GraphOptimizationLevel;
use parking_lot::RwLock;

use super::cache;
use super::library::Library;
use super::onnxruntime::{builder, load, reason};
use crate::error::{Error, Result};
use crate::model::{Features, Model};
use crate::priority::lower_priority;

/// The prepared form of one network.
pub(crate) struct Prepared {
    /// Where it stands; it moves once it is finished, and nowhere if it cannot be kept.
    file: Arc<RwLock<Option<PathBuf>>>,
    finishing: Option<JoinHandle<()>>,
}

/// What the prepared networks take on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// Where they stand.
    pub folder: PathBuf,
    /// How many there are.
    pub networks: usize,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that they may take; with 0 none is kept.
    pub bound: u64,
}

/// Where networks are kept, and how much room they take and have; `None` where no folder
/// for them is known.
pub fn cache_use() -> Option<CacheUse> {
    let folder = cache::root()?;
    let entries = room::entries(&folder);
    Some(CacheUse {
        networks: entries.len(),
        bytes: entries.iter().map(|path| entry::bytes(path)).sum(),
        bound: cache::bound(),
        folder,
    })
}

impl Prepared {
    /// The prepared form of `model` with `features` inside it, if it is kept.
    pub(crate) fn find(
        library: &Library,
        model: &Model,
        features: Option<&Features>,
    ) -> Option<Self> {
        let root = cache::networks().filter(|root| root.is_dir())?;
        let name = cache::network(model, &library.version, features);
        // What is wrong with the model is said when it is loaded.
        let folder = root.join(name.ok()?);
        match entry::network(&folder) {
            Ok(Some(file)) => {
                entry::touch(&folder);
                Some(Self {
                    file: Arc::new(RwLock::new(Some(file))),
                    finishing: None,
                })
            }
            Ok(None) => None,
            Err(why) => {
                log::warn!("{} is broken and not used: {why}", folder.display());
                None
            }
        }
    }

    /// Prepares `model`, to be kept as soon as the disk has it. `None` where that cannot
    /// be: the original will do, so the reason is only worth a line for those who ask.
    pub(crate) fn make(
        library: &Library,
        model: &Model,
        features: Option<&Features>,
    ) -> Option<Self> {
        let unfinished = match Unfinished::make(library, model, features) {
            Ok(unfinished) => unfinished,
            Err(why) => {
                log::debug!("the next start will be no quicker: {why:#}");
                return None;
            }
        };
        let file = Arc::new(RwLock::new(Some(unfinished.at.join(entry::NETWORK))));
        let place = file.clone();
        let finish = move || {
            lower_priority();
            let sealed = entry::seal(&unfinished.at).map_err(|e| unfinished.unwritable(e));
            let mut file = place.write();
            if file.is_none() {
                return;
            }
            let kept = sealed.and_then(|()| unfinished.keep());
            *file = match kept {
                Ok(folder) => {
                    log::info!(
                        "the optimised network is kept for the next start: {}",
                        folder.display()
                    );
                    Some(folder.join(entry::NETWORK))
                }
                Err(why) => {
                    log::debug!("the next start will be no quicker: {why:#}");
                    None
                }
            };
        };
        let finishing = thread::Builder::new().name("prepare".into()).spawn(finish);
        match finishing {
            Ok(thread) => Some(Self {
                file,
                finishing: Some(thread),
            }),
            Err(why) => {
                log::debug!("the next start will be no quicker: no thread: {why}");
                None
            }
        }
    }

    /// Calls `use_it` with the network's file, if it can be had; it stays meanwhile.
    pub(crate) fn with_file<T>(&self, use_it: impl FnOnce(&Path) -> T) -> Option<T> {
        self.file.read().as_deref().map(use_it)
    }

    /// Forgets it: ONNX Runtime cannot load it. The next start makes it anew.
    pub(crate) fn reject(&self) {
        if let Some(file) = self.file.write().take()
            && let Some(folder) = file.parent()
        {
            room::discard(folder);
        }
    }
}

impl Drop for Prepared {
    /// What is nearly kept is kept.
    fn drop(&mut self) {
        if let Some(thread) = self.finishing.take()
            && thread.join().is_err()
        {
            log::debug!("the next start will be no quicker: keeping the network died");
        }
    }
}

/// Prepares `model` now, whatever is kept; the folder it is kept in.
pub(crate) fn save(
    library: &Library,
    model: &Model,
    features: Option<&Features>,
) -> Result<PathBuf> {
    let unfinished = Unfinished::make(library, model, features)?;
    entry::seal(&unfinished.at).map_err(|e| unfinished.unwritable(e))?;
    room::discard(&unfinished.folder);
    unfinished.keep()
}

/// A prepared network that is not yet where others find it. Readers never see half of it:
/// it is written beside and renamed.
struct Unfinished {
    root: PathBuf,
    at: PathBuf,
    folder: PathBuf,
    is_kept: bool,
}

impl Unfinished {
    fn make(library: &Library, model: &Model, features: Option<&Features>) -> Result<Self> {
        let root = cache::networks().ok_or_else(|| {
            Error::usage("cache", "there is no folder for it, or it may hold nothing").with_remedy(
                "set OCELLI_CACHE or HOME to a folder, and OCELLI_CACHE_MIB to more than 0",
            )
        })?;
        cache::has_room_for(model.bytes(), &root)?;
        let folder = root.join(cache::network(model, &library.version, features)?);
        let at = unfinished_folder(&root).map_err(|e| unwritable(&root, e))?;
        let this = Self {
            root,
            at,
            folder,
            is_kept: false,
        };
        optimise(library, model, features, &this.at).map_err(|e| {
            Error::model(
                model.place(),
                format!("ONNX Runtime {} cannot prepare it", library.version),
            )
            .caused_by(reason(&e))
        })?;
        if !model.is_unchanged() {
            return Err(Error::model(
                model.place(),
                "it changed while it was prepared",
            ));
        }
        Ok(this)
    }

    fn unwritable(&self, cause: std::io::Error) -> Error {
        unwritable(&self.at, cause)
    }

    /// Puts it where it is found; the folder. Where another process was quicker, its is kept.
    fn keep(mut self) -> Result<PathBuf> {
        let mut placed = std::fs::rename(&self.at, &self.folder);
        if placed.is_err() {
            if let Ok(Some(_)) = entry::network(&self.folder) {
                return Ok(self.folder.clone());
            }
            room::discard(&self.folder);
            placed = std::fs::rename(&self.at, &self.folder);
        }
        placed.map_err(|e| self.unwritable(e))?;
        self.is_kept = true;
        room::make_room(&self.root, cache::bound(), &self.folder);
        Ok(self.folder.clone())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            room::remove(&self.at);
        }
    }
}

fn unwritable(folder: &Path, cause: std::io::Error) -> Error {
    Error::output(folder.display().to_string(), "the cache cannot be written").caused_by(cause)
}

/// A folder of its own, which others may read as far as this process lets them read its files.
fn unfinished_folder(root: &Path) -> std::io::Result<PathBuf> {
    const ALL_THAT_UMASK_LEAVES: u32 = 0o777;
    std::fs::create_dir_all(root)?;
    let mode = std::fs::Permissions::from_mode(ALL_THAT_UMASK_LEAVES);
    let mut builder = tempfile::Builder::new();
    let folder = builder
        .prefix(room::UNFINISHED)
        .permissions(mode)
        .tempdir_in(root)?;
    Ok(folder.keep())
}

fn optimise(
    library: &Library,
    model: &Model,
    features: Option<&Features>,
    folder: &Path,
) -> ort::Result<()> {
    let builder = builder(library, GraphOptimizationLevel::All, 1, false)?
        // Nothing is computed with this session.
        .with_prepacking(false)?
        .with_optimized_model_path(folder.join(entry::NETWORK))?
        .with_config_entry(
            "session.optimized_model_external_initializers_file_name",
            entry::WEIGHTS,
        )?
        .with_config_entry(
            "session.optimized_model_external_initializers_min_size_in_bytes",
            "1024",
        )?;
    load(builder, model, features).map(drop)
}
