//! A retrained model without a gap: on SIGHUP it is read anew beside the one that runs,
//! has to pass its own proof, and takes over between two frames. If it does not pass, the
//! old one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::Pipeline;

/// A model that is ready to take over.
pub struct Successor {
    /// What it says of itself.
    pub model: Arc<Model>,
    /// It, on its engine, warmed up.
    pub pipeline: Pipeline,
}

/// Makes successors on request.
pub struct Reload {
    asked: Arc<AtomicBool>,
    make: Arc<dyn Fn() -> Result<Successor> + Send + Sync>,
    coming: Option<Receiver<Result<Successor>>>,
}

/// What has come of a request.
pub enum News {
    /// Nothing new.
    None,
    /// A successor is being made.
    Asked,
    /// It is ready.
    Ready(Box<Successor>),
    /// It is no good.
    Failed(Error),
}

impl Reload {
    /// Makes a successor by `make` whenever SIGHUP comes.
    ///
    /// # Errors
    /// The signal cannot be handled.
    pub fn new(make: impl Fn() -> Result<Successor> + Send + Sync + 'static) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGHUP, asked.clone())
            .map_err(|e| Error::usage("SIGHUP", "cannot be handled").caused_by(e))?;
        Ok(Self {
            asked,
            make: Arc::new(make),
            coming: None,
        })
    }

    /// Looks for requests and for what has come of them; never waits.
    pub fn poll(&mut self) -> News {
        if let Some(coming) = &self.coming {
            let news = match coming.try_recv() {
                Err(TryRecvError::Empty) => return News::None,
                Ok(Ok(successor)) => News::Ready(Box::new(successor)),
                Ok(Err(error)) => News::Failed(error),
                Err(TryRecvError::Disconnected) => {
                    News::Failed(Error::model("reload", "loading the model died"))
                }
            };
            self.coming = None;
            return news;
        }
        if !self.asked.swap(false, Ordering::Relaxed) {
            return News::None;
        }
        let (sender, receiver) = channel();
        let make = self.make.clone();
        thread::spawn(move || drop(sender.send(make())));
        self.coming = Some(receiver);
        News::Asked
    }
}
