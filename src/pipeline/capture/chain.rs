//! Sources one after the other.

use super::{Frame, Pull, Source};

/// Several sources as one.
pub(crate) struct Chain {
    sources: std::vec::IntoIter<Box<dyn Source>>,
    current: Option<Box<dyn Source>>,
}

impl Chain {
    /// The sources in their order.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>) -> Self {
        Self {
            sources: sources.into_iter(),
            current: None,
        }
    }
}

impl Source for Chain {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            if self.current.is_none() {
                self.current = self.sources.next();
            }
            match self.current.as_mut().map(|source| source.next(frame)) {
                None => return Pull::End,
                Some(Pull::End) => self.current = None,
                Some(pull) => return pull,
            }
        }
    }
}
