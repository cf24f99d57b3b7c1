//! How live sources are watched: by which monitor, and where it keeps what it learns.

use std::path::Path;
use std::sync::Arc;

use ocelli::monitor::health::Repeats;
use ocelli::monitor::{Desk, Known, MonitorOptions, Place, default_folder};
use ocelli::pipeline::capture::{NamedSource, SourceSpec, camera_identity, folder, is_live};
use ocelli::session::{MonitorStateOptions, WatchOptions};
use ocelli::{EngineOptions, Error, Model, Result};

use crate::commands::Followed;

/// How a source is watched, if it is to be.
///
/// # Errors
/// A rule is about what a monitor says, and there is none.
pub(crate) fn options(followed: &Followed, desk: &Arc<Desk>) -> Result<Option<WatchOptions>> {
    let watch = watch(followed, desk);
    match followed.flags.notify.needs_monitor() {
        Some(rule) if watch.is_none() => {
            let place = format!("--on '{rule}'");
            Err(
                Error::usage(place, "this source is not watched, so it cannot fire")
                    .with_remedy("leave --no-monitor out; drawn pictures are not watched"),
            )
        }
        _ => Ok(watch),
    }
}

/// How the engine runs a `model` that looks at these sources: with its features, where frames are
/// kept, or a source is watched and they tell how far its pictures are from training.
pub(crate) fn engine(
    options: EngineOptions,
    model: &Model,
    followed: &[Followed],
) -> EngineOptions {
    let tells = Known::new(&model.manifest).has_distance();
    let mut lives = followed.iter().map(|source| source.flags.live);
    let is_wanted = lives.any(|live| live.keep.keep.is_some() || (tells && live.drift().is_some()));
    EngineOptions {
        embedding: is_wanted && model.has_features(),
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
    let state = state(spec, &title, live.monitor_state());
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
        state,
    })
}

/// Where what is learned of the source outlives a restart: of cameras, and of whatever has a
/// folder named for it.
fn state(spec: &SourceSpec, title: &str, named: Option<&Path>) -> Option<MonitorStateOptions> {
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
    Some(MonitorStateOptions {
        place: Place::new(&folder_of_all?, &folder(title)),
        camera,
    })
}
