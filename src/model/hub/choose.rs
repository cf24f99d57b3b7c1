//! Which of a repository's files is the model, and which ones say something about it.

use std::path::Path;

use super::cache::slashed;
use super::name::ModelName;
use crate::error::{Error, Result};
use crate::model::foreign::companions;
use crate::model::foreign::huggingface::MODELS;

/// Files that a message lists.
const LISTED: usize = 8;

/// The model among `files`, and what has to be said of the choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its name.
    pub(super) file: String,
    /// The ONNX files that were not taken.
    pub(super) others: Vec<String>,
}

impl Choice {
    /// Chooses the file that `name` says, else the usual one, else the only one. `holder` is
    /// who has the files.
    ///
    /// # Errors
    /// There is none, or there are several and nothing says which.
    pub(super) fn among<'a>(
        files: impl Iterator<Item = &'a str>,
        name: &ModelName,
        holder: &str,
    ) -> Result<Self> {
        let mut networks: Vec<&str> = files.filter(|file| is_network(file)).collect();
        networks.sort_unstable();
        let place = name.to_string();
        if networks.is_empty() {
            return Err(
                Error::model(place, format!("{holder} has no ONNX file")).with_remedy(format!(
                    "export one, `optimum-cli export onnx -m {} DIR`, and name DIR; or look for a repository that has one",
                    name.repository
                )),
            );
        }
        let example = name.with_file(networks[0]);
        let taken = match &name.file {
            Some(wanted) => named(&networks, wanted).ok_or_else(|| {
                Error::model(place, format!("{holder} has no ONNX file `{wanted}`"))
                    .with_found(list(&networks))
                    .with_remedy(format!("name one of them, such as {example}"))
            })?,
            None => usual(&networks).ok_or_else(|| {
                Error::model(
                    place,
                    format!(
                        "{holder} has several ONNX files and no {}",
                        MODELS.join(" or ")
                    ),
                )
                .with_found(list(&networks))
                .with_remedy(format!("name one of them, such as {example}"))
            })?,
        };
        // Who names a file knows of the others.
        let others = networks.iter().filter(|_| name.file.is_none());
        Ok(Self {
            file: taken.to_owned(),
            others: others
                .filter(|file| **file != taken)
                .map(|file| (*file).to_owned())
                .collect(),
        })
    }

    /// The files that would be taken before this one, if there were any of them.
    pub(super) fn before(&self, name: &ModelName) -> impl Iterator<Item = &'static str> {
        let usual = if name.file.is_none() {
            &MODELS[..]
        } else {
            &[]
        };
        let taken = usual.iter().position(|file| *file == self.file);
        usual[..taken.unwrap_or(usual.len())].iter().copied()
    }

    /// The choice in words, if there was one.
    pub(super) fn told(&self, name: &ModelName) -> Option<String> {
        let other = name.with_file(self.others.first()?);
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        Some(format!(
            "{name}: {} is taken; there are {}, too: choose with a name such as {other}",
            self.file,
            list(&others)
        ))
    }
}

fn is_network(file: &str) -> bool {
    let extension = file.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

/// The file called `wanted`; without its folder, if that leaves no doubt.
fn named<'a>(networks: &[&'a str], wanted: &str) -> Option<&'a str> {
    let exact = networks.iter().find(|file| **file == wanted);
    let ending = format!("/{wanted}");
    let mut inside = networks.iter().filter(|file| file.ends_with(&ending));
    exact
        .or_else(|| inside.next().filter(|_| inside.next().is_none()))
        .copied()
}

fn usual<'a>(networks: &[&'a str]) -> Option<&'a str> {
    let known = |default: &&str| networks.iter().find(|file| *file == default);
    let only = networks.first().filter(|_| networks.len() == 1);
    MODELS.iter().find_map(known).or(only).copied()
}

fn list(files: &[&str]) -> String {
    let shown = files[..files.len().min(LISTED)].join(", ");
    match files.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What may say something about the model `file`, whether or not it is there, as the
/// repository calls it.
pub(super) fn companions(file: &str) -> Vec<String> {
    let paths = companions::companions(Path::new(file)).into_iter();
    paths.map(|path| slashed(&path)).collect()
}

/// The name in the repository of what the model `file` calls `location`.
pub(super) fn beside(file: &str, location: &str) -> String {
    slashed(&Path::new(file).with_file_name(location))
}

#[cfg(test)]
mod tests {
    use super::{Choice, beside, companions};

    fn choose(name: &str, files: &[&str]) -> Result<String, String> {
        let chosen = Choice::among(
            files.iter().copied(),
            &name.parse().unwrap(),
            "the repository",
        );
        chosen.map(|c| c.file).map_err(|e| e.to_string())
    }

    #[test]
    fn the_usual_file_is_taken_or_the_only_one_or_the_one_that_is_named() {
        let many = [
            "config.json",
            "onnx/model_fp16.onnx",
            "onnx/model.onnx",
            "model.onnx_data",
            "a/b.onnx",
        ];
        let taken = |name: &str, files: &[&str]| choose(name, files).unwrap();
        assert_eq!(taken("hf:a/b", &many), "onnx/model.onnx");
        assert_eq!(
            taken("hf:a/b", &["onnx/model.onnx", "model.onnx"]),
            "model.onnx"
        );
        assert_eq!(
            taken("hf:a/b", &["x/resnet.ONNX", "y.txt"]),
            "x/resnet.ONNX"
        );
        assert_eq!(
            taken("hf:a/b:onnx/model_fp16.onnx", &many),
            "onnx/model_fp16.onnx"
        );
        assert_eq!(
            taken("hf:a/b:model_fp16.onnx", &many),
            "onnx/model_fp16.onnx"
        );
    }

    #[test]
    fn no_file_is_taken_on_a_guess() {
        let told = |name: &str, files: &[&str]| choose(name, files).unwrap_err();
        assert_eq!(
            told("hf:a/b", &["model.safetensors"]),
            "hf:a/b: the repository has no ONNX file; export one, `optimum-cli export onnx -m a/b DIR`, and name DIR; or look for a repository that has one"
        );
        assert_eq!(
            told("hf:a/b@v1", &["y.onnx", "x.onnx"]),
            "hf:a/b@v1: the repository has several ONNX files and no model.onnx or onnx/model.onnx, found x.onnx, y.onnx; name one of them, such as hf:a/b@v1:x.onnx"
        );
        assert_eq!(
            told("hf:a/b:z.onnx", &["y.onnx", "x.onnx"]),
            "hf:a/b:z.onnx: the repository has no ONNX file `z.onnx`, found x.onnx, y.onnx; name one of them, such as hf:a/b:x.onnx"
        );
        assert!(
            told("hf:a/b:m.onnx", &["x/m.onnx", "y/m.onnx"]).contains("has no ONNX file `m.onnx`")
        );
    }

    #[test]
    fn a_choice_says_how_to_choose_otherwise() {
        let name = "hf:a/b".parse().unwrap();
        let files = ["onnx/model_int8.onnx", "onnx/model.onnx"];
        let choice = Choice::among(files.into_iter(), &name, "the repository").unwrap();
        assert_eq!(
            choice.told(&name).unwrap(),
            "hf:a/b: onnx/model.onnx is taken; there are onnx/model_int8.onnx, too: choose with a name such as hf:a/b:onnx/model_int8.onnx"
        );
        let only = Choice::among(["m.onnx"].into_iter(), &name, "the repository").unwrap();
        assert_eq!(only.told(&name), None);
    }

    #[test]
    fn facts_are_looked_for_beside_the_model_and_above() {
        let names = companions("onnx/model.onnx");
        for name in [
            "onnx/model.labels.txt",
            "onnx/config.json",
            "config.json",
            "preprocessor_config.json",
            "processor_config.json",
            "labels.txt",
            "class_indices.json",
        ] {
            assert!(names.iter().any(|n| n == name), "{name}: {names:?}");
        }
        let is_elsewhere = |name: &String| name.contains('/');
        assert!(!companions("m.onnx").iter().any(is_elsewhere));
        let names = companions("a/b/m.onnx");
        assert!(
            names.iter().all(|name| name.starts_with("a/b/")),
            "{names:?}"
        );
        assert_eq!(
            beside("onnx/model.onnx", "model.onnx_data"),
            "onnx/model.onnx_data"
        );
        assert_eq!(beside("model.onnx", "w.bin"), "w.bin");
    }
}
