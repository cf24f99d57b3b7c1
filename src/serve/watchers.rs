//! How many may watch at a time: others are to get in, too, and one source that all want to
//! see must not keep the others from being seen.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::problem::Problem;

/// Readers of one slot at most.
const PER_SLOT: usize = 64;

/// Connections that may watch one kind of slot: pictures, or states.
pub(crate) struct Watchers {
    room: Arc<Semaphore>,
    most: usize,
}

impl Watchers {
    /// A quarter of all connections.
    pub(crate) fn new(connections: usize) -> Self {
        let most = (connections / 4).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            room: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Lets one more connection watch, for as long as it keeps the permit.
    ///
    /// # Errors
    /// There are as many as may be.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = self.room.clone().try_acquire_owned();
        permit.map_err(|_| Self::busy(self.most, self.most))
    }

    /// Has a connection read a slot.
    ///
    /// # Errors
    /// It has as many readers as it may have.
    pub(crate) fn subscribe<T>(
        &self,
        slot: &watch::Sender<T>,
    ) -> Result<watch::Receiver<T>, Problem> {
        let (present, most) = (slot.receiver_count(), self.most.min(PER_SLOT));
        if present >= most {
            return Err(Self::busy(present, most));
        }
        Ok(slot.subscribe())
    }

    fn busy(present: usize, most: usize) -> Problem {
        Problem::busy(format!("{present} watch already, at most {most} may"))
    }
}
