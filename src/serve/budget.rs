//! The memory that uploads may take: a request holds its share until everything is done that
//! came with it.

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory that a request holds until everything is done that came with it.
pub(crate) type Held = Arc<Mutex<Option<OwnedSemaphorePermit>>>;

/// Why a body is not read on.
#[derive(Debug)]
pub(crate) enum Refused {
    TooLarge,
    NoMemory,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is too large",
            Self::NoMemory => "other uploads fill the memory",
        })
    }
}

impl std::error::Error for Refused {}

/// A body that is counted as it comes, whatever is in it: within its own limit, and within
/// that of all uploads together.
pub(crate) struct Metered {
    /// What comes.
    pub(crate) body: Body,
    /// Bytes that may still come.
    pub(crate) left: usize,
    /// Of all uploads.
    pub(crate) budget: Arc<Semaphore>,
    /// What this one takes of it.
    pub(crate) held: Held,
}

impl Metered {
    /// The next bytes.
    pub(crate) async fn next(mut self) -> Option<(Result<Bytes, axum::BoxError>, Self)> {
        loop {
            let data = match self.body.frame().await?.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => data,
                // Trailers are of no interest.
                Ok(Err(_)) => continue,
                Err(error) => return Some((Err(error.into()), self)),
            };
            return Some((self.take(data).map_err(Into::into), self));
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Bytes, Refused> {
        self.left = self.left.checked_sub(data.len()).ok_or(Refused::TooLarge)?;
        let share = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let more = self.budget.clone().try_acquire_many_owned(share);
        let more = more.map_err(|_| Refused::NoMemory)?;
        let mut held = self.held.lock();
        match &mut *held {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(data)
    }
}
