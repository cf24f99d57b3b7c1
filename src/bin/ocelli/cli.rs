//! The command line: what was typed, turned into the library's own types once.

mod config;
mod doctor;
mod engine;
mod facts;
mod keep;
mod live;
mod measuring;
mod monitor;
#[cfg(feature = "mqtt")]
mod mqtt;
mod notify;
mod pages;
mod pictures;
#[cfg(feature = "serve")]
mod serve;
mod source;
mod teach;
mod unknown;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use ocelli::Result;
use ocelli::pipeline::capture::{ListFormat, NamedSource, RawFormat, SourceSpec};
use ocelli::pipeline::write::Format;

pub(crate) use doctor::DoctorArgs;
pub(crate) use engine::EngineArgs;
pub(crate) use facts::{FactArgs, ModelArgs};
pub(crate) use live::{CameraArgs, LiveArgs};
pub(crate) use measuring::{CalibrateArgs, MatchArgs};
pub(crate) use monitor::{AcknowledgeArgs, MonitorArgs, MonitorCommand};
pub(crate) use notify::{Common, NotifyArgs};
pub(crate) use pages::write_pages;
pub(crate) use pictures::DecodeArgs;
#[cfg(feature = "serve")]
pub(crate) use serve::ServeArgs;
pub(crate) use source::{FollowArgs, SourceFlags};
pub(crate) use teach::TeachArgs;
pub(crate) use unknown::UnknownArgs;

/// Runs image classifiers on edge devices: a picture in, the right label out, by the
/// model's own rules.
#[derive(Debug, Parser)]
#[command(name = "ocelli", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more on stderr (twice: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Take flags from this TOML file: max-fps = 10
    #[arg(long, global = true, value_name = "FILE", env = "OCELLI_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Say only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

impl Cli {
    /// What was typed, completed by variables (`OCELLI_MAX_FPS`) and the file that
    /// `--config` names. Help, and wrong flags, end the program.
    ///
    /// # Errors
    /// The file cannot be read, or holds what is no flag.
    pub(crate) fn load() -> Result<Self> {
        let typed: Vec<OsString> = std::env::args_os().collect();
        let grammar = config::with_defaults(Self::command(), &typed)?;
        let parse = |command: clap::Command| {
            let matches = command.get_matches_from(&typed);
            Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
        };
        let mut cli = parse(grammar.command);
        for table in grammar.sources {
            match (&mut cli.command, parse(table).command) {
                (Command::Run(args), Command::Run(table)) => args.tables.push(*table),
                #[cfg(feature = "serve")]
                (Command::Serve(args), Command::Serve(table)) => args.tables.push(*table),
                _ => {}
            }
        }
        Ok(cli)
    }
}

const EXIT_CODES: &str = "Exit codes: 0 all good; 1 some inputs failed, or a negative finding (verify, eval below \
--min-accuracy); 2 could not start. 130 interrupted before the inputs ended.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Classify what the sources give, finite or live
    Run(Box<RunArgs>),
    /// Answer over HTTP, and show live sources on a page
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    /// Measure accuracy on folders per class
    Eval(EvalArgs),
    /// Replay the model's proof on this machine, per engine
    Verify(VerifyArgs),
    /// Measure the latency of every stage, engines and threads side by side
    Bench(BenchArgs),
    /// Show what a model says, and where each fact comes from
    Inspect(InspectArgs),
    /// Measure which preprocessing a model was trained with, on a few labelled photographs
    Match(MatchArgs),
    /// Fit scores and the limits of "unknown" to labelled pictures, and write them into the model
    Calibrate(CalibrateArgs),
    /// Learn new classes on a model's network, from a folder of pictures for each
    Teach(Box<TeachArgs>),
    /// Write facts into a model, so that it describes itself
    Pack(PackArgs),
    /// Do ahead what the first start does: keep the model as it is optimised for this machine
    Prepare(PrepareArgs),
    /// List cameras by what they are known by, with their modes
    Devices(DevicesArgs),
    /// Show what is known of live sources' pictures and worlds; take notice of it
    Monitor(MonitorArgs),
    /// Look for what keeps this machine from working, and say what mends it
    Doctor(DoctorArgs),
    /// Write manual pages, shell completions and schemas
    #[command(hide = true)]
    Generate(GenerateArgs),
}

/// What stands below `ocelli run --help`.
const RUN_NOTES: &str = "frame_age_ms counts to the record from a camera driver's timestamp; of streams and other \
programs' frames from when one has come. An RTSP frame comes one interval between frames after it was sent.";

/// `ocelli run`
#[derive(Debug, Args)]
#[command(after_help = RUN_NOTES)]
pub(crate) struct RunArgs {
    /// Files, folders, globs, videos, `-` (standard input), `camera:0`, `csi:0`, `rtsp://…`, `http://…`, `replay:DIR`,
    /// `synthetic:`; live ones run side by side, and may have names: `door=camera:0`
    #[arg(value_name = "SOURCE", value_parser = values::named_source())]
    pub(crate) sources: Vec<NamedSource>,
    /// A run of each `[[source]]` of the configuration, with the flags that hold for it.
    #[arg(skip)]
    pub(crate) tables: Vec<Self>,
    /// text, json (one object per line) or csv
    #[arg(short, long, default_value = "text", value_parser = values::by_name::<Format>)]
    pub(crate) format: Format,
    /// Classes to list
    #[arg(short = 'k', long, default_value_t = 5, value_parser = values::positive)]
    pub(crate) top_k: usize,
    #[command(flatten)]
    pub(crate) unknown: UnknownArgs,
    /// Frames per run of the network (finite sources)
    #[arg(long, value_name = "N", value_parser = values::batch)]
    pub(crate) batch: Option<usize>,
    /// Frames in work at a time [default: the cores for many files; for several live sources one
    /// each, at most the cores and 4; else 1]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) workers: Option<usize>,
    /// Threads per run of the network [default: the cores, at most 4, divided by workers]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) threads: Option<usize>,
    /// Stop after so many frames; of several live sources, each
    #[arg(long, value_name = "N")]
    pub(crate) frames: Option<u64>,
    /// Standard input, or files, hold pixels: rgb24|bgr24|gray8|yuyv|nv12|yuv420p|yuv422p|yuv444p:WxH
    #[arg(long, value_name = "FORMAT:WxH", value_parser = values::raw)]
    pub(crate) raw: Option<RawFormat>,
    /// Classify the files named in this list, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// The list is separated by NUL bytes (find -print0)
    #[arg(short = '0', long, requires = "files_from")]
    pub(crate) null: bool,
    /// Treat a stream as live: classify the newest frame, drop what came in between
    #[arg(long = "live", help_heading = live::HEADING)]
    pub(crate) live_stream: bool,
    /// Write a record only when the answer changes
    #[arg(long, help_heading = live::HEADING)]
    pub(crate) changes_only: bool,
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

impl FollowArgs for RunArgs {
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
            raw: self.raw,
            files_from: self.files_from.as_ref(),
            list: if self.null {
                ListFormat::Nul
            } else {
                ListFormat::Lines
            },
            live_stream: self.live_stream,
        }
    }
}

/// `ocelli eval`
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A folder with one folder per class, named like the labels; or a CSV file: a picture's
    /// path first, then a column `labels` (`bee;cat`) or a column for each label (0 or 1)
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// text, json or csv (the confusion matrix, or each independent label's measures)
    #[arg(short, long, default_value = "text", value_parser = values::by_name::<Format>)]
    pub(crate) format: Format,
    /// Exit with 1 below this accuracy (0 to 1); of independent labels, all have to be right
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f64>)]
    pub(crate) min_accuracy: Option<f64>,
    /// Draw the confusion matrix into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(crate) confusion_png: Option<PathBuf>,
    /// Worst files to list
    #[arg(long, default_value_t = 10)]
    pub(crate) worst: usize,
    /// Frames in work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// `ocelli verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// `ocelli bench`
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Frames to use; real photographs tell most
    #[arg(
        value_name = "SOURCE",
        default_value = "synthetic:fps=0,frames=8,size=1280x720",
        value_parser = values::source()
    )]
    pub(crate) sources: Vec<SourceSpec>,
    /// Thread counts to compare, such as 1,2,4 [default: 1 and the cores]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = values::parallel)]
    pub(crate) threads: Vec<usize>,
    /// Seconds per engine and thread count
    #[arg(long, default_value_t = 3.0, value_parser = values::seconds)]
    pub(crate) seconds: f64,
    /// Try engines, threads, spinning and MODEL-int8.onnx, and say which flags serve best
    #[arg(long)]
    pub(crate) tune: bool,
    /// With --tune: the least CPU among those within this time for 9 of 10 frames [default: the quickest]
    #[arg(long, value_name = "TIME", requires = "tune", value_parser = values::duration)]
    pub(crate) within: Option<Duration>,
    /// With --tune: frames per second to try at
    #[arg(long, value_name = "N", default_value_t = 30.0, value_parser = values::rate)]
    pub(crate) pace: f64,
    /// With --tune: write the flags to this new file, for --config
    #[arg(long, value_name = "FILE", requires = "tune")]
    pub(crate) write: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// `ocelli inspect`
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// ONNX file, Hugging Face folder, or a model of the hub: hf:OWNER/NAME[@REVISION][:FILE]
    pub(crate) model: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) facts: FactArgs,
}

/// `ocelli pack`
#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// ONNX file, Hugging Face folder, or a model of the hub: hf:OWNER/NAME[@REVISION][:FILE]
    pub(crate) model: PathBuf,
    /// File to write
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output_file: PathBuf,
    /// Name for records
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Version for records
    #[arg(long = "model-version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) facts: FactArgs,
}

/// `ocelli prepare`
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// `ocelli generate`
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Folder to write to
    pub(crate) folder: PathBuf,
}

/// `ocelli devices`
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
