//! What `run` and `serve` do alike with live sources: who else is told of each, and how a
//! signal asks for another model.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::memory::Loading;
use ocelli::monitor::Desk;
use ocelli::monitor::ring::{Keeper, Ring, RingCounts, RingOptions, RingSource};
use ocelli::pipeline::capture::folder;
use ocelli::pipeline::record::Context;
use ocelli::session::{Ending, LiveSource, LoopStats, Recorder};
use ocelli::swap::Swap;
use ocelli::{Error, Result};

use crate::cli::{Common, SourceFlags};
use crate::commands::{Finding, Followed};
use crate::watching;

/// The rings that frames are kept in: sources that name one folder share one.
#[derive(Default)]
pub(crate) struct Rings {
    open: RefCell<Vec<Ring>>,
    newest: RefCell<Option<Arc<RingCounts>>>,
}

impl Rings {
    /// Keeps frames of a source in the ring that `options` name; of one of several, in a
    /// folder of its own below it.
    fn keeper(
        &self,
        options: RingOptions,
        source: RingSource,
        context: &Context,
    ) -> Result<Keeper> {
        let mut open = self.open.borrow_mut();
        let known = open
            .iter()
            .find(|ring| ring.options().folder == options.folder);
        let ring = match known {
            Some(ring) if *ring.options() == options => ring.clone(),
            Some(_) => {
                return Err(Error::usage(
                    options.folder.display().to_string(),
                    "sources that keep frames in one folder have other limits for it",
                )
                .with_remedy("give them the same limits, or each its own folder"));
            }
            None => {
                let ring = Ring::open(options)?;
                open.push(ring.clone());
                ring
            }
        };
        let keeper = ring.keeper(source, context)?;
        self.newest.replace(Some(keeper.counts()));
        Ok(keeper)
    }

    /// How many frames were kept of the source that was added last.
    #[cfg(feature = "serve")]
    pub(crate) fn newest(&self) -> Option<Arc<RingCounts>> {
        self.newest.borrow().clone()
    }
}

/// Has SIGHUP, whose flag is `hangup`, ask for another model.
pub(crate) fn swap_on_hangup<T: Send + 'static>(
    hangup: Arc<AtomicBool>,
    make: impl Fn() -> Result<T> + Send + Sync + 'static,
) -> Swap<T> {
    Swap::on_request(hangup, move || {
        let _loading = Loading::begin();
        make()
    })
}

/// A source of a session, followed as the flags say.
/// One of several is recorded to a folder of its own, below the one that is named; so are its
/// frames kept.
pub(crate) fn source(
    followed: Followed,
    is_alone: bool,
    desk: &Arc<Desk>,
    context: &Context,
    (common, rings): (&Common, &Rings),
) -> Result<LiveSource> {
    let watch = watching::options(&followed, desk)?;
    let Followed {
        name,
        opened,
        flags,
        ..
    } = followed;
    let SourceFlags {
        live,
        notify,
        decode,
        ..
    } = flags;
    let mut observers = Vec::new();
    let own = name.as_deref().filter(|_| !is_alone).map(folder);
    if let Some(below) = &live.record {
        let own = own.as_deref();
        let place = own.map_or_else(|| below.clone(), |own| below.join(own));
        observers.push(Box::new(Recorder::create(&place, live.record_limit())?) as _);
    }
    if let Some(options) = live.keep.options() {
        let source = RingSource {
            name: name.clone(),
            folder: own,
            framing: decode.framing(),
            max_pixels: decode.max_pixels,
        };
        observers.push(Box::new(rings.keeper(options, source, context)?) as _);
    }
    let desk = watch.as_ref().map(|watch| &watch.desk);
    observers.extend(notify.observers(name.as_deref(), context, common, desk)?);
    Ok(LiveSource {
        name,
        opened,
        every: live.every,
        max_fps: live.max_fps,
        watch,
        observers,
    })
}

/// What a session that ended well comes to, by how its sources did.
pub(crate) fn finding(stats: &[LoopStats]) -> Finding {
    let is_broken = stats.iter().any(|s| s.ending == Some(Ending::Broken));
    match is_broken {
        true => Finding::Negative,
        false => Finding::Good,
    }
}
