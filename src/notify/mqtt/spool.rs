//! Changes that the broker has not acknowledged: a file each, in their order, so that
//! neither an outage nor a restart loses one. Files that live for a moment only are
//! seldom written to the disk itself.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::MqttOptions;
use super::address::slug;
use crate::environment;
use crate::error::{Error, Result};
use crate::throttle::ThrottledLog;

/// The queue.
pub(super) struct Spool {
    folder: PathBuf,
    /// Keeps others out for as long as it is open.
    _lock: File,
    limit: usize,
    waiting: VecDeque<Change>,
    next: u64,
    dropped: u64,
    full: ThrottledLog,
    unwritable: ThrottledLog,
}

/// One of them.
struct Change {
    number: u64,
    /// What could not be written to a file.
    kept: Option<Bytes>,
}

impl Spool {
    /// Opens the spool and finds what an earlier run left there.
    ///
    /// # Errors
    /// The folder cannot be used, or another program uses it.
    pub(super) fn open(options: &MqttOptions) -> Result<Self> {
        let folder = match &options.spool {
            Some(folder) => folder.clone(),
            None => {
                let address = &options.address;
                let name = format!(
                    "{}_{}",
                    address.host.replace(':', "_"),
                    slug(&address.topic)
                );
                state_folder()?.join("spool").join(name)
            }
        };
        let place = folder.display().to_string();
        let failed = |e: std::io::Error| {
            Error::usage(&place, "the spool cannot be used")
                .caused_by(e)
                .with_remedy("name another folder for it")
                .with_settings(&["spool"])
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(Error::usage(&place, "another ocelli uses this spool")
                .with_remedy("give each its own topic, or its own folder")
                .with_settings(&["spool"]));
        }
        let mut numbers: Vec<u64> = fs::read_dir(&folder)
            .map_err(failed)?
            .flatten()
            .filter_map(|entry| number(&entry.path()))
            .collect();
        numbers.sort_unstable();
        if !numbers.is_empty() {
            log::info!("mqtt: {} changes wait in {place}", numbers.len());
        }
        Ok(Self {
            folder,
            _lock: lock,
            limit: options.spool_limit,
            next: numbers.last().map_or(0, |last| last + 1),
            waiting: numbers
                .into_iter()
                .map(|number| Change { number, kept: None })
                .collect(),
            dropped: 0,
            full: ThrottledLog::default(),
            unwritable: ThrottledLog::default(),
        })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016}.json"))
    }

    /// Adds a change; where there is no room, the oldest makes some. One that is `long` to
    /// wait has to outlive a power cut, too.
    pub(super) fn push(&mut self, change: Bytes, long: bool) {
        let number = self.next;
        self.next += 1;
        let unfinished = self.folder.join("unfinished");
        let written = write(&unfinished, &change, long)
            .and_then(|()| fs::rename(&unfinished, self.path(number)));
        let kept = written
            .inspect_err(|e| {
                let place = self.folder.display();
                self.unwritable.warn(format_args!(
                    "mqtt: changes are kept in memory only: {place}: {e}"
                ));
            })
            .err()
            .map(|_| change);
        self.waiting.push_back(Change { number, kept });
        while self.waiting.len() > self.limit {
            self.dropped += 1;
            self.full.warn(format_args!(
                "mqtt: the spool is full with {} changes, the oldest are dropped ({} so far)",
                self.limit, self.dropped
            ));
            if let Some(oldest) = self.waiting.front() {
                self.remove(oldest.number);
            }
        }
    }

    /// The first change after number `after`, with its own.
    pub(super) fn next_after(&mut self, after: Option<u64>) -> Option<(u64, Bytes)> {
        loop {
            let at = after.map_or(0, |after| {
                self.waiting
                    .partition_point(|change| change.number <= after)
            });
            let change = self.waiting.get(at)?;
            let number = change.number;
            if let Some(kept) = &change.kept {
                return Some((number, kept.clone()));
            }
            match fs::read(self.path(number)) {
                Ok(bytes) if !bytes.is_empty() => return Some((number, bytes.into())),
                // After a power cut a file may be there without its content.
                read => {
                    let why = read.err().map_or("it is empty".into(), |e| e.to_string());
                    log::warn!("mqtt: {}: {why}", self.path(number).display());
                    self.remove(number);
                }
            }
        }
    }

    /// The broker has this one.
    pub(super) fn remove(&mut self, number: u64) {
        let Ok(at) = self
            .waiting
            .binary_search_by_key(&number, |change| change.number)
        else {
            return;
        };
        if let Some(Change { kept: None, .. }) = self.waiting.remove(at)
            && let Err(error) = fs::remove_file(self.path(number))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            self.unwritable.warn(format_args!(
                "mqtt: {}: {error}: it will be sent again",
                self.path(number).display()
            ));
        }
    }

    /// Changes that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

fn write(path: &Path, bytes: &[u8], long: bool) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    if long { file.sync_data() } else { Ok(()) }
}

fn number(path: &Path) -> Option<u64> {
    let is_change = path
        .extension()
        .is_some_and(|extension| extension == "json");
    path.file_stem()?
        .to_str()
        .filter(|_| is_change)?
        .parse()
        .ok()
}

/// Where changes wait unless a folder is named.
fn state_folder() -> Result<PathBuf> {
    environment::state_folder().ok_or_else(|| {
        Error::usage("spool", "there is no home folder for changes that wait")
            .with_remedy("name a folder for it")
            .with_settings(&["spool"])
    })
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use crate::notify::MqttOptions;
    use std::path::Path;
    use std::time::Duration;

    fn options(folder: &Path) -> MqttOptions {
        MqttOptions {
            address: "mqtt://localhost/test".parse().unwrap(),
            password_file: None,
            ca: None,
            heartbeat: Duration::from_secs(60),
            spool: Some(folder.to_owned()),
            spool_limit: 3,
            discovery: String::new(),
        }
    }

    fn all(spool: &mut Spool) -> Vec<String> {
        let (mut after, mut found) = (None, Vec::new());
        while let Some((number, change)) = spool.next_after(after) {
            found.push(String::from_utf8(change.to_vec()).unwrap());
            after = Some(number);
        }
        found
    }

    #[test]
    fn changes_survive_in_order_within_the_limit_until_they_are_acknowledged() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scratch/spool");
        let _ = std::fs::remove_dir_all(&folder);
        let mut spool = Spool::open(&options(&folder)).unwrap();
        for change in ["a", "b", "c", "d"] {
            spool.push(change.into(), change == "d");
        }
        assert_eq!(all(&mut spool), ["b", "c", "d"]);
        assert!(Spool::open(&options(&folder)).is_err(), "it is locked");
        let (first, _) = spool.next_after(None).unwrap();
        spool.remove(first);
        drop(spool);
        std::fs::write(folder.join("0000000000000002.json"), "").unwrap();
        let mut spool = Spool::open(&options(&folder)).unwrap();
        spool.push("e".into(), false);
        assert_eq!(all(&mut spool), ["d", "e"]);
        assert_eq!(spool.len(), 2);
    }
}
