//! What a model is called on the hub: `hf:OWNER/NAME[@REVISION][:FILE]`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The revision that is meant where none is given.
const DEFAULT_REVISION: &str = "main";
/// Longest `OWNER/NAME` that the hub has.
const LONGEST: usize = 96;

/// A model on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelName {
    /// `OWNER/NAME`.
    pub(super) repository: String,
    /// A branch, a tag or a commit.
    pub(super) revision: String,
    /// Which of its files, if that is said.
    pub(super) file: Option<String>,
}

impl ModelName {
    /// Whether the revision is a commit, which never changes.
    pub(super) fn is_commit(&self) -> bool {
        is_commit(&self.revision)
    }

    /// The same model with another file.
    pub(super) fn with_file(&self, file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self.clone()
        }
    }
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: &str| {
            Error::model(text, problem)
                .with_expected("hf:OWNER/NAME[@REVISION][:FILE]")
                .with_remedy(
                    "name it as its page on the hub is called, such as hf:Xenova/resnet-50",
                )
        };
        let rest = text
            .strip_prefix("hf:")
            .ok_or_else(|| bad("not a name on the hub"))?;
        let (model, file) = match rest.split_once(':') {
            Some((model, file)) => (model, Some(file)),
            None => (rest, None),
        };
        let (repository, revision) = model.split_once('@').unwrap_or((model, DEFAULT_REVISION));
        let parts: Vec<&str> = repository.split('/').collect();
        if parts.len() != 2 || repository.len() > LONGEST || !parts.iter().all(|p| is_part(p)) {
            return Err(bad("this names no model"));
        }
        if !stays_inside(revision) || revision.contains([' ', '~', '^', '?', '*', '[']) {
            return Err(bad("the revision is no branch, tag or commit"));
        }
        if file.is_some_and(|file| !stays_inside(file)) {
            return Err(bad("the file is none of a repository"));
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.repository)?;
        if self.revision != DEFAULT_REVISION {
            write!(f, "@{}", self.revision)?;
        }
        match &self.file {
            Some(file) => write!(f, ":{file}"),
            None => Ok(()),
        }
    }
}

/// An owner or a name, as the hub lets them be: a folder of the cache is named by it.
fn is_part(part: &str) -> bool {
    let is_edge = |c: char| matches!(c, '-' | '.');
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.starts_with(is_edge)
        && !part.ends_with(is_edge)
        && !part.contains("--")
        && !part.contains("..")
}

/// Whether this is the whole name of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a path with slashes, joined to a folder, stays in that folder on every system.
pub(super) fn stays_inside(path: &str) -> bool {
    !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::{ModelName, stays_inside};

    #[test]
    fn a_name_has_a_repository_a_revision_and_a_file() {
        let cases = [
            ("hf:a/b", "a/b", "main", None, "hf:a/b"),
            ("hf:a/b@main", "a/b", "main", None, "hf:a/b"),
            (
                "hf:a-1/b_2.c@v1.0",
                "a-1/b_2.c",
                "v1.0",
                None,
                "hf:a-1/b_2.c@v1.0",
            ),
            (
                "hf:a/b:onnx/m.onnx",
                "a/b",
                "main",
                Some("onnx/m.onnx"),
                "hf:a/b:onnx/m.onnx",
            ),
            (
                "hf:a/b@refs/pr/1:m@2:x.onnx",
                "a/b",
                "refs/pr/1",
                Some("m@2:x.onnx"),
                "hf:a/b@refs/pr/1:m@2:x.onnx",
            ),
        ];
        for (text, repository, revision, file, shown) in cases {
            let name: ModelName = text.parse().unwrap();
            assert_eq!(name.repository, repository, "{text}");
            assert_eq!(name.revision, revision, "{text}");
            assert_eq!(name.file.as_deref(), file, "{text}");
            assert_eq!(name.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_form_that_it_should_have() {
        let bad = [
            "hf:",
            "hf:a",
            "hf:a/b/c",
            "hf:/b",
            "hf:a/",
            "hf:a/..",
            "hf:../b",
            "hf:a--x/b",
            "hf:a/b.",
            "hf:a/b c",
            "hf://a/b",
            "hf:a/b@",
            "hf:a/b@../../x",
            "hf:a/b@/etc",
            "hf:a/b:",
            "hf:a/b:/etc/passwd",
            "hf:a/b:../m.onnx",
            "hf:a/b:x/../../m.onnx",
            "hf:a/b:x\\m.onnx",
            "hf:a/b@one two",
        ];
        for text in bad {
            let error = text.parse::<ModelName>().unwrap_err();
            assert_eq!(
                error.expected(),
                Some("hf:OWNER/NAME[@REVISION][:FILE]"),
                "{text}"
            );
        }
    }

    #[test]
    fn only_paths_below_a_folder_stay_inside() {
        for path in ["a", "a/b.onnx", "..a/b", "a b"] {
            assert!(stays_inside(path), "{path}");
        }
        for path in [
            "", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\0", "a\nb",
        ] {
            assert!(!stays_inside(path), "{path:?}");
        }
    }
}
