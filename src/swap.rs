//! A retrained model without a gap: on request it is read anew beside the one that runs,
//! has to pass its own proof, and takes over between two frames. If it does not pass, the
//! old one goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use crate::error::{Error, Result};
use crate::model::{Model, Overrides};
use crate::pipeline::PipelineMaker;
use crate::proof;

/// What is happening to a request for another model.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SwapEvent<'a> {
    /// It is being read and proved.
    Started,
    /// It takes over.
    Ready,
    /// It cannot, and the old one goes on.
    Refused(&'a Error),
}

/// Makes new models, with whatever belongs to them, on request.
pub struct Swap<T> {
    requested: Arc<AtomicBool>,
    make: Arc<dyn Fn() -> Result<T> + Send + Sync>,
    coming: Option<Receiver<Result<T>>>,
}

impl<T: Send + 'static> Swap<T> {
    /// New models come from `make`, which runs on a thread of its own.
    pub fn new(make: impl Fn() -> Result<T> + Send + Sync + 'static) -> Self {
        Self::on_request(Arc::default(), make)
    }

    /// The same for a flag that is there already.
    pub fn on_request(
        requested: Arc<AtomicBool>,
        make: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            requested,
            make: Arc::new(make),
            coming: None,
        }
    }

    /// The flag that asks for a new model when it is set: by a signal, or by anyone.
    pub fn request(&self) -> Arc<AtomicBool> {
        self.requested.clone()
    }

    /// Looks for requests and for what has come of them; never waits. A new model is
    /// handed over once.
    pub fn poll(&mut self, mut on_event: impl FnMut(SwapEvent<'_>)) -> Option<T> {
        let Some(coming) = &self.coming else {
            if self.requested.swap(false, Ordering::Relaxed) {
                log::info!("reading the model anew");
                self.start();
                on_event(SwapEvent::Started);
            }
            return None;
        };
        let made = match coming.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Ok(made) => made,
            Err(TryRecvError::Disconnected) => {
                Err(Error::model("reload", "loading the model died"))
            }
        };
        self.coming = None;
        match made {
            Ok(new) => {
                on_event(SwapEvent::Ready);
                Some(new)
            }
            Err(error) => {
                log::error!("the old model goes on: {error:#}");
                on_event(SwapEvent::Refused(&error));
                None
            }
        }
    }

    fn start(&mut self) {
        let (sender, receiver) = channel();
        let make = self.make.clone();
        thread::spawn(move || drop(sender.send(make())));
        self.coming = Some(receiver);
    }
}

impl PipelineMaker {
    /// The same for the model as it is now in its file; it has to pass its proof.
    ///
    /// # Errors
    /// The file cannot be used, or its proof fails on this machine.
    pub fn renewed(&self, path: &Path, overrides: Overrides) -> Result<Self> {
        let model = Arc::new(Model::open(path, overrides)?);
        let engines = Arc::new(self.engines.for_model(model)?);
        proof::prove(&engines)?;
        Ok(self.on(engines))
    }
}
