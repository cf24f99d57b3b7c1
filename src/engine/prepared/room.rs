//! How much the prepared networks may take on the disk: beyond that the ones that were not
//! used for longest go. What a process left half made goes, too.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry;

/// What stands in the cache folder under this prefix is being made, or going.
pub(super) const UNFINISHED: &str = ".unfinished-";
/// What is being made for longer than this was left over.
const LEFT_OVER: Duration = Duration::from_secs(3600);
/// An entry's name: half of a SHA-256.
const NAME_LENGTH: usize = 32;

/// The entries in `root`, whole or not.
pub(super) fn entries(root: &Path) -> Vec<PathBuf> {
    let is_entry =
        |name: &str| name.len() == NAME_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    folders(root, is_entry)
}

/// Keeps the entries in `root` within `bound` bytes, and `newest` in any case.
pub(super) fn make_room(root: &Path, bound: u64, newest: &Path) {
    let age = |path: &Path| {
        SystemTime::now()
            .duration_since(entry::used(path))
            .unwrap_or_default()
    };
    for path in folders(root, |name| name.starts_with(UNFINISHED)) {
        if age(&path) > LEFT_OVER {
            remove(&path);
        }
    }
    let mut entries = entries(root);
    let mut total: u64 = entries.iter().map(|path| entry::bytes(path)).sum();
    entries.retain(|path| path != newest);
    entries.sort_by_key(|path| entry::used(path));
    for path in entries {
        if total <= bound {
            break;
        }
        total = total.saturating_sub(entry::bytes(&path));
        log::debug!("{} makes room in the cache", path.display());
        discard(&path);
    }
}

/// Removes an entry; nobody sees half of it.
pub(super) fn discard(folder: &Path) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let going = format!("{UNFINISHED}{name}-{}", std::process::id());
    let going = folder.with_file_name(going);
    match std::fs::rename(folder, &going) {
        Ok(()) => remove(&going),
        // Another process was quicker.
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => log::debug!("{} cannot be removed: {e}", folder.display()),
    }
}

/// Removes a folder that nobody looks for.
pub(super) fn remove(folder: &Path) {
    if let Err(e) = std::fs::remove_dir_all(folder)
        && e.kind() != ErrorKind::NotFound
    {
        log::debug!("{} is left over and can be removed: {e}", folder.display());
    }
}

fn folders(root: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let all = std::fs::read_dir(root).into_iter().flatten().flatten();
    all.filter(|item| item.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|item| item.file_name().to_str().is_some_and(&is_meant))
        .map(|item| item.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{entries, make_room};
    use crate::engine::prepared::entry;

    /// An entry of about 1000 bytes, last used so many days ago.
    fn made(root: &Path, digit: char, days: u64) -> std::path::PathBuf {
        let folder = root.join(digit.to_string().repeat(32));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(entry::NETWORK), [7; 900]).unwrap();
        entry::seal(&folder).unwrap();
        let used = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        let sums = File::options().append(true).open(folder.join("sums.json"));
        sums.unwrap().set_modified(used).unwrap();
        folder
    }

    #[test]
    fn the_longest_unused_go_and_the_newest_stays() {
        let root = tempfile::tempdir().unwrap();
        let (old, older) = (made(root.path(), 'a', 3), made(root.path(), 'b', 9));
        let newest = made(root.path(), 'c', 20);
        let stranger = root.path().join("tensorrt-0123");
        std::fs::create_dir(&stranger).unwrap();
        // One that is used is as good as new.
        entry::touch(&older);
        make_room(root.path(), 2100, &newest);
        let mut left = entries(root.path());
        left.sort();
        assert_eq!(left, [older.clone(), newest.clone()]);
        assert!(!old.exists() && stranger.exists());
        make_room(root.path(), 10, &newest);
        assert_eq!(entries(root.path()), [newest]);
    }

    #[test]
    fn what_was_left_half_made_goes_and_what_is_being_made_stays() {
        let root = tempfile::tempdir().unwrap();
        let (left, fresh) = (
            root.path().join(".unfinished-1"),
            root.path().join(".unfinished-2"),
        );
        for folder in [&left, &fresh] {
            std::fs::create_dir(folder).unwrap();
        }
        let then = SystemTime::now() - Duration::from_secs(2 * 3600);
        File::open(&left).unwrap().set_modified(then).unwrap();
        make_room(root.path(), 10, Path::new("none"));
        assert!(!left.exists() && fresh.exists());
    }

    #[test]
    fn an_entry_that_changed_is_broken_and_says_where() {
        let root = tempfile::tempdir().unwrap();
        let folder = made(root.path(), 'd', 0);
        assert_eq!(
            entry::network(&folder),
            Ok(Some(folder.join(entry::NETWORK)))
        );
        let mut bytes = [7; 900];
        bytes[450] = 0;
        std::fs::write(folder.join(entry::NETWORK), bytes).unwrap();
        let why = entry::network(&folder).unwrap_err();
        assert_eq!(why, "model.onnx is not what was written");
        std::fs::remove_file(folder.join("sums.json")).unwrap();
        let why = entry::network(&folder).unwrap_err();
        assert!(why.starts_with("sums.json: "), "{why}");
    }
}
