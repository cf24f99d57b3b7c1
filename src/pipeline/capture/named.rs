//! What live sources are called, `door=camera:0`: once there are several, people and
//! programs have to tell them apart, and an address or a number says little.

use std::ffi::OsStr;
use std::path::Path;

use super::SourceSpec;
use super::child::without_password;
use crate::error::{Error, Result};

/// Characters of a name at most.
const LONGEST: usize = 64;

/// A source, perhaps with the name that it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedSource {
    /// Letters, digits, `-` and `_`.
    pub name: Option<String>,
    /// The source.
    pub spec: SourceSpec,
}

impl NamedSource {
    /// Reads `NAME=SOURCE` or `SOURCE`. What stands before the first `=` is a name if it can
    /// be one, unless there is a file of that whole name: `a=b.jpg`.
    ///
    /// # Errors
    /// As [`SourceSpec::parse`].
    pub fn parse(text: &OsStr) -> Result<Self> {
        let named = text
            .to_str()
            .and_then(|text| text.split_once('='))
            .filter(|(name, _)| Self::is_name(name) && !Path::new(text).exists());
        let (name, spec) = match named {
            Some((name, source)) => (Some(name.to_owned()), source.parse()?),
            None => (None, SourceSpec::parse(text)?),
        };
        Ok(Self { name, spec })
    }

    /// The source as it may be shown: without a password.
    pub fn shown(&self) -> String {
        without_password(&self.spec.to_string())
    }

    /// Whether a source may be called so.
    pub fn is_name(text: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=LONGEST).contains(&text.len()) && text.chars().all(is_part)
    }
}

impl From<SourceSpec> for NamedSource {
    fn from(spec: SourceSpec) -> Self {
        Self { name: None, spec }
    }
}

/// What the sources of one run are called, each by another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names of `sources`, in their order. One without a name is called by its own text,
    /// with a number if another one is called so.
    ///
    /// # Errors
    /// Two were given one name; one stream is to be read twice.
    pub fn of(sources: &[NamedSource]) -> Result<Self> {
        for (place, source) in sources.iter().enumerate() {
            let before = &sources[..place];
            let same_name = |other: &&NamedSource| other.name == source.name;
            if let (Some(name), Some(_)) = (&source.name, before.iter().find(same_name)) {
                return Err(Error::usage(name, "two sources are called so")
                    .with_remedy("give each a name of its own"));
            }
            let is_stream = matches!(source.spec, SourceSpec::Stdin | SourceSpec::Path(_));
            if is_stream && before.iter().any(|other| other.spec == source.spec) {
                let name = source.spec.to_string();
                return Err(Error::usage(name, "two sources cannot read one stream")
                    .with_remedy("name it once"));
            }
        }
        let mut folders: Vec<String> = sources.iter().filter_map(|s| s.name.clone()).collect();
        let name = |source: &NamedSource| {
            if let Some(name) = &source.name {
                return name.clone();
            }
            let text = source.shown();
            let numbered = (2..).map(|number| format!("{text}#{number}"));
            let mut candidates = std::iter::once(text.clone()).chain(numbered);
            let name = candidates.find(|name| !folders.contains(&folder(name)));
            let name = name.unwrap_or(text);
            folders.push(folder(&name));
            name
        };
        Ok(Self(sources.iter().map(name).collect()))
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What a folder for the source `name` is called: no two of one run's [`Names`] share one.
pub fn folder(name: &str) -> String {
    let plain = |(place, c): (usize, char)| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
        '.' if place > 0 => c,
        _ => '_',
    };
    name.chars()
        .rev()
        .take(LONGEST)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .enumerate()
        .map(plain)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{NamedSource, Names, folder};

    fn parse(text: &str) -> NamedSource {
        NamedSource::parse(OsStr::new(text)).unwrap()
    }

    fn names(texts: &[&str]) -> crate::Result<Vec<String>> {
        let sources: Vec<NamedSource> = texts.iter().map(|text| parse(text)).collect();
        Names::of(&sources).map(|names| names.iter().map(str::to_owned).collect())
    }

    #[test]
    fn a_name_stands_before_the_first_equals_sign() {
        let long = "n".repeat(65) + "=camera:0";
        let cases = [
            ("door=camera:0", Some("door"), "camera:0"),
            ("Back-door_2=-", Some("Back-door_2"), "-"),
            ("yard=rtsp://x/?a=b", Some("yard"), "rtsp://x/?a=b"),
            ("a=b=c", Some("a"), "b=c"),
            ("rtsp://x/?a=b", None, "rtsp://x/?a=b"),
            ("http://u:p=q@x/", None, "http://u:p=q@x/"),
            ("synthetic:fps=30", None, "synthetic:fps=30"),
            ("./a=b.jpg", None, "./a=b.jpg"),
            ("front door=camera:0", None, "front door=camera:0"),
            ("=camera:0", None, "=camera:0"),
            (&long, None, &long),
            ("camera:0", None, "camera:0"),
        ];
        for (text, name, source) in cases {
            let parsed = parse(text);
            assert_eq!(parsed.name.as_deref(), name, "{text}");
            assert_eq!(parsed.spec.to_string(), source, "{text}");
        }
    }

    #[test]
    fn every_source_is_called_by_another_name() {
        assert_eq!(
            names(&["camera:0", "door=camera:1", "camera:0", "csi:0"]).unwrap(),
            ["camera:0", "door", "camera:0#2", "csi:0"]
        );
        assert_eq!(
            names(&["rtsp://me:secret@x/1", "a=rtsp://me:secret@x/2"]).unwrap(),
            ["rtsp://x/1", "a"]
        );
        // Their folders differ, too.
        assert_eq!(names(&["./a_b", "./a b"]).unwrap(), ["./a_b", "./a b#2"]);
        let refusals = [
            (
                &["a=camera:0", "a=camera:1"],
                "a: two sources are called so; give each a name of its own",
            ),
            (
                &["a=-", "b=-"],
                "-: two sources cannot read one stream; name it once",
            ),
        ];
        for (texts, expected) in refusals {
            assert_eq!(names(texts).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_folder_is_one_plain_name() {
        assert_eq!(folder("../x"), "_._x");
        assert_eq!(folder(".."), "_.");
        assert_eq!(folder("rtsp://x/1?a=b#2"), "rtsp___x_1_a_b_2");
        assert_eq!(folder(&"/".repeat(999)).len(), 64);
    }
}
