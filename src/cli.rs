//! The command line: what was typed, and nothing else. `clap` is used here and in `main`;
//! what the words mean is turned into the library's own types once, below.
#![allow(
    missing_docs,
    reason = "flattened groups have no help text of their own"
)]

mod config;
mod facts;
mod live;
mod pages;
mod serve;
mod tell;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::engine::{Device, EngineChoice, EngineOptions, Precision};
use crate::error::Result;
use crate::pipeline::MAX_PIXELS;
use crate::pipeline::capture::{Cover, ListFormat, RawFormat, SourceOptions};
use crate::pipeline::preprocess::{Framing, Roi, Rotation, Turn};
use crate::pipeline::write::Format;
pub use facts::{FactArgs, ModelArgs};
pub use live::{CameraArgs, LiveArgs};
pub use pages::write_pages;
pub use serve::ServeArgs;
pub use tell::TellArgs;

/// Runs image classifiers on edge devices: a picture in, the right label out, by the
/// model's own rules.
#[derive(Debug, Parser)]
#[command(name = "ocelli", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr (twice: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Take flags from this TOML file: max-fps = 10
    #[arg(long, global = true, value_name = "FILE", env = "OCELLI_CONFIG")]
    pub config: Option<PathBuf>,
    /// Say only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Cli {
    /// What was typed, completed by variables (`OCELLI_MAX_FPS`) and the file that
    /// `--config` names. Help, and wrong flags, end the program.
    ///
    /// # Errors
    /// The file cannot be read, or holds what is no flag.
    pub fn load() -> Result<Self> {
        let typed: Vec<OsString> = std::env::args_os().collect();
        let command = config::with_defaults(Self::command(), &typed)?;
        let matches = command.get_matches_from(typed);
        Ok(Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit()))
    }
}

const EXIT_CODES: &str = "Exit codes: 0 all good; 1 some inputs failed, or a negative finding (verify, eval below \
--min-accuracy); 2 could not start. 130 interrupted before the inputs ended.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Classify what the sources give, finite or live
    Run(Box<RunArgs>),
    /// Answer over HTTP, and show a live source on a page
    Serve(Box<ServeArgs>),
    /// Measure accuracy on folders per class
    Eval(EvalArgs),
    /// Replay the model's proof on this machine, per engine
    Verify(VerifyArgs),
    /// Measure the latency of every stage, engines and threads side by side
    Bench(BenchArgs),
    /// Show what a model says, and where each fact comes from
    Inspect(InspectArgs),
    /// Write facts into a model, so that it describes itself
    Pack(PackArgs),
    /// Optimise a model for this machine ahead of time, so that it starts faster
    Prepare(PrepareArgs),
    /// List cameras by what they are known by, with their modes
    Devices(DevicesArgs),
    /// Look for what keeps this machine from working, and say what mends it
    Doctor(DoctorArgs),
    /// Write manual pages and shell completions
    #[command(hide = true)]
    Generate(GenerateArgs),
}

/// Which engine runs the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// onnxruntime, rten (pure Rust, always there) or auto: ONNX Runtime where it is found
    #[arg(long, default_value = "auto", value_parser = values::by_name::<EngineChoice>)]
    engine: EngineChoice,
    /// ONNX Runtime library to use [default: search, see README]
    #[arg(long, value_name = "FILE")]
    ort: Option<PathBuf>,
    /// Ignore what `ocelli prepare` saved
    #[arg(long)]
    no_prepared: bool,
    /// What computes: auto, cpu, cuda[:N], tensorrt[:N] or xnnpack
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Stop if the device cannot be used, instead of computing on the CPU
    #[arg(long)]
    require: bool,
    /// Numbers that TensorRT computes with: fp32, fp16 or int8
    #[arg(long, value_name = "KIND", default_value = "fp32", value_parser = values::by_name::<Precision>)]
    precision: Precision,
    /// Let ONNX Runtime's threads wait busily between frames: a little quicker, burns a core
    #[arg(long)]
    spin: bool,
}

impl EngineArgs {
    /// The options.
    pub fn options(&self) -> EngineOptions {
        EngineOptions {
            choice: self.engine,
            library: self.ort.clone(),
            use_prepared: !self.no_prepared,
            spin: self.spin,
            device: self.device,
            require: self.require,
            precision: self.precision,
        }
    }
}

/// How pictures are decoded and looked at.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub struct DecodeArgs {
    /// Refuse larger pictures before decoding them
    #[arg(long, value_name = "N", default_value_t = MAX_PIXELS)]
    pub max_pixels: usize,
    /// Decode large JPEGs at lower resolution: about a fifth faster, but in 2 to 3 of 100
    /// pictures the best label changed
    #[arg(long)]
    pub fast_decode: bool,
    /// Turn pictures clockwise first: 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES", default_value = "0", hide_default_value = true, value_parser = values::rotation)]
    rotate: Rotation,
    /// Mirror them then: horizontal, vertical or both
    #[arg(long, value_name = "HOW", value_parser = values::flip)]
    flip: Option<values::Flip>,
    /// Look only at this part of what is seen then: X,Y,WIDTH,HEIGHT, in shares from 0 to 1
    #[arg(long, value_name = "X,Y,W,H", value_parser = values::roi)]
    roi: Option<Roi>,
}

impl DecodeArgs {
    /// Which part of pictures is looked at, and which way up.
    pub fn framing(&self) -> Framing {
        Framing {
            turn: Turn::new(self.rotate, self.flip.unwrap_or_default()),
            roi: self.roi,
        }
    }

    /// Largest file or frame in bytes: with its pixels it has to fit into memory.
    pub fn max_bytes(&self) -> usize {
        self.max_pixels.max(64 << 20)
    }
}

/// `ocelli run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Files, folders, globs, videos, `-` (standard input), `camera:0`, `csi:0`, `rtsp://…`, `replay:DIR`, `synthetic:`
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,
    /// text, json (one object per line) or csv
    #[arg(short, long, default_value = "text", value_parser = values::by_name::<Format>)]
    pub format: Format,
    /// Classes to list
    #[arg(short = 'k', long, default_value_t = 5, value_parser = values::positive)]
    pub top_k: usize,
    /// Answer "unknown" below this probability [default: the model's own]
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f32>)]
    pub threshold: Option<f32>,
    /// Frames per run of the network (finite sources)
    #[arg(long, value_name = "N", value_parser = values::batch)]
    pub batch: Option<usize>,
    /// Frames in work at a time [default: the cores for many files, else 1]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub workers: Option<usize>,
    /// Threads per run of the network [default: the cores, at most 4, divided by workers]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub threads: Option<usize>,
    /// Stop after so many frames
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
    /// Standard input, or files, hold pixels: rgb24|bgr24|gray8|yuyv|nv12|yuv420p|yuv422p|yuv444p:WxH
    #[arg(long, value_name = "FORMAT:WxH", value_parser = values::raw)]
    pub raw: Option<RawFormat>,
    /// Classify the files named in this list, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,
    /// The list is separated by NUL bytes (find -print0)
    #[arg(short = '0', long, requires = "files_from")]
    pub null: bool,
    /// Treat a stream as live: classify the newest frame, drop what came in between
    #[arg(long = "live", help_heading = live::HEADING)]
    pub live_stream: bool,
    /// Write a record only when the answer changes
    #[arg(long, help_heading = live::HEADING)]
    pub changes_only: bool,
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

impl RunArgs {
    /// How sources are read for a model that needs to see `cover`, perhaps only luma.
    pub fn source_options(&self, cover: Cover, gray: bool) -> SourceOptions {
        SourceOptions {
            mode: self.camera.mode(cover, gray),
            raw: self.raw,
            files_from: self.files_from.clone(),
            list: if self.null {
                ListFormat::Nul
            } else {
                ListFormat::Lines
            },
            max_bytes: self.decode.max_bytes(),
        }
    }
}

/// `ocelli eval`
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A folder with one folder per class, named like the labels
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// text, json or csv (the confusion matrix)
    #[arg(short, long, default_value = "text", value_parser = values::by_name::<Format>)]
    pub format: Format,
    /// Exit with 1 below this accuracy (0 to 1)
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f64>)]
    pub min_accuracy: Option<f64>,
    /// Draw the confusion matrix into this PNG file
    #[arg(long, value_name = "FILE")]
    pub confusion_png: Option<PathBuf>,
    /// Worst files to list
    #[arg(long, default_value_t = 10)]
    pub worst: usize,
    /// Frames in work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub workers: Option<usize>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub decode: DecodeArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `ocelli verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `ocelli bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Frames to use; real photographs tell most
    #[arg(
        value_name = "SOURCE",
        default_value = "synthetic:fps=0,frames=8,size=1280x720"
    )]
    pub sources: Vec<OsString>,
    /// Thread counts to compare, such as 1,2,4 [default: 1 and the cores]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = values::parallel)]
    pub threads: Vec<usize>,
    /// Seconds per engine and thread count
    #[arg(long, default_value_t = 3.0, value_parser = values::seconds)]
    pub seconds: f64,
    /// Try engines, threads, spinning and MODEL-int8.onnx, and say which flags serve best
    #[arg(long)]
    pub tune: bool,
    /// With --tune: the least CPU among those within this time for 9 of 10 frames [default: the quickest]
    #[arg(long, value_name = "TIME", requires = "tune", value_parser = values::duration)]
    pub within: Option<Duration>,
    /// With --tune: frames per second to try at
    #[arg(long, value_name = "N", default_value_t = 30.0, value_parser = values::rate)]
    pub pace: f64,
    /// With --tune: write the flags to this new file, for --config
    #[arg(long, value_name = "FILE", requires = "tune")]
    pub write: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub decode: DecodeArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `ocelli inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// ONNX file, or a Hugging Face folder
    pub model: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub facts: FactArgs,
}

/// `ocelli pack`
#[derive(Debug, Args)]
pub struct PackArgs {
    /// ONNX file, or a Hugging Face folder
    pub model: PathBuf,
    /// File to write
    #[arg(short, long, value_name = "OUT")]
    pub output_file: PathBuf,
    /// Name for records
    #[arg(long)]
    pub name: Option<String>,
    /// Version for records
    #[arg(long = "model-version", value_name = "VERSION")]
    pub version: Option<String>,
    #[command(flatten)]
    pub facts: FactArgs,
}

/// `ocelli prepare`
#[derive(Debug, Args)]
pub struct PrepareArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `ocelli doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Try this model, too
    #[arg(short, long)]
    pub model: Option<PathBuf>,
    /// An ONNX Runtime library to look at and no other
    #[arg(long, value_name = "FILE")]
    pub ort: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Look at the files of a machine under this folder
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub root: PathBuf,
}

impl DoctorArgs {
    /// How the model is tried.
    pub fn engine(&self) -> EngineOptions {
        EngineOptions {
            choice: EngineChoice::Auto,
            library: self.ort.clone(),
            ..EngineOptions::default()
        }
    }
}

/// `ocelli generate`
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Folder to write to
    pub folder: PathBuf,
}

/// `ocelli devices`
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
