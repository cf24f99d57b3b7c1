//! What `run` and `serve` do alike with live sources: who else is told of each, and how a
//! signal asks for another model.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::memory::Loading;
use ocelli::monitor::health::Repeats;
use ocelli::monitor::{Desk, Known, MonitorOptions, Place, default_folder};
use ocelli::pipeline::capture::{NamedSource, SourceSpec, camera_identity, folder, is_live};
use ocelli::pipeline::record::Context;
use ocelli::session::{Ending, KeepOptions, LiveSource, LoopStats, Recorder, WatchOptions};
use ocelli::swap::Swap;
use ocelli::{EngineOptions, Error, Model, Result};

use crate::cli::{Common, SourceFlags};
use crate::commands::{Finding, Followed};

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
    followed: Followed,
    is_alone: bool,
    desk: &Arc<Desk>,
    (context, common): (&Context, &Common),
) -> Result<LiveSource> {
    let watch = watch(&followed, desk);
    let Followed {
        name,
        opened,
        flags: SourceFlags { live, notify, .. },
        ..
    } = followed;
    if let Some(rule) = notify.needs_monitor().filter(|_| watch.is_none()) {
        let place = format!("--on '{rule}'");
        return Err(
            Error::usage(place, "this source is not watched, so it cannot fire")
                .with_remedy("leave --no-monitor out; drawn pictures are not watched"),
        );
    }
    let mut observers = Vec::new();
    if let Some(below) = &live.record {
        let own = name.as_deref().filter(|_| !is_alone).map(folder);
        let place = own.map_or_else(|| below.clone(), |own| below.join(own));
        observers.push(Box::new(Recorder::create(&place, live.record_limit())?) as _);
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

/// How the engine runs a `model` that looks at these sources: with its features, where a source is
/// watched and they tell how far its pictures are from training.
pub(crate) fn engine(
    options: EngineOptions,
    model: &Model,
    followed: &[Followed],
) -> EngineOptions {
    let mut sources = followed.iter();
    let is_watched = sources.any(|source| source.flags.live.drift().is_some());
    let tells = || model.has_features() && Known::new(&model.manifest).has_distance();
    EngineOptions {
        embedding: is_watched && tells(),
        ..options
    }
}

/// How a source is watched, if it is to be: what is drawn has no camera to watch.
fn watch(followed: &Followed, desk: &Arc<Desk>) -> Option<WatchOptions> {
    let live = followed.flags.live;
    let drift = live.drift()?;
    let is_drawn = |spec: &&SourceSpec| matches!(spec, SourceSpec::Synthetic(_));
    let spec = followed.spec.as_ref().filter(|spec| !is_drawn(spec))?;
    let title = followed
        .name
        .clone()
        .unwrap_or_else(|| NamedSource::from(spec.clone()).shown());
    let has_noise =
        is_live(spec) && !matches!(spec, SourceSpec::Network(_) | SourceSpec::Replay(_));
    let keep = keep(spec, &title, live.monitor_state());
    Some(WatchOptions {
        title,
        monitor: MonitorOptions {
            repeats: match has_noise {
                true => Repeats::Never,
                false => Repeats::Sometimes,
            },
            drift,
        },
        desk: desk.clone(),
        keep,
    })
}

/// Where what is learned of the source outlives a restart: of cameras, and of whatever has a
/// folder named for it.
fn keep(spec: &SourceSpec, title: &str, named: Option<&Path>) -> Option<KeepOptions> {
    let is_camera = matches!(
        spec,
        SourceSpec::Camera(_)
            | SourceSpec::Portable(_)
            | SourceSpec::Csi(_)
            | SourceSpec::Network(_)
    ) || (matches!(spec, SourceSpec::Path(_)) && is_live(spec));
    let camera = match (camera_identity(spec), is_camera) {
        (Some(camera), _) => camera,
        (None, true) => {
            log::warn!("{title} is not there yet: what is learned of it now is not kept");
            return None;
        }
        (None, false) => {
            named?;
            title.to_owned()
        }
    };
    let folder_of_all = named.map(Path::to_owned).or_else(default_folder);
    if folder_of_all.is_none() {
        log::warn!("there is no home folder: what is learned of {title} is not kept");
    }
    Some(KeepOptions {
        place: Place::new(&folder_of_all?, &folder(title)),
        camera,
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
