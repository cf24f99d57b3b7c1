//! `ocelli run`: classify what the sources give.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};
use ocelli::engine::Identity;
use ocelli::memory::Loading;
use ocelli::pipeline::capture::{self, Opened, SourceSpec};
use ocelli::pipeline::record::Record;
use ocelli::pipeline::workers::{self, Summary};
use ocelli::pipeline::write::{Format, Writer};
use ocelli::session::NewModel;
use ocelli::{Error, Model, Pipeline, PipelineMaker, PipelineOptions, Result};
use parking_lot::Mutex;

use super::{Finding, cores, open_model, stop_flag};
use crate::cli::RunArgs;
use crate::flags::Line;
use crate::live;
use crate::output::Lines;
use crate::terminal::TerminalView;

/// Fewer files than this are not worth a second session.
const FEW: u64 = 8;
/// Folders of more files get a progress bar.
const MANY: u64 = 50;

pub(crate) fn run(args: &RunArgs) -> Result<Finding> {
    let loading = Loading::begin();
    let model = open_model(&args.model)?;
    let stop = stop_flag()?;
    let mut opened = open_sources(args, &model)?;
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
    let options = PipelineOptions {
        batch: batch_size(&model, args.batch, live)?,
        top_k: args.top_k,
        smooth: args.live.smooth(args.threshold),
        motion_gate: args.live.motion_gate(),
        ..args.decode.options()
    };
    let maker = PipelineMaker::new(model.clone(), &args.engine.options(), threads, options)?;
    // The first pipeline is made before anything is read, so that a bad model stops.
    let first = maker.make()?;
    drop(loading);
    let identity = first.engine().identity().clone();
    announce(&model, &identity, workers, threads);
    if live {
        return follow(args, opened, maker, first, &stop);
    }
    let mut writer = Writer::new(std::io::stdout(), args.format, maker.context(&identity));
    let bar = progress(count);
    let first = Mutex::new(Some(first));
    let make = move |_| first.lock().take().map_or_else(|| maker.make(), Ok);
    let summary = workers::run(opened.source, workers, args.frames, &stop, make, |record| {
        bar.inc(1);
        report(record, &mut writer, &bar)
    })?;
    bar.finish_and_clear();
    Ok(conclude(summary))
}

fn open_sources(args: &RunArgs, model: &Model) -> Result<Opened> {
    let mut sources = args.sources.clone();
    if args.raw.is_some() && sources.is_empty() {
        sources.push(SourceSpec::Stdin);
    }
    capture::open(&sources, &args.source_options(&model.manifest))
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
    let swap = {
        let (path, overrides) = (args.model.model.clone(), args.model.facts.overrides());
        let maker = maker.clone();
        live::swap_on_hangup(move || {
            let maker = maker.renewed(&path, overrides.clone())?;
            let pipeline = maker.make_warm()?;
            Ok(NewModel { maker, pipeline })
        })?
    };
    let mut observers = live::observers(&args.live, &args.notify, &context)?;
    let is_terminal =
        args.format == Format::Text && std::io::stdout().is_terminal() && !args.changes_only;
    observers.push(if is_terminal {
        Box::new(TerminalView::new(context))
    } else {
        Box::new(Lines {
            writer: Writer::new(std::io::stdout(), args.format, context),
            changes_only: args.changes_only,
        })
    });
    let made = (maker, pipeline);
    live::session(&args.live, args.frames, opened, made, observers, swap).run(stop)?;
    Ok(Finding::Good)
}

/// Refuses what makes no sense for these sources.
fn check_live(args: &RunArgs, live: bool, count: Option<u64>) -> Result<()> {
    if args.live_stream && !live && count.is_some() {
        return Err(Error::usage(
            "--live",
            "these sources are finite: every frame but the newest would be dropped",
        )
        .with_remedy("leave it out, or name a stream such as `-`"));
    }
    let changes_only = args.changes_only.then_some("--changes-only");
    match args.live.given().or(args.notify.given()).or(changes_only) {
        Some(flag) if !live && !args.live_stream => Err(Error::usage(
            flag,
            "this is for live sources, and these are files or a stream",
        )
        .with_remedy("leave it out, or add --live for a stream such as `-`")),
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
fn batch_size(model: &Model, asked: Option<usize>, live: bool) -> Result<usize> {
    let place = model.place();
    match (model.file.fixed_batch, asked) {
        (_, Some(n)) if n > 1 && live => Err(Error::usage(
            "--batch",
            "a live source gives one frame at a time",
        )),
        (Some(fixed), Some(n)) if fixed != n => Err(Error::model(
            place,
            format!("the network takes batches of {fixed}, not of {n}"),
        )
        .with_remedy("export it with a dynamic batch axis, or leave --batch out")),
        (Some(fixed), _) => {
            if fixed > 1 {
                log::warn!(
                    "the network takes batches of {fixed}: fewer frames cost as much as {fixed}"
                );
            }
            Ok(fixed)
        }
        (None, asked) => Ok(asked.unwrap_or(1)),
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
            bar.suspend(|| log::error!("{}", Line(error)));
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
