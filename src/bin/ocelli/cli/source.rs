//! The flags that hold for one live source, of whatever command follows it: those that were
//! typed, or those of the source's own table in the configuration.

use std::path::PathBuf;

use ocelli::model::manifest::Manifest;
use ocelli::pipeline::PerSourceOptions;
use ocelli::pipeline::capture::{ListFormat, NamedSource, RawFormat, SourceOptions};

use super::{CameraArgs, DecodeArgs, LiveArgs, NotifyArgs, UnknownArgs};

/// The arguments of a command that follows live sources.
pub(crate) trait FollowArgs {
    /// The sources that are named.
    fn sources(&self) -> &[NamedSource];
    /// The same arguments once for each `[[source]]` of the configuration.
    fn tables(&self) -> &[Self]
    where
        Self: Sized;
    /// What of them holds for a source.
    fn flags(&self) -> SourceFlags<'_>;
}

/// What holds for one source.
#[derive(Clone, Copy)]
pub(crate) struct SourceFlags<'a> {
    pub(crate) live: &'a LiveArgs,
    pub(crate) notify: &'a NotifyArgs,
    pub(crate) camera: &'a CameraArgs,
    pub(crate) decode: &'a DecodeArgs,
    pub(crate) unknown: UnknownArgs,
    pub(crate) raw: Option<RawFormat>,
    pub(crate) files_from: Option<&'a PathBuf>,
    pub(crate) list: ListFormat,
    /// Whether a stream is said to be live.
    pub(crate) live_stream: bool,
}

impl SourceFlags<'_> {
    /// How its frames are looked at and decided about.
    pub(crate) fn per_source(&self) -> PerSourceOptions {
        PerSourceOptions {
            framing: self.decode.framing(),
            smooth: self.live.smooth(self.unknown),
            motion_gate: self.live.motion_gate(),
        }
    }

    /// How it is read for a model.
    pub(crate) fn source_options(&self, manifest: &Manifest) -> SourceOptions {
        SourceOptions {
            mode: self.camera.mode(manifest, self.decode.framing()),
            raw: self.raw,
            files_from: self.files_from.cloned(),
            list: self.list,
            max_bytes: self.decode.max_bytes(),
            poll_rate: self.live.max_fps,
        }
    }
}
