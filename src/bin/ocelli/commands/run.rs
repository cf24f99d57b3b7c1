//! `ocelli run`: classify what the sources give.

mod follow;
mod sources;

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use ocelli::engine::Identity;
use ocelli::memory::Loading;
use ocelli::pipeline::frames_at_once;
use ocelli::pipeline::record::Record;
use ocelli::pipeline::workers::{self, Summary};
use ocelli::pipeline::write::Writer;
use ocelli::{Error, Model, PipelineMaker, PipelineOptions, Result};
use parking_lot::Mutex;

use super::{Finding, cores, open_model, stop_flag};
use crate::cli::{FollowArgs, RunArgs};
use crate::flags::Line;
use crate::watching;
use sources::Material;

/// Fewer files than this are not worth a second session.
const FEW: u64 = 8;
/// Folders of more files get a progress bar.
const MANY: u64 = 50;

pub(crate) fn run(args: &RunArgs) -> Result<Finding> {
    let loading = Loading::begin();
    let model = open_model(&args.model)?;
    let stop = stop_flag()?;
    let material = sources::open(args, &model.manifest)?;
    let (count, workers, followed) = match &material {
        Material::Live(followed) => (None, live_workers(args, followed.len()), &followed[..]),
        Material::Finite(opened) => {
            let count = opened.source.count();
            let workers = args.workers.unwrap_or_else(|| default_workers(args, count));
            (count, workers, &[][..])
        }
    };
    let threads = args
        .threads
        .unwrap_or_else(|| (cores() / workers).clamp(1, 4));
    let each = followed.iter().map(|source| source.flags.per_source());
    let each: Vec<_> = each.collect();
    let first = each
        .first()
        .copied()
        .unwrap_or_else(|| args.flags().per_source());
    let engine = watching::engine(args.engine.options(), &model, followed);
    let options = PipelineOptions {
        embedding: engine.embedding,
        batch: batch_size(&model, args.batch, !followed.is_empty())?,
        top_k: args.top_k,
        ..args.decode.options().with_source(first)
    };
    let mut maker = PipelineMaker::new(model.clone(), &engine, threads, options)?;
    maker.further = each.into_iter().skip(1).collect();
    if !followed.is_empty() {
        maker.at_once = workers;
    }
    // The first pipeline is made before anything is read, so that a bad model stops.
    let first = maker.make()?;
    drop(loading);
    let identity = first.engine().identity().clone();
    announce(&model, &identity, (workers, threads), followed.len());
    let opened = match material {
        Material::Live(followed) => return follow::run(args, followed, maker, first, &stop),
        Material::Finite(opened) => opened,
    };
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

fn default_workers(args: &RunArgs, count: Option<u64>) -> usize {
    match count {
        Some(count) if count >= FEW => cores(),
        None if args.files_from.is_some() => cores(),
        _ => 1,
    }
}

/// Frames of live sources that are classified at once.
fn live_workers(args: &RunArgs, sources: usize) -> usize {
    if let Some(asked) = args.workers.filter(|asked| *asked > sources) {
        log::warn!(
            "{sources} of {asked} workers have work: a source's frames are classified one after the other"
        );
    }
    let usual = || frames_at_once(sources, cores(), args.threads);
    args.workers.unwrap_or_else(usual).min(sources.max(1))
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

fn announce(
    model: &Arc<Model>,
    identity: &Identity,
    (workers, threads): (usize, usize),
    followed: usize,
) {
    let prepared = if identity.prepared { ", prepared" } else { "" };
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let shared = match followed {
        0 | 1 => String::new(),
        several => format!(" for {several} sources"),
    };
    log::info!(
        "{} runs on {} ({}{prepared}), {} with {}{shared}",
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
