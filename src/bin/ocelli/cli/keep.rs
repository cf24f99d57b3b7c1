//! Flags for a ring: frames of a live source that are worth looking at, kept on disk.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ocelli::monitor::ring::RingOptions;

use super::values;

/// Which frames are kept, where, and for how long.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Frames worth looking at")]
pub(crate) struct KeepArgs {
    /// Keep frames that are unsure, novel or change the answer, and a fair sample of all, in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Delete them after this time
    #[arg(long, value_name = "TIME", default_value = "14d", requires = "keep", value_parser = values::duration)]
    keep_for: Duration,
    /// Megabytes to keep at most; then the nearest duplicate goes first
    #[arg(long, value_name = "MB", default_value_t = 256, requires = "keep", value_parser = clap::value_parser!(u64).range(1..))]
    keep_size: u64,
    /// Megabytes to write in a day at most
    #[arg(long, value_name = "MB", default_value_t = 100, requires = "keep", value_parser = clap::value_parser!(u64).range(1..))]
    keep_per_day: u64,
    /// For the fair sample, keep one frame in every such time
    #[arg(long, value_name = "TIME", default_value = "15min", requires = "keep", value_parser = values::duration)]
    keep_sample: Duration,
}

impl KeepArgs {
    /// The ring, if frames are to be kept.
    pub(crate) fn options(&self) -> Option<RingOptions> {
        Some(RingOptions {
            folder: self.keep.clone()?,
            bytes: self.keep_size.saturating_mul(1_000_000),
            bytes_per_day: self.keep_per_day.saturating_mul(1_000_000),
            keep_for: self.keep_for,
            sample: self.keep_sample,
            ..RingOptions::default()
        })
    }
}
