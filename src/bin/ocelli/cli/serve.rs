//! `ocelli serve`: flags of the service.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ocelli::pipeline::capture::{ListFormat, NamedSource};

use super::{
    CameraArgs, DecodeArgs, EngineArgs, FollowArgs, LiveArgs, ModelArgs, NotifyArgs, SourceFlags,
    UnknownArgs, values,
};

/// `ocelli serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; other addresses than this machine's own need --token-file or --no-auth
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// A live source to follow: camera:0, csi:0, rtsp://…, http://…, synthetic:, `-`, …; several such flags run side by
    /// side, and may have names: door=camera:0
    #[arg(long = "source", value_name = "SOURCE", value_parser = values::named_source())]
    pub(crate) sources: Vec<NamedSource>,
    /// A service of each `[[source]]` of the configuration, with the flags that hold for it.
    #[arg(skip)]
    pub(crate) tables: Vec<Self>,
    /// Classes to list, unless a request has ?top_k=
    #[arg(short = 'k', long, default_value_t = 5, value_parser = values::positive)]
    pub(crate) top_k: usize,
    #[command(flatten)]
    pub(crate) unknown: UnknownArgs,
    /// Do not replay the model's proof before saying that it is ready
    #[arg(long)]
    pub(crate) no_proof: bool,
    #[command(flatten)]
    pub(crate) requests: RequestArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) preview: PreviewArgs,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) camera: CameraArgs,
    #[command(flatten)]
    pub(crate) notify: NotifyArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// What requests may ask for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct RequestArgs {
    /// Pictures classified at a time [default: the cores; 1 beside live sources]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) workers: Option<usize>,
    /// Threads per run of the network [default: the cores, at most 4, divided by workers; half beside live sources]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) threads: Option<usize>,
    /// Pictures that may wait; further ones are refused with 503
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = values::positive)]
    pub(crate) queue: usize,
    /// Largest request body in megabytes
    #[arg(long, value_name = "MB", default_value_t = 20, value_parser = megabytes)]
    pub(crate) max_body: usize,
    /// How long a client may take to send a request, and its answer to be found
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    /// Connections at a time; the one that is silent for longest makes room
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = values::positive)]
    pub(crate) max_connections: usize,
    /// Collect what comes to /predict/batch within this time into one run of the network
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) batch_window: Option<Duration>,
    /// Pictures in such a run at most
    #[arg(long, value_name = "N", default_value = "8", requires = "batch_window", value_parser = values::batch)]
    pub(crate) batch: usize,
}

/// Who may come in.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessArgs {
    /// File with a token that requests have to bring: `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let everyone in who can reach the address
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) no_auth: bool,
    /// Certificate chain (PEM): serve https
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let pages of this origin use the service (CORS): https://example.org, or * for all
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub(crate) cors_origin: Vec<String>,
}

/// What viewers get.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Viewers of the live picture")]
pub(crate) struct PreviewArgs {
    /// Pictures per second at most
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = values::rate)]
    pub(crate) view_fps: f64,
    /// Pixels of the longer side at most
    #[arg(long, value_name = "N", default_value_t = 640, value_parser = side)]
    pub(crate) view_size: usize,
}

impl FollowArgs for ServeArgs {
    fn sources(&self) -> &[NamedSource] {
        &self.sources
    }

    fn tables(&self) -> &[Self] {
        &self.tables
    }

    fn flags(&self) -> SourceFlags<'_> {
        SourceFlags {
            live: &self.live,
            notify: &self.notify,
            camera: &self.camera,
            decode: &self.decode,
            unknown: self.unknown,
            raw: None,
            files_from: None,
            list: ListFormat::default(),
            live_stream: true,
        }
    }
}

/// Where to listen: a number or a name, and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| {
        format!(
            "`{text}`, expected ADDRESS:PORT such as 127.0.0.1:8080, localhost:8080 or 0.0.0.0:8080"
        )
    })
}

/// Megabytes, as bytes.
fn megabytes(text: &str) -> Result<usize, String> {
    values::positive(text)
        .ok()
        .and_then(|n| n.checked_mul(1_000_000))
        .filter(|n| *n <= 1_000_000_000)
        .ok_or_else(|| format!("`{text}`, expected megabytes from 1 to 1000"))
}

/// The side of a picture for viewers.
fn side(text: &str) -> Result<usize, String> {
    values::positive(text)
        .ok()
        .filter(|n| (16..=4096).contains(n))
        .ok_or_else(|| format!("`{text}`, expected pixels from 16 to 4096"))
}

/// An origin of pages: scheme, host and perhaps port.
fn origin(text: &str) -> Result<String, String> {
    let is_origin = |url: url::Url| url.origin().ascii_serialization() == text;
    if text == "*" || url::Url::parse(text).is_ok_and(is_origin) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not an origin, expected one such as https://example.org, or *"
    ))
}
