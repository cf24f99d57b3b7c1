//! A file for parsers that take a path, in memory where there is such a folder.

use std::path::PathBuf;

/// A path of this process alone, which ends in `name`.
pub fn file(name: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let folder = folder.join(format!("ocelli-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder.join(name)
}
