//! Connections. Each has to say what it wants in time; where there are too many, the one
//! that has been silent for longest makes room, so that ten thousand idle connections do
//! not keep out the one that has a question.

use std::net::TcpListener;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connections::{Connection, Connections, TrackedBody};
use super::linger::Lingering;
use crate::throttle::ThrottledLog;

/// Pause after the system refused a connection, for want of descriptors mostly.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a client may leave what was sent to it untaken, in milliseconds.
#[cfg(target_os = "linux")]
const UNTAKEN: u32 = 30_000;

/// What connections may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How many there may be.
    pub(crate) connections: usize,
    /// How long one may take to say what it wants.
    pub(crate) patience: Duration,
    /// How long those with a request may go on once the end was asked for.
    pub(crate) drain: Duration,
}

/// Lets the process have as many descriptors as the system allows it: each connection
/// takes one, and the usual limit of 1024 is meant for programs that use `select`.
pub(crate) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            log::debug!("the limit of open files stays: {error}");
        }
    }
}

/// Accepts connections until `closing` turns true, then lets those with a request finish.
pub(crate) async fn serve(
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
    let connections = Arc::new(Connections::default());
    let mut refused = ThrottledLog::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                refused.warn(format_args!("a connection is refused: {error}"));
                connections.make_room(connections.len());
                sleep(PAUSE).await;
                continue;
            }
        };
        if !connections.make_room(limits.connections) {
            refused.warn("a connection is refused: all others are busy");
            continue;
        }
        let connection = connections.register();
        let number = connection.number;
        let task = tokio::spawn(attend(
            stream,
            tls.clone(),
            app.clone(),
            limits.patience,
            (graceful.watcher(), closing.clone()),
            connection,
        ));
        connections.set_handle(number, task.abort_handle());
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
    connection: Connection,
) {
    // Answers are short, and a viewer who does not look is let go.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream.as_fd(), UNTAKEN);
    let stream = Lingering::new(stream);
    match tls {
        None => converse(stream, app, patience, watcher, connection).await,
        Some(tls) => {
            let shaken = tokio::select! {
                shaken = timeout(patience, tls.accept(stream)) => shaken,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            if let Ok(Ok(stream)) = shaken {
                converse(stream, app, patience, watcher, connection).await;
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    app: Router,
    patience: Duration,
    watcher: Watcher,
    connection: Connection,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(|request: Request<Incoming>| {
        let active = connection.begin();
        let answer = app.call(request.map(Body::new));
        async move {
            let response = answer.await?;
            Ok::<_, std::convert::Infallible>(response.map(|body| TrackedBody {
                body,
                _active: active,
            }))
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
