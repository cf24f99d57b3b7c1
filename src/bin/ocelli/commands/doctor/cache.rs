//! What is kept so that the next start is quicker.

use std::path::Path;

use ocelli::engine::{CacheUse, cache_use};

use super::Observation;

const ABOUT: &str = "cache";

/// Says where it is kept, how much room it takes, and how much it may.
pub(super) fn observe() -> Observation {
    let Some(kept) = cache_use() else {
        let what =
            "no folder is known for it (OCELLI_CACHE or HOME): every start is as slow as the first";
        return Observation::note(ABOUT, what);
    };
    let CacheUse {
        folder,
        networks,
        bytes,
        bound,
    } = kept;
    let plural = if networks == 1 { "" } else { "s" };
    let bound = bound >> 20;
    let (place, size) = (folder.display(), bytes as f64 / f64::from(1 << 20));
    if bound == 0 {
        let what = format!("{place}: nothing is kept there (OCELLI_CACHE_MIB is 0)");
        return Observation::note(ABOUT, what);
    }
    let what = format!("{place}: {networks} network{plural}, {size:.1} of at most {bound} MiB");
    if is_writable(&folder) {
        Observation::good(ABOUT, what)
    } else {
        Observation::note(ABOUT, format!("{what}; this user cannot write there"))
    }
}

/// Whether something can be kept; the folder may have to be made first.
fn is_writable(folder: &Path) -> bool {
    let there = folder.ancestors().find(|folder| folder.exists());
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    there.is_some_and(|folder| rustix::fs::access(folder, access).is_ok())
}
