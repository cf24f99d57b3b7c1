//! The registry of open connections: which are idle, and which makes room for another.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// All open connections.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, State>>,
    next: AtomicU64,
}

struct State {
    /// Since when there is no request, if there is none.
    idle: Option<Instant>,
    handle: Option<AbortHandle>,
}

impl Connections {
    pub(crate) fn len(&self) -> usize {
        self.open.lock().len()
    }

    pub(crate) fn register(self: &Arc<Self>) -> Connection {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let state = State {
            idle: Some(Instant::now()),
            handle: None,
        };
        self.open.lock().insert(number, state);
        Connection {
            connections: self.clone(),
            number,
        }
    }

    pub(crate) fn set_handle(&self, number: u64, handle: AbortHandle) {
        if let Some(state) = self.open.lock().get_mut(&number) {
            state.handle = Some(handle);
        }
    }

    /// Closes what has been idle for longest, until there is room for one more; false if
    /// all are busy.
    pub(crate) fn make_room(&self, limit: usize) -> bool {
        let mut open = self.open.lock();
        while open.len() >= limit {
            let idle = open
                .iter()
                .filter_map(|(number, state)| Some((state.idle?, *number)));
            let Some((_, number)) = idle.min() else {
                return false;
            };
            if let Some(handle) = open.remove(&number).and_then(|state| state.handle) {
                handle.abort();
            }
        }
        true
    }
}

/// An open connection, registered for as long as it lasts.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    pub(crate) number: u64,
}

impl Connection {
    /// A request begins.
    pub(crate) fn begin(&self) -> ActiveRequest {
        self.set_idle(None);
        ActiveRequest {
            connections: self.connections.clone(),
            number: self.number,
        }
    }

    fn set_idle(&self, idle: Option<Instant>) {
        if let Some(state) = self.connections.open.lock().get_mut(&self.number) {
            state.idle = idle;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.number);
    }
}

/// A request, until its answer is sent.
pub(crate) struct ActiveRequest {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if let Some(state) = self.connections.open.lock().get_mut(&self.number) {
            state.idle = Some(Instant::now());
        }
    }
}

/// The body of an answer, whose connection is busy until it is sent.
pub(crate) struct TrackedBody {
    /// The body itself.
    pub(crate) body: Body,
    /// Ends with it.
    pub(crate) _active: ActiveRequest,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
