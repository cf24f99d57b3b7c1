//! One error type, because a person acts on the text: what kind of thing failed, where,
//! what was found instead of what was expected, and what mends it. Programs get the same
//! piece by piece.

use std::error::Error as StdError;
use std::fmt;

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something impossible is asked for.
    Usage,
    /// The model file, or a fact about it, cannot be used.
    Model,
    /// An inference engine could not be loaded or failed while running.
    Engine,
    /// One input (a file, a frame) cannot be used; the next one may be fine.
    Input,
    /// Writing results failed.
    Output,
}

/// An error with its place and its remedy.
///
/// Its text is `place: problem, expected …, found …; remedy`, on one line. What caused it
/// is its [`source`](StdError::source); `{:#}` puts the causes into the line as well:
///
/// ```
/// let error = ocelli::Classifier::open("no-such.onnx").unwrap_err();
/// assert_eq!(error.kind(), ocelli::ErrorKind::Model);
/// assert_eq!(error.place(), "no-such.onnx");
/// assert_eq!(error.problem(), "the model cannot be read");
/// assert_eq!(error.remedy(), Some("name an ONNX file, a Hugging Face folder, or hf:OWNER/NAME, a model of the hub"));
/// assert!(format!("{error:#}").contains("No such file"));
/// ```
#[derive(Debug)]
pub struct Error(Box<Parts>);

/// On the heap, because results are passed around far more often than errors.
#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    place: String,
    problem: String,
    expected: Option<String>,
    found: Option<String>,
    remedy: Option<String>,
    settings: Vec<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` at `place`: a file, an option, a fact.
    pub fn new(kind: ErrorKind, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            place: place.into(),
            problem: problem.into(),
            expected: None,
            found: None,
            remedy: None,
            settings: Vec::new(),
            source: None,
        }))
    }

    /// Something impossible is asked for.
    pub fn usage(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, place, problem)
    }

    /// A model that cannot be used.
    pub fn model(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Model, place, problem)
    }

    /// An engine that cannot be loaded or run.
    pub fn engine(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Engine, place, problem)
    }

    /// An input that cannot be used.
    pub fn input(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, place, problem)
    }

    /// A result that cannot be written.
    pub fn output(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Output, place, problem)
    }

    /// Adds what should have been there.
    #[must_use]
    pub fn with_expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// Adds what was there instead.
    #[must_use]
    pub fn with_found(mut self, found: impl Into<String>) -> Self {
        self.0.found = Some(found.into());
        self
    }

    /// Adds what mends it, as an instruction.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Adds which settings mend it, by their names in the manifest or in the options.
    #[must_use]
    pub fn with_settings(mut self, settings: &[&'static str]) -> Self {
        self.0.settings = settings.to_vec();
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where: a file, an option, a fact.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// What is wrong there.
    pub fn problem(&self) -> &str {
        &self.0.problem
    }

    /// What should have been there, where that is not part of the problem's own sentence.
    pub fn expected(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// What was there instead, where that is not part of the problem's own sentence.
    pub fn found(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    /// What mends it, as an instruction.
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }

    /// Which settings mend it, by their names in the manifest (`input.layout`) or in the
    /// options (`max_pixels`). A program that has names of its own for them can say those.
    pub fn settings(&self) -> &[&'static str] {
        &self.0.settings
    }

    /// Whether this is only a reader that closed its end of our output.
    pub fn is_closed_pipe(&self) -> bool {
        self.io()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// Whether the system failed to read or write.
    pub fn is_io(&self) -> bool {
        self.io().is_some()
    }

    fn io(&self) -> Option<&std::io::Error> {
        self.0.source.as_deref().and_then(|e| e.downcast_ref())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.place, self.0.problem)?;
        if let Some(expected) = &self.0.expected {
            write!(f, ", expected {expected}")?;
        }
        if let Some(found) = &self.0.found {
            write!(f, ", found {found}")?;
        }
        if f.alternate() {
            let causes = std::iter::successors(self.source(), |error| (*error).source());
            for cause in causes {
                write!(f, ": {}", cause.to_string().trim())?;
            }
        }
        if let Some(remedy) = &self.0.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind};
    use std::error::Error as _;

    #[test]
    fn every_part_can_be_had_alone_and_the_line_has_them_all() {
        let error = Error::model("m.onnx", "the opset is too new")
            .with_expected("at most 17")
            .with_found("21")
            .with_remedy("export it again")
            .with_settings(&["input.layout"])
            .caused_by(std::io::Error::other("the cause"));
        assert_eq!(error.kind(), ErrorKind::Model);
        assert_eq!(error.place(), "m.onnx");
        assert_eq!(error.problem(), "the opset is too new");
        assert_eq!(error.expected(), Some("at most 17"));
        assert_eq!(error.found(), Some("21"));
        assert_eq!(error.remedy(), Some("export it again"));
        assert_eq!(error.settings(), ["input.layout"]);
        assert_eq!(error.source().unwrap().to_string(), "the cause");
        let line = "m.onnx: the opset is too new, expected at most 17, found 21";
        assert_eq!(error.to_string(), format!("{line}; export it again"));
        assert_eq!(
            format!("{error:#}"),
            format!("{line}: the cause; export it again")
        );
    }
}
