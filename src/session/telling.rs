//! Passes on what the loop says: to the observers of one source, and to those of all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::NewModel;
use super::live::LiveHandler;
use super::observer::{FrameEvent, Observer};
use super::stats::{Ending, LoopStats};
use super::watcher::Watcher;
use crate::error::{Error, Result};
use crate::monitor::Report;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::{Context, Prefix, Record};
use crate::pipeline::{Pipeline, Scores};
use crate::swap::Swap;
use crate::throttle::ThrottledLog;

/// Who is told of one source, and what was said of it.
pub(super) struct Told {
    name: Option<Arc<str>>,
    observers: Vec<Box<dyn Observer>>,
    faults: ThrottledLog,
    watcher: Option<Watcher>,
    /// Since when it cannot be used.
    broken: Option<Instant>,
}

impl Told {
    /// Nothing was said yet of the source that is called `name`.
    pub(super) fn new(
        name: Option<Arc<str>>,
        observers: Vec<Box<dyn Observer>>,
        watcher: Option<Watcher>,
    ) -> Self {
        Self {
            name,
            observers,
            watcher,
            faults: ThrottledLog::default(),
            broken: None,
        }
    }

    /// Completes a frame's record; tells what is news about the source.
    fn watch(&mut self, frame: &Frame, record: &mut Record, scores: Option<&Scores>) {
        let watcher = self.watcher.as_mut();
        if let Some(report) = watcher.and_then(|w| w.observe(frame, record, scores)) {
            self.tell(&report);
        }
    }

    fn tell(&mut self, report: &Arc<Report>) {
        let observers = self.observers.iter_mut();
        observers.for_each(|observer| observer.on_report(report));
    }

    /// What a message about the source begins with.
    fn prefix(&self) -> Prefix<'_> {
        Prefix(self.name.as_deref())
    }

    /// The same where `error` is told, which may begin with the name itself.
    fn prefix_to(&self, error: &Error) -> Prefix<'_> {
        Prefix(self.name.as_deref().filter(|name| *name != error.place()))
    }
}

/// Whoever is told.
pub(super) struct Telling {
    context: Context,
    sources: Vec<Told>,
    observers: Vec<Box<dyn Observer>>,
    swap: Swap<NewModel>,
}

impl Telling {
    /// Tells those of each source, and `observers` of all.
    pub(super) fn new(
        context: Context,
        sources: Vec<Told>,
        observers: Vec<Box<dyn Observer>>,
        swap: Swap<NewModel>,
    ) -> Self {
        Self {
            context,
            sources,
            observers,
            swap,
        }
    }

    /// Those who are told of the source, and of all.
    fn of(&mut self, source: usize) -> impl Iterator<Item = &mut Box<dyn Observer>> {
        let own = self.sources[source].observers.iter_mut();
        own.chain(&mut self.observers)
    }

    fn everyone(&mut self) -> impl Iterator<Item = &mut Box<dyn Observer>> {
        let own = self.sources.iter_mut().flat_map(|told| &mut told.observers);
        own.chain(&mut self.observers)
    }

    /// Says how each source did in the time that `passed`.
    pub(super) fn conclude(&self, stats: &[LoopStats], passed: Duration) {
        let seconds = passed.as_secs_f64();
        for (told, stats) in self.sources.iter().zip(stats) {
            let prefix = told.prefix();
            log::info!(
                "{prefix}{} frames classified in {seconds:.1} s, {:.1} per second; dropped {}",
                stats.classified,
                stats.classified as f64 / seconds.max(1e-3),
                stats.drops
            );
            if stats.classified == 0 && stats.ending != Some(Ending::Broken) {
                log::warn!("{prefix}the source gave no frame");
            }
        }
    }
}

impl LiveHandler for Telling {
    fn on_frame(
        &mut self,
        source: usize,
        frame: &Frame,
        record: &mut Record,
        scores: &Scores,
    ) -> Result<()> {
        self.sources[source].watch(frame, record, Some(scores));
        let event = FrameEvent::new(frame, record, scores, &self.context);
        let own = self.sources[source].observers.iter_mut();
        own.chain(&mut self.observers)
            .try_for_each(|observer| observer.on_frame(&event))
    }

    fn wants_summary(&self, source: usize, at: Instant) -> bool {
        let watcher = self.sources[source].watcher.as_ref();
        watcher.is_some_and(|watcher| watcher.is_due(at))
    }

    fn on_skipped(&mut self, source: usize, frame: &Frame, record: &mut Record) {
        self.sources[source].watch(frame, record, None);
        self.of(source)
            .for_each(|observer| observer.on_skipped(frame));
    }

    fn on_fault(&mut self, source: usize, error: &Error) {
        let told = &mut self.sources[source];
        let prefix = Prefix(told.name.as_deref());
        told.faults
            .warn(format_args!("{prefix}a frame is skipped: {error:#}"));
    }

    fn on_lost(&mut self, source: usize, error: &Error) {
        let told = &mut self.sources[source];
        told.broken = None;
        log::warn!("{}{error:#}", told.prefix_to(error));
        self.of(source).for_each(|o| o.on_outage(error));
    }

    fn on_broken(&mut self, source: usize, error: Error, left_out: bool) -> Result<()> {
        self.of(source).for_each(|o| o.on_outage(&error));
        self.sources[source].broken = Some(Instant::now());
        if self.sources.iter().all(|told| told.broken.is_some()) {
            return Err(error);
        }
        let prefix = self.sources[source].prefix_to(&error);
        let outlook = match left_out {
            true => "this source is left out",
            false => "tried again while others go on",
        };
        log::error!("{prefix}{error:#}; {outlook}");
        Ok(())
    }

    fn on_usable(&mut self, source: usize) {
        let told = &mut self.sources[source];
        if let Some(since) = told.broken.take() {
            let seconds = since.elapsed().as_secs_f64();
            log::info!("{}can be used after {seconds:.1} s", told.prefix());
        }
    }

    fn on_tick(&mut self, stats: &[LoopStats]) -> Result<Option<NewModel>> {
        for (told, stats) in self.sources.iter_mut().zip(stats) {
            if let Some(report) = told.watcher.as_mut().and_then(Watcher::attend) {
                told.tell(&report);
            }
            for observer in &mut told.observers {
                observer.on_stats(stats)?;
            }
        }
        let all = LoopStats::of_all(stats);
        for observer in &mut self.observers {
            observer.on_stats(&all)?;
        }
        let (sources, observers) = (&mut self.sources, &mut self.observers);
        Ok(self.swap.poll(|event| {
            let own = sources.iter_mut().flat_map(|told| &mut told.observers);
            own.chain(&mut *observers)
                .for_each(|observer| observer.on_swap(event));
        }))
    }

    fn take_over(&mut self, NewModel { maker, pipeline }: NewModel) -> Pipeline {
        let identity = pipeline.engine().identity();
        log::info!(
            "{} takes over on {} ({})",
            maker.model.manifest.id(),
            identity.engine,
            identity.provider
        );
        let context = maker.context(identity);
        for observer in self.everyone() {
            observer.on_model(&context);
        }
        for watcher in self.sources.iter_mut().filter_map(|s| s.watcher.as_mut()) {
            watcher.adopt(&maker.model);
        }
        self.context = context;
        pipeline
    }
}
