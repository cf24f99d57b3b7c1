//! The live sources as others find them, by name: of each its newest state and its newest
//! picture. There is one slot for each of these, and whoever watches gets what is newest when
//! it can take it, so that ten viewers cost one encoding and a slow one costs nothing.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use tokio::sync::watch;

use super::preview::Shown;
use super::problem::Problem;
use crate::monitor::Desk;
use crate::pipeline::preprocess::Framing;

/// A live source: what it is called, and its two slots.
pub struct Live {
    /// Its name in addresses and metrics.
    pub(crate) name: String,
    /// Whether what is told of it has the name: it is one of several, or was given one.
    pub(crate) is_named: bool,
    /// What it was opened by, `camera:0`.
    pub(crate) source: String,
    /// Which part of its pictures is looked at, and which way up.
    pub(crate) framing: Framing,
    /// Where what is known of its picture and world lies, if it is watched.
    pub(crate) desk: Arc<Desk>,
    pub(crate) states: watch::Sender<Bytes>,
    pub(crate) pictures: watch::Sender<Shown>,
}

impl Live {
    /// Nothing was seen yet of this source.
    pub fn new(name: String, is_named: bool, source: String, framing: Framing) -> Self {
        Self {
            name,
            is_named,
            source,
            framing,
            desk: Arc::default(),
            states: watch::Sender::default(),
            pictures: watch::Sender::default(),
        }
    }

    /// Its name in addresses and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where what its monitor knows is put.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Streams being watched.
    pub(crate) fn viewers(&self) -> usize {
        self.pictures.receiver_count()
    }

    /// The name, if what is told has it.
    pub(crate) fn told_name(&self) -> Option<&str> {
        self.is_named.then_some(self.name.as_str())
    }

    /// The newest state as JSON, if there is one.
    pub(crate) fn state(&self) -> Option<Bytes> {
        let state = self.states.borrow().clone();
        (!state.is_empty()).then_some(state)
    }
}

/// All live sources of a service, in their order.
#[derive(Clone, Default)]
pub struct LiveSources(Arc<[Arc<Live>]>);

impl FromIterator<Live> for LiveSources {
    fn from_iter<T: IntoIterator<Item = Live>>(sources: T) -> Self {
        Self(sources.into_iter().map(Arc::new).collect())
    }
}

impl LiveSources {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Live>> {
        self.0.iter()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only one, if there is just one.
    pub(crate) fn alone(&self) -> Option<&Arc<Live>> {
        match &*self.0 {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The one that is asked for by its name, or all.
    ///
    /// # Errors
    /// There is no live source, or none that is called so.
    pub(crate) fn asked(&self, name: Option<&str>) -> Result<&[Arc<Live>], Problem> {
        let absent = |detail| Err(Problem::new(StatusCode::NOT_FOUND, detail));
        if self.is_empty() {
            return absent("the service was started without a live source".to_owned());
        }
        let Some(name) = name else {
            return Ok(&self.0);
        };
        match self.0.iter().find(|live| live.name == name) {
            Some(found) => Ok(std::slice::from_ref(found)),
            None => absent(format!(
                "no source is called `{name}`; there is {}",
                self.names()
            )),
        }
    }

    /// The one that is asked for; without a name, the only one.
    ///
    /// # Errors
    /// There is none, or several are there to choose from.
    pub(crate) fn asked_one(&self, name: Option<&str>) -> Result<&Arc<Live>, Problem> {
        match self.asked(name)? {
            [one] => Ok(one),
            several => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "there are {} sources, and one is expected: add ?source= and one of {}",
                    several.len(),
                    self.names()
                ),
            )),
        }
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|live| live.name.as_str()).collect();
        names.join(", ")
    }
}
