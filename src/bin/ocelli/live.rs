//! What `run` and `serve` do alike with a live source: who else is told of it, and how a
//! signal asks for another model.

use ocelli::memory::Loading;
use ocelli::pipeline::PipelineMaker;
use ocelli::pipeline::capture::Opened;
use ocelli::pipeline::record::Context;
use ocelli::session::{NewModel, Observer, Recorder, Session};
use ocelli::swap::Swap;
use ocelli::{Error, Pipeline, Result};

use crate::cli::{LiveArgs, NotifyArgs};
use crate::service_manager::ServiceManager;

/// Has SIGHUP ask for another model.
pub(crate) fn swap_on_hangup<T: Send + 'static>(
    make: impl Fn() -> Result<T> + Send + Sync + 'static,
) -> Result<Swap<T>> {
    let swap = Swap::new(move || {
        let _loading = Loading::begin();
        make()
    });
    signal_hook::flag::register(signal_hook::consts::SIGHUP, swap.request())
        .map_err(|e| Error::usage("SIGHUP", "cannot be handled").caused_by(e))?;
    Ok(swap)
}

/// Who is told of a live source, whatever else is done with it.
pub(crate) fn observers(
    live: &LiveArgs,
    notify: &NotifyArgs,
    context: &Context,
) -> Result<Vec<Box<dyn Observer>>> {
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    if let Some(folder) = &live.record {
        let recorder = Recorder::create(folder, live.record_limit())?;
        observers.push(Box::new(recorder));
    }
    observers.extend(notify.observers(context)?);
    Ok(observers)
}

/// A session, ready to run; the service manager is told so.
pub(crate) fn session(
    live: &LiveArgs,
    frames: Option<u64>,
    opened: Opened,
    (maker, pipeline): (PipelineMaker, Pipeline),
    mut observers: Vec<Box<dyn Observer>>,
    swap: Swap<NewModel>,
) -> Session {
    observers.push(Box::new(ServiceManager::ready()));
    Session {
        opened,
        every: live.every,
        options: live.options(frames),
        maker,
        pipeline,
        observers,
        swap,
    }
}
