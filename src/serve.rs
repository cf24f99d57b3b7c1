//! The HTTP side: an API for pictures, and a page, a stream and metrics of a live source.
//! It runs on one thread of its own (tokio); pictures are classified on others, with a
//! bounded queue between them, and the live loop only ever hands over what is newest.
//!
//! ```text
//! listen → guard → upload → desk (classifies) → record or problem
//!                           live loop → live → events, stream
//! ```

mod desk;
mod guard;
mod linger;
mod listen;
mod live;
mod metrics;
mod openapi;
mod page;
mod painter;
mod predict;
mod problem;
mod routes;
mod upload;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};

use crate::audience::{Audience, Moment};
use crate::error::{Error, Result};
use crate::pipeline::live::Standing;
use crate::pipeline::write::Context;
pub use desk::{Desk, DeskOptions, Made};
pub use guard::Token;
pub use live::{Broadcaster, Live, ViewOptions};
pub use metrics::{Meter, Metrics};
use problem::Problem;

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

/// What the model says of itself, ready to be sent.
pub struct Presented {
    /// What its records have in common.
    pub context: Context,
    /// SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// What `ocelli inspect --json` prints.
    pub document: Bytes,
}

/// What all requests share.
pub struct House {
    /// Classifies pictures one by one.
    pub desk: Desk,
    /// Classifies them in batches, where that is wished for.
    pub batches: Option<Desk>,
    /// The live source, if there is one.
    pub live: Option<Arc<Live>>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Classes per record unless a request says otherwise.
    pub top_k: usize,
    /// There once the model is proved and everything is warm.
    presented: RwLock<Option<Arc<Presented>>>,
    started: Instant,
}

impl House {
    /// A house that is not ready yet.
    pub fn new(
        desk: Desk,
        batches: Option<Desk>,
        live: Option<Arc<Live>>,
        metrics: Arc<Metrics>,
        top_k: usize,
    ) -> Self {
        Self {
            desk,
            batches,
            live,
            metrics,
            top_k,
            presented: RwLock::default(),
            started: Instant::now(),
        }
    }

    /// The house is ready; this model is served from now on.
    pub fn present(&self, presented: Presented) {
        self.metrics.present(&presented);
        *self
            .presented
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(presented));
    }

    /// The model, if everything is ready.
    fn presented(&self) -> Option<Arc<Presented>> {
        self.presented
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The model.
    ///
    /// # Errors
    /// It is not ready yet.
    fn served(&self) -> std::result::Result<Arc<Presented>, Problem> {
        self.presented()
            .ok_or_else(|| Problem::busy("the model is being loaded and proved"))
    }
}

/// A house, and what a request may cost it.
struct Service {
    house: Arc<House>,
    token: Option<Token>,
    local_only: bool,
    max_body: usize,
    max_connections: usize,
    patience: Duration,
    /// Bytes of uploads that may be in memory.
    budget: Arc<Semaphore>,
    /// Turns true when the end is near.
    closing: watch::Receiver<bool>,
}

/// Bodies of the largest size that are held at a time; more smaller ones.
const BODIES: usize = 8;

/// A running service. Dropping it drains what was accepted.
pub struct Server {
    closing: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and answers from then on.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn start(options: ServerOptions, house: Arc<House>) -> Result<Self> {
        let place = options.listen.to_string();
        let failed = |e: std::io::Error| {
            Error::usage(&place, "cannot be listened on")
                .caused_by(e)
                .remedy("name another address with --listen")
        };
        listen::raise_limit();
        let listener = TcpListener::bind(options.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let scheme = if options.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let (closing, closes) = watch::channel(false);
        let budget = options.max_body.saturating_mul(BODIES);
        let stands_back = house.live.is_some();
        let service = Service {
            house,
            token: options.token,
            local_only: options.local_only,
            max_body: options.max_body,
            max_connections: options.max_connections,
            patience: options.patience,
            budget: Arc::new(Semaphore::new(budget.min(Semaphore::MAX_PERMITS))),
            closing: closes.clone(),
        };
        let app = routes::router(Arc::new(service), options.origins);
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
                if stands_back {
                    stand_back();
                }
                runtime.block_on(listen::serve(listener, options.tls, app, limits, closes))
            })
            .map_err(failed)?;
        log::info!("listening on {scheme}://{address}");
        Ok(Self {
            closing,
            thread: Some(thread),
        })
    }

    /// Whether it still answers.
    ///
    /// # Errors
    /// Its thread is over.
    pub fn check(&self) -> Result<()> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            return Err(Error::engine("HTTP", "the service's thread died")
                .remedy("this is a fault of the program: report it with the message above"));
        }
        Ok(())
    }
}

/// Ends the loop when the service is over.
pub struct Pulse(pub Arc<Server>);

impl Audience for Pulse {
    fn moment(&mut self, _moment: &Moment) -> Result<()> {
        Ok(())
    }

    fn standing(&mut self, _standing: &Standing) -> Result<()> {
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

/// Lets the live loop go first on a busy processor: for threads that serve others.
pub fn stand_back() {
    const NICE: i32 = 19;
    // On Linux this is the calling thread; where it is refused, all are equal.
    let _ = rustix::process::setpriority_process(None, NICE);
}
