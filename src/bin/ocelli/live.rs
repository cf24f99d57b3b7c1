//! What `run` and `serve` do alike with live sources: who else is told of each, and how a
//! signal asks for another model.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::Result;
use ocelli::memory::Loading;
use ocelli::pipeline::capture::{Opened, folder};
use ocelli::pipeline::record::Context;
use ocelli::session::{Ending, LiveSource, LoopStats, Recorder};
use ocelli::swap::Swap;

use crate::cli::{Common, SourceFlags};
use crate::commands::Finding;

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
/// One of several is recorded to a folder of its own, below the one that is named.
pub(crate) fn source(
    flags: SourceFlags,
    opened: Opened,
    (name, is_alone): (Option<String>, bool),
    context: &Context,
    common: &Common,
) -> Result<LiveSource> {
    let SourceFlags { live, notify, .. } = flags;
    let mut observers = Vec::new();
    if let Some(below) = &live.record {
        let own = name.as_deref().filter(|_| !is_alone).map(folder);
        let place = own.map_or_else(|| below.clone(), |own| below.join(own));
        observers.push(Box::new(Recorder::create(&place, live.record_limit())?) as _);
    }
    observers.extend(notify.observers(name.as_deref(), context, common)?);
    Ok(LiveSource {
        name,
        opened,
        every: live.every,
        max_fps: live.max_fps,
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
