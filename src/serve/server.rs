//! Starting and ending the service.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};

use super::state::{Api, AppState};
use super::token::Token;
use super::watchers::Watchers;
use super::{listen, routes};
use crate::error::{Error, Result};
use crate::priority::lower_priority;
use crate::session::{FrameEvent, LoopStats, Observer};

/// How long what was accepted may take after the end was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// How the service listens, and what it takes.
pub struct ServerOptions {
    /// Where it listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// How long a client may take to send a request, and an answer to be found.
    pub patience: Duration,
    /// Connections at a time.
    pub max_connections: usize,
    /// What clients have to know, if anything.
    pub token: Option<Token>,
    /// Whether only clients count that ask for this machine by its own name, so that no
    /// page from elsewhere gets in by giving its name this machine's address.
    pub local_only: bool,
    /// What it shows of itself, if connections are encrypted.
    pub tls: Option<Arc<ServerConfig>>,
    /// Origins whose pages may use it; `*` for all.
    pub origins: Vec<String>,
}

impl ServerOptions {
    /// For this machine only, at `listen`: bodies up to 20 MB, 10 s per request, 1024
    /// connections.
    pub fn local(listen: SocketAddr) -> Self {
        Self {
            listen,
            max_body: 20_000_000,
            patience: Duration::from_secs(10),
            max_connections: 1024,
            token: None,
            local_only: true,
            tls: None,
            origins: Vec::new(),
        }
    }

    /// How its addresses begin.
    fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// Bodies of the largest size that are held at a time; more smaller ones.
const BODIES: usize = 8;

/// A running service. Dropping it drains what was accepted.
pub struct Server {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and answers from then on.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn start(options: ServerOptions, app: Arc<AppState>) -> Result<Self> {
        let place = options.listen.to_string();
        let failed = |e: std::io::Error| {
            Error::usage(&place, "cannot be listened on")
                .caused_by(e)
                .with_remedy("name another address")
                .with_settings(&["listen"])
        };
        listen::raise_limit();
        let listener = TcpListener::bind(options.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let scheme = options.scheme();
        let (closing, closes) = watch::channel(false);
        let budget = options.max_body.saturating_mul(BODIES);
        let low_priority = !app.live.is_empty();
        let api = Api {
            app,
            token: options.token,
            local_only: options.local_only,
            max_body: options.max_body,
            readers: Watchers::new(options.max_connections),
            viewers: Watchers::new(options.max_connections),
            patience: options.patience,
            budget: Arc::new(Semaphore::new(budget.min(Semaphore::MAX_PERMITS))),
            closing: closes.clone(),
        };
        let router = routes::router(Arc::new(api), options.origins);
        let limits = listen::Limits {
            connections: options.max_connections,
            patience: options.patience,
            drain: DRAIN,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let thread = thread::Builder::new()
            .name("http".into())
            .spawn(move || {
                if low_priority {
                    lower_priority();
                }
                runtime.block_on(listen::serve(listener, options.tls, router, limits, closes))
            })
            .map_err(failed)?;
        log::info!("listening on {scheme}://{address}");
        Ok(Self {
            address,
            closing,
            thread: Some(thread),
        })
    }

    /// Where it listens: which port, too, if any free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it still answers.
    ///
    /// # Errors
    /// Its thread is over.
    pub fn check(&self) -> Result<()> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            return Err(Error::engine("HTTP", "the service's thread died")
                .with_remedy("this is a fault of the program: report it with the message above"));
        }
        Ok(())
    }
}

/// Ends a live session when the service is over.
pub struct ServerCheck(pub Arc<Server>);

impl Observer for ServerCheck {
    fn on_frame(&mut self, _event: &FrameEvent) -> Result<()> {
        Ok(())
    }

    fn on_stats(&mut self, _stats: &LoopStats) -> Result<()> {
        self.0.check()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the service's thread died");
        }
    }
}
