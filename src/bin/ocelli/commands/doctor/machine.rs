//! The files of a machine: this one's, or another's under a folder.

use std::path::{Path, PathBuf};

/// A machine by its files.
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine whose files stand under `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Whether it is the one that this program runs on.
    pub(crate) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where `path` (absolute) stands.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text, without what ends it.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.place(path)).ok()?;
        Some(text.trim_end_matches(['\0', '\n']).to_owned())
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.place(path).exists()
    }

    /// The files that match, in order.
    pub(crate) fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let found = glob::glob(&self.place(pattern).to_string_lossy());
        found.into_iter().flatten().flatten().collect()
    }

    /// Whether a program is installed.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        ["/usr/local/bin", "/usr/bin", "/bin"]
            .iter()
            .any(|folder| self.has(&format!("{folder}/{name}")))
    }

    /// NVIDIA's release of Linux for Tegra, such as (35, "4.1"), if it is a Jetson.
    pub(crate) fn tegra(&self) -> Option<(u32, String)> {
        let text = self.read("/etc/nv_tegra_release")?;
        let major = text.strip_prefix("# R")?.split(' ').next()?.parse().ok()?;
        let revision = text.split("REVISION: ").nth(1)?.split(',').next()?;
        Some((major, revision.trim().to_owned()))
    }
}
