//! The cache of the Hugging Face Hub's clients: where a file stands there says which model it
//! is, at which commit, while the file itself is called `model.onnx` like all others.

use std::path::Path;

use crate::model::facts::{Facts, fact};

/// Digits of a commit that are shown; so many do not collide in a repository.
const DIGITS: usize = 7;

/// Name and version of the model at `path`, if that is
/// `…/models--OWNER--NAME/snapshots/COMMIT/…`.
pub(crate) fn facts(path: &Path) -> Facts {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    let found = parts.windows(3).find_map(|parts| match parts {
        [repository, "snapshots", commit] => {
            let (_, name) = repository.strip_prefix("models--")?.split_once("--")?;
            Some((name, commit.get(..DIGITS)?))
        }
        _ => None,
    });
    let Some((name, commit)) = found else {
        return Facts::default();
    };
    Facts {
        name: fact(name.to_owned(), "the hub's repository"),
        version: fact(commit.to_owned(), "the hub's commit"),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::facts;
    use std::path::Path;

    #[test]
    fn a_cached_model_is_called_by_its_repository_and_its_commit() {
        let known = |path: &str| {
            let facts = facts(Path::new(path));
            facts
                .name
                .zip(facts.version)
                .map(|(n, v)| (n.value, v.value))
        };
        let folder = "/home/me/.cache/huggingface/hub/models--Xenova--resnet-50/snapshots";
        let named = Some(("resnet-50".into(), "0123456".into()));
        let file = "0123456789abcdef0123456789abcdef01234567/onnx/model.onnx";
        assert_eq!(known(&format!("{folder}/{file}")), named);
        assert_eq!(known("/snapshots/model.onnx"), None);
        assert_eq!(known("/home/me/models/model.onnx"), None);
    }
}
