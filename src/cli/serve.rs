//! `ocelli serve`: flags of the service.
#![allow(
    missing_docs,
    reason = "flattened groups have no help text of their own"
)]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{CameraArgs, DecodeArgs, EngineArgs, LiveArgs, ModelArgs, TellArgs, values};
use crate::pipeline::capture::{Cover, ListFormat, SourceOptions};

/// `ocelli serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; other addresses than this machine's own need --token-file or --no-auth
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub listen: SocketAddr,
    /// A live source to follow: camera:0, csi:0, rtsp://…, synthetic:, `-`, …
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<OsString>,
    /// Classes to list, unless a request has ?top_k=
    #[arg(short = 'k', long, default_value_t = 5, value_parser = values::positive)]
    pub top_k: usize,
    /// Answer "unknown" below this probability [default: the model's own]
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f32>)]
    pub threshold: Option<f32>,
    /// Do not replay the model's proof before saying that it is ready
    #[arg(long)]
    pub no_proof: bool,
    #[command(flatten)]
    pub requests: RequestArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub view: ViewArgs,
    #[command(flatten)]
    pub live: LiveArgs,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub tell: TellArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub decode: DecodeArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// What requests may ask for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArgs {
    /// Pictures classified at a time [default: the cores; 1 beside a live source]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub workers: Option<usize>,
    /// Threads per run of the network [default: the cores, at most 4, divided by workers; half beside a live source]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub threads: Option<usize>,
    /// Pictures that may wait; further ones are refused with 503
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = values::positive)]
    pub queue: usize,
    /// Largest request body in megabytes
    #[arg(long, value_name = "MB", default_value_t = 20, value_parser = values::megabytes)]
    pub max_body: usize,
    /// How long a client may take to send a request, and its answer to be found
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub timeout: Duration,
    /// Connections at a time; the one that is silent for longest makes room
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = values::positive)]
    pub max_connections: usize,
    /// Collect what comes to /predict/batch within this time into one run of the network
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub batch_window: Option<Duration>,
    /// Pictures in such a run at most
    #[arg(long, value_name = "N", default_value = "8", requires = "batch_window", value_parser = values::batch)]
    pub batch: usize,
}

/// Who may come in.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// File with a token that requests have to bring: `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Let everyone in who can reach the address
    #[arg(long, conflicts_with = "token_file")]
    pub no_auth: bool,
    /// Certificate chain (PEM): serve https
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Let pages of this origin use the service (CORS): https://example.org, or * for all
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin)]
    pub cors_origin: Vec<String>,
}

/// What viewers get.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Viewers of the live picture")]
pub struct ViewArgs {
    /// Pictures per second at most
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = values::rate)]
    pub view_fps: f64,
    /// Pixels of the longer side at most
    #[arg(long, value_name = "N", default_value_t = 640, value_parser = values::side)]
    pub view_size: usize,
}

impl ServeArgs {
    /// How the source is read for a model that needs to see `cover`, perhaps only luma.
    pub fn source_options(&self, cover: Cover, gray: bool) -> SourceOptions {
        SourceOptions {
            mode: self.camera.mode(cover, gray),
            raw: None,
            files_from: None,
            list: ListFormat::Lines,
            max_bytes: self.decode.max_bytes(),
        }
    }
}
