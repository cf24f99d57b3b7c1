//! A retrained model without a gap: on SIGHUP it is read anew beside the one that runs,
//! has to pass its own proof, and takes over between two frames. If it does not pass, the
//! old one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use super::Service;
use crate::error::{Error, Result};

/// Makes successors, of whatever kind, on request.
pub struct Reload<T> {
    asked: Arc<AtomicBool>,
    make: Arc<dyn Fn() -> Result<T> + Send + Sync>,
    coming: Option<Receiver<Result<T>>>,
}

/// What has come of a request.
enum News<T> {
    /// Nothing new.
    None,
    /// A successor is being made.
    Asked,
    /// It is ready.
    Ready(T),
    /// It is no good.
    Failed(Error),
}

impl<T: Send + 'static> Reload<T> {
    /// Makes a successor by `make` whenever SIGHUP comes.
    ///
    /// # Errors
    /// The signal cannot be handled.
    pub fn new(make: impl Fn() -> Result<T> + Send + Sync + 'static) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGHUP, asked.clone())
            .map_err(|e| Error::usage("SIGHUP", "cannot be handled").caused_by(e))?;
        Ok(Self {
            asked,
            make: Arc::new(make),
            coming: None,
        })
    }

    /// Looks for requests and for what has come of them, and says so; never waits. A
    /// successor is handed over once.
    pub fn attend(&mut self, service: &Service) -> Option<T> {
        match self.poll() {
            News::None => {}
            News::Asked => {
                log::info!("reading the model anew");
                service.reloading();
            }
            News::Failed(error) => {
                log::error!("the old model goes on: {error}");
                service.ready();
            }
            News::Ready(successor) => {
                service.ready();
                return Some(successor);
            }
        }
        None
    }

    fn poll(&mut self) -> News<T> {
        if let Some(coming) = &self.coming {
            let news = match coming.try_recv() {
                Err(TryRecvError::Empty) => return News::None,
                Ok(Ok(successor)) => News::Ready(successor),
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
