//! `ocelli run`: classify what the sources give.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};

use super::follow::{Following, Lines, Recorder, Reload, Screen, Successor};
use super::{Finding, PipelineMaker, cores, open_model, stop_flag};
use crate::audience::Audience;
use crate::cli::RunArgs;
use crate::engine::Identity;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{self, Opened};
use crate::pipeline::preprocess;
use crate::pipeline::workers::{self, Summary};
use crate::pipeline::write::{Format, Record, Recording, View, Writer};

/// Fewer files than this are not worth a second session.
const FEW: u64 = 8;
/// Folders of more files get a progress bar.
const MANY: u64 = 50;

/// Runs the command.
///
/// # Errors
/// The model, the engine or a source cannot be used; the output is closed.
pub fn run(args: &RunArgs) -> Result<Finding> {
    let stop = stop_flag()?;
    let model = open_model(&args.model)?;
    let mut names = args.sources.clone();
    if args.raw.is_some() && names.is_empty() {
        names.push("-".into());
    }
    let cover = preprocess::cover(&model.manifest.preprocess, &args.decode.framing());
    let gray = model.manifest.input.color.channels() == 1;
    let mut opened = capture::open(&names, &args.source_options(cover, gray))?;
    let count = opened.source.count();
    check_live(args, opened.live, count)?;
    opened.live |= args.live_stream;
    let live = opened.live;
    let workers = if live {
        1
    } else {
        args.workers.unwrap_or_else(|| default_workers(args, count))
    };
    let threads = args
        .threads
        .unwrap_or_else(|| (cores() / workers).clamp(1, 4));
    let mut maker =
        PipelineMaker::new(model.clone(), &args.engine.options(), threads, args.decode)?;
    maker.options.batch = batch_size(&model, args.batch, live)?;
    maker.options.top_k = args.top_k;
    maker.options.smooth = args.live.steadiness(args.threshold);
    maker.options.still = args.live.still();

    let first = maker.make()?;
    let identity = first.engine().identity().clone();
    announce(&model, &identity, workers, threads);
    if live {
        return follow(args, opened, maker, first, &stop);
    }
    let mut writer = Writer::new(std::io::stdout(), args.format, maker.context(&identity));
    let bar = progress(count);
    // The first pipeline is made before anything is read, so that a bad model stops.
    let first = std::sync::Mutex::new(Some(first));
    let make = move |_| {
        first
            .lock()
            .ok()
            .and_then(|mut f| f.take())
            .map_or_else(|| maker.make(), Ok)
    };
    let summary = workers::run(opened.source, workers, args.frames, &stop, make, |record| {
        bar.inc(1);
        report(record, &mut writer, &bar)
    })?;
    bar.finish_and_clear();
    Ok(conclude(summary))
}

/// Classifies the newest frames of a live source until it ends or is stopped.
fn follow(
    args: &RunArgs,
    opened: Opened,
    maker: PipelineMaker,
    mut pipeline: Pipeline,
    stop: &AtomicBool,
) -> Result<Finding> {
    pipeline.warm_up()?;
    let context = maker.context(pipeline.engine().identity());
    let reload = {
        let (path, facts) = (args.model.model.clone(), args.model.facts.wishes());
        let maker = maker.clone();
        Reload::new(move || {
            let maker = maker.renewed(&path, facts.clone())?;
            let pipeline = maker.make_warm()?;
            Ok(Successor { maker, pipeline })
        })?
    };
    let is_screen =
        args.format == Format::Text && std::io::stdout().is_terminal() && !args.changes_only;
    let mut audience: Vec<Box<dyn Audience>> = Vec::new();
    if let Some(folder) = &args.live.record {
        let recording = Recording::create(folder, args.live.record_limit())?;
        audience.push(Box::new(Recorder(recording)));
    }
    audience.extend(args.tell.audience(&context)?);
    audience.push(if is_screen {
        Box::new(Screen(View::new(context)))
    } else {
        Box::new(Lines {
            writer: Writer::new(std::io::stdout(), args.format, context),
            changes_only: args.changes_only,
        })
    });
    let following = Following {
        opened,
        every: args.live.every,
        options: args.live.options(args.frames),
        maker,
        pipeline,
        audience,
        reload,
    };
    following.run(stop)
}

/// Refuses what makes no sense for these sources.
fn check_live(args: &RunArgs, live: bool, count: Option<u64>) -> Result<()> {
    if args.live_stream && !live && count.is_some() {
        return Err(Error::usage(
            "--live",
            "these sources are finite: every frame but the newest would be dropped",
        )
        .remedy("leave it out, or name a stream such as `-`"));
    }
    let changes_only = args.changes_only.then_some("--changes-only");
    match args.live.given().or(args.tell.given()).or(changes_only) {
        Some(flag) if !live && !args.live_stream => Err(Error::usage(
            flag,
            "this is for live sources, and these are files or a stream",
        )
        .remedy("leave it out, or add --live for a stream such as `-`")),
        _ => Ok(()),
    }
}

fn default_workers(args: &RunArgs, count: Option<u64>) -> usize {
    match count {
        Some(count) if count >= FEW => cores(),
        None if args.files_from.is_some() => cores(),
        _ => 1,
    }
}

/// Frames per run of the network; a graph that fixes them rules.
fn batch_size(model: &Model, wished: Option<usize>, live: bool) -> Result<usize> {
    let place = model.place();
    match (model.file.fixed_batch, wished) {
        (_, Some(n)) if n > 1 && live => Err(Error::usage(
            "--batch",
            "a live source gives one frame at a time",
        )),
        (Some(fixed), Some(n)) if fixed != n => Err(Error::model(
            place,
            format!("the network takes batches of {fixed}, not of {n}"),
        )
        .remedy("export it with a dynamic batch axis, or leave --batch out")),
        (Some(fixed), _) => {
            if fixed > 1 {
                log::warn!(
                    "the network takes batches of {fixed}: fewer frames cost as much as {fixed}"
                );
            }
            Ok(fixed)
        }
        (None, wished) => Ok(wished.unwrap_or(1)),
    }
}

fn announce(model: &Arc<Model>, identity: &Identity, workers: usize, threads: usize) {
    let prepared = if identity.prepared { ", prepared" } else { "" };
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    log::info!(
        "{} runs on {} ({}{prepared}), {} with {}",
        model.manifest.id(),
        identity.engine,
        identity.provider,
        plural(workers, "worker"),
        plural(threads, "thread"),
    );
}

/// A bar for long folders, where it does not mix with the records.
fn progress(count: Option<u64>) -> ProgressBar {
    let long = count.filter(|count| *count >= MANY && !std::io::stdout().is_terminal());
    match (
        long,
        ProgressStyle::with_template("{pos}/{len} {wide_bar} {per_sec}, {eta} left"),
    ) {
        (Some(count), Ok(style)) => ProgressBar::new(count).with_style(style),
        _ => ProgressBar::hidden(),
    }
}

fn report(record: &Record, writer: &mut Writer<std::io::Stdout>, bar: &ProgressBar) -> Result<()> {
    match &record.failure {
        None => writer.write(record),
        Some(error) => {
            bar.suspend(|| log::error!("{error}"));
            Ok(())
        }
    }
}

fn conclude(summary: Summary) -> Finding {
    let Summary {
        classified,
        failed,
        stopped,
    } = summary;
    if classified + failed == 0 && !stopped {
        log::warn!("the sources gave no frame");
    }
    if failed > 0 {
        log::info!("{classified} classified, {failed} failed");
    }
    match (failed, stopped) {
        (_, true) => Finding::Interrupted,
        (0, _) => Finding::Good,
        _ => Finding::Negative,
    }
}
