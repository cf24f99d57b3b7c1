//! What has to come along when a model is fetched: the very files that facts are read from,
//! listed once, where they are read.

use std::path::{Path, PathBuf};

use super::{folders, huggingface, labels};

/// Every file that facts about `model` are read from, whether or not it is there.
pub(crate) fn companions(model: &Path) -> Vec<PathBuf> {
    let configs =
        folders(model).flat_map(|folder| huggingface::CONFIGS.map(|name| folder.join(name)));
    configs.chain(labels::candidates(model)).collect()
}
