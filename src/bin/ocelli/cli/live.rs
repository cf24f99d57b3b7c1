//! Flags for live sources: how a camera is run, how fast, and how steady the answer is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ocelli::Framing;
use ocelli::model::manifest::Manifest;
use ocelli::monitor::drift::DriftOptions;
use ocelli::pipeline::capture::{Coding, ModeRequest};
use ocelli::pipeline::{MotionGateOptions, SmoothRequest, preprocess};
use ocelli::session::LiveOptions;

use super::keep::KeepArgs;
use super::{UnknownArgs, values};

/// How a camera is run.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Camera [default: the cheapest mode that covers the model's input]")]
pub(crate) struct CameraArgs {
    /// Pixels per row
    #[arg(long, value_name = "N")]
    width: Option<u32>,
    /// Rows
    #[arg(long, value_name = "N")]
    height: Option<u32>,
    /// Frames per second, such as 30 or 29.97
    #[arg(long, value_name = "N", value_parser = values::rate)]
    fps: Option<f64>,
    /// yuyv, nv12, mjpeg, rgb24, bgr24, gray8, yuv420p or yuv422p
    #[arg(long, value_name = "FORMAT", value_parser = values::coding)]
    pixel_format: Option<Coding>,
}

impl CameraArgs {
    /// What is asked of the camera for a model that looks at pictures through `framing`.
    pub(crate) fn mode(&self, manifest: &Manifest, framing: Framing) -> ModeRequest {
        ModeRequest {
            width: self.width,
            height: self.height,
            fps: self.fps,
            coding: self.pixel_format,
            cover: preprocess::cover(&manifest.preprocess, &framing),
            gray: manifest.input.color.channels() == 1,
        }
    }
}

/// Where flags for live sources stand in help.
pub(crate) const HEADING: &str = "Live sources";

/// How a live source is followed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct LiveArgs {
    /// Classify at most so many frames per second; ask so often for an address's one picture [default: 1]
    #[arg(long, value_name = "N", value_parser = values::rate)]
    pub(crate) max_fps: Option<f64>,
    /// Classify only every Nth frame
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: u64,
    /// Stop after this time: 90s, 15min
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    stop_after: Option<Duration>,
    /// Average scores over time; a sudden change arrives by 63 % after this time: 500ms
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = values::duration)]
    smooth: Duration,
    /// Score at which a class becomes the answer [default: --threshold]
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f32>)]
    enter: Option<f32>,
    /// Score down to which it stays the answer [default: --enter]
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f32>)]
    leave: Option<f32>,
    /// How long a new answer has to last before it counts: 300ms
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = values::duration)]
    hold: Duration,
    /// Skip frames while nothing moves: no part's luma changes by more than so many of 255 steps
    #[arg(long, value_name = "STEPS", num_args = 0..=1, require_equals = true, default_missing_value = "4", value_parser = values::steps)]
    skip_still: Option<f32>,
    /// Classify at least one frame in this time, however still
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "skip_still", value_parser = values::duration)]
    still_limit: Duration,
    /// Keep classified frames and their records in this folder, for replay:DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Megabytes of frames to keep at most
    #[arg(long, value_name = "MB", default_value_t = 1000, requires = "record")]
    record_limit: u64,
    /// Do not watch whether the picture is sound and the world still what it was
    #[arg(long)]
    no_monitor: bool,
    /// Folder in which what is learned of a camera outlives a restart [default: the state folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_monitor")]
    monitor_state: Option<PathBuf>,
    /// False alarms of drift that are taken into the bargain, per camera and year
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = values::alarms)]
    drift_alarms_per_year: f64,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

impl LiveArgs {
    /// How drift is watched for; nothing is watched without.
    pub(crate) fn drift(&self) -> Option<DriftOptions> {
        (!self.no_monitor).then_some(DriftOptions {
            alarms_per_year: self.drift_alarms_per_year,
        })
    }

    /// Where what is learned is kept, if that is said.
    pub(crate) fn monitor_state(&self) -> Option<&Path> {
        self.monitor_state.as_deref()
    }

    /// When the loop ends.
    pub(crate) fn options(&self, frames: Option<u64>) -> LiveOptions {
        LiveOptions {
            frames,
            stop_after: self.stop_after,
        }
    }

    /// How steady the answer is.
    pub(crate) fn smooth(&self, unknown: UnknownArgs) -> SmoothRequest {
        let UnknownArgs {
            threshold,
            farthest,
        } = unknown;
        SmoothRequest {
            time_constant: self.smooth,
            enter: self.enter.or(threshold),
            leave: self.leave,
            hold: self.hold,
            farthest,
        }
    }

    /// Whether frames that show nothing new are skipped.
    pub(crate) fn motion_gate(&self) -> Option<MotionGateOptions> {
        self.skip_still.map(|threshold| MotionGateOptions {
            threshold,
            limit: self.still_limit,
        })
    }

    /// Bytes of frames that a recording may take.
    pub(crate) fn record_limit(&self) -> u64 {
        self.record_limit.saturating_mul(1_000_000)
    }

    /// A flag that makes sense for live sources only, if one is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.max_fps.is_some(), "--max-fps"),
            (self.every > 1, "--every"),
            (self.stop_after.is_some(), "--stop-after"),
            (!self.smooth.is_zero(), "--smooth"),
            (self.enter.is_some(), "--enter"),
            (self.leave.is_some(), "--leave"),
            (!self.hold.is_zero(), "--hold"),
            (self.skip_still.is_some(), "--skip-still"),
            (self.record.is_some(), "--record"),
            (self.no_monitor, "--no-monitor"),
            (self.monitor_state.is_some(), "--monitor-state"),
            (self.keep.keep.is_some(), "--keep"),
        ];
        flags
            .iter()
            .find(|(given, _)| *given)
            .map(|(_, name)| *name)
    }
}
