//! Connections. Each has to say what it wants in time; where there are too many, the one
//! that has been silent for longest makes room, so that ten thousand idle connections do
//! not keep out the one that has a question.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::linger::Lingering;
use crate::seldom::Seldom;

/// Pause after the system refused a connection, for want of descriptors mostly.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a client may leave what was sent to it untaken, in milliseconds.
const UNTAKEN: u32 = 30_000;

/// What connections may cost.
#[derive(Clone, Copy)]
pub struct Limits {
    /// How many there may be.
    pub connections: usize,
    /// How long one may take to say what it wants.
    pub patience: Duration,
    /// How long those with a request may go on once the end was asked for.
    pub drain: Duration,
}

/// Lets the process have as many descriptors as the system allows it: each connection
/// takes one, and the usual limit of 1024 is meant for programs that use `select`.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::debug!("the limit of open files stays: {error}");
    }
}

/// Accepts connections until `closing` turns true, then lets those with a request finish.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    app: Router,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log::error!("the service cannot listen: {error}"),
    };
    let tls = tls.map(TlsAcceptor::from);
    let graceful = GracefulShutdown::new();
    let crowd = Arc::new(Crowd::default());
    let mut refused = Seldom::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                refused.warn(format_args!("a connection is refused: {error}"));
                crowd.make_room(crowd.len());
                sleep(PAUSE).await;
                continue;
            }
        };
        if !crowd.make_room(limits.connections) {
            refused.warn("a connection is refused: all others are busy");
            continue;
        }
        let member = crowd.enter();
        let number = member.number;
        let task = tokio::spawn(attend(
            stream,
            tls.clone(),
            app.clone(),
            limits.patience,
            (graceful.watcher(), closing.clone()),
            member,
        ));
        crowd.set_handle(number, task.abort_handle());
    }
    drop(listener);
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        log::warn!("some requests are not finished and are given up");
    }
}

async fn attend(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    app: Router,
    patience: Duration,
    (watcher, mut closing): (Watcher, watch::Receiver<bool>),
    member: Member,
) {
    // Answers are short, and a viewer who does not look is let go.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream.as_fd(), UNTAKEN);
    let stream = Lingering::new(stream);
    match tls {
        None => converse(stream, app, patience, watcher, member).await,
        Some(tls) => {
            let shaken = tokio::select! {
                shaken = timeout(patience, tls.accept(stream)) => shaken,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            if let Ok(Ok(stream)) = shaken {
                converse(stream, app, patience, watcher, member).await;
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    app: Router,
    patience: Duration,
    watcher: Watcher,
    member: Member,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(|request: Request<Incoming>| {
        let busy = member.begin();
        let answer = app.call(request.map(Body::new));
        async move {
            let response = answer.await?;
            Ok::<_, std::convert::Infallible>(response.map(|body| Attended { body, _busy: busy }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        log::debug!("a connection broke: {error}");
    }
}

/// Everyone who is connected.
#[derive(Default)]
struct Crowd {
    members: Mutex<HashMap<u64, State>>,
    next: AtomicU64,
}

struct State {
    /// Since when there is no request, if there is none.
    idle: Option<Instant>,
    handle: Option<AbortHandle>,
}

impl Crowd {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, State>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn enter(self: &Arc<Self>) -> Member {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let state = State {
            idle: Some(Instant::now()),
            handle: None,
        };
        self.lock().insert(number, state);
        Member {
            crowd: self.clone(),
            number,
        }
    }

    fn set_handle(&self, number: u64, handle: AbortHandle) {
        if let Some(state) = self.lock().get_mut(&number) {
            state.handle = Some(handle);
        }
    }

    /// Sends away whoever has been idle for longest, until there is room for one more;
    /// false if all are busy.
    fn make_room(&self, limit: usize) -> bool {
        let mut members = self.lock();
        while members.len() >= limit {
            let idle = members
                .iter()
                .filter_map(|(number, state)| Some((state.idle?, *number)));
            let Some((_, number)) = idle.min() else {
                return false;
            };
            if let Some(handle) = members.remove(&number).and_then(|state| state.handle) {
                handle.abort();
            }
        }
        true
    }
}

/// One of them, for as long as the connection lasts.
struct Member {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Member {
    /// A request begins.
    fn begin(&self) -> Busy {
        self.set_idle(None);
        Busy {
            crowd: self.crowd.clone(),
            number: self.number,
        }
    }

    fn set_idle(&self, idle: Option<Instant>) {
        if let Some(state) = self.crowd.lock().get_mut(&self.number) {
            state.idle = idle;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crowd.lock().remove(&self.number);
    }
}

/// A request, until its answer is sent.
struct Busy {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(state) = self.crowd.lock().get_mut(&self.number) {
            state.idle = Some(Instant::now());
        }
    }
}

/// The body of an answer, whose connection is busy until it is sent.
struct Attended {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Attended {
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
