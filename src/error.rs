//! One error type, because a person acts on the text: what kind of thing failed, where,
//! what was found instead of what was expected, and what mends it.

use std::error::Error as StdError;
use std::fmt;

/// What sort of thing went wrong; `main` turns it into the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or a configuration asks for something impossible.
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
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    place: String,
    what: String,
    remedy: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` at `place` (a file, a flag, a fact); `what` says expected and found.
    pub fn new(kind: ErrorKind, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            kind,
            place: place.into(),
            what: what.into(),
            remedy: None,
            source: None,
        }
    }

    /// An impossible wish on the command line.
    pub fn usage(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, place, what)
    }

    /// A model that cannot be used.
    pub fn model(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Model, place, what)
    }

    /// An engine that cannot be loaded or run.
    pub fn engine(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Engine, place, what)
    }

    /// An input that cannot be used.
    pub fn input(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, place, what)
    }

    /// A result that cannot be written.
    pub fn output(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Output, place, what)
    }

    /// Adds what mends it, as an instruction.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether this is only a reader that closed its end of our standard output.
    pub fn is_closed_pipe(&self) -> bool {
        self.io()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// Whether the system failed to read or write.
    pub fn is_io(&self) -> bool {
        self.io().is_some()
    }

    fn io(&self) -> Option<&std::io::Error> {
        self.source.as_deref().and_then(|e| e.downcast_ref())
    }
}

impl fmt::Display for Error {
    /// `place: what: cause; remedy`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        let mut cause: Option<&(dyn StdError + 'static)> = self.source.as_deref().map(|e| e as _);
        while let Some(error) = cause {
            write!(f, ": {}", error.to_string().trim())?;
            cause = error.source();
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

// The chain is already in the text: offering it again would print it twice.
impl StdError for Error {}
