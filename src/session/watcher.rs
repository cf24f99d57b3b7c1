//! A live source under watch: its monitor is told of every frame, and what it finds goes into
//! records, once into the log, to observers, and onto the disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::state_writer::StateWriter;
use crate::model::Model;
use crate::monitor::health::{Causes, HealthCause};
use crate::monitor::{
    Desk, Identity, Known, ModelAnswer, Monitor, MonitorOptions, Observation, Place, Report,
};
use crate::pipeline::Scores;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::{Prefix, Record};

/// Whoever looks is told so often while nothing changes.
const REPORT: Duration = Duration::from_secs(10);
/// What was learned is kept so often: drift learns nothing sooner, and cards wear.
const KEEP: Duration = Duration::from_secs(600);

/// How a live source is watched.
pub struct WatchOptions {
    /// What reports call it.
    pub title: String,
    /// What is looked for.
    pub monitor: MonitorOptions,
    /// Where others find what is known of it.
    pub desk: Arc<Desk>,
    /// Where what was learned outlives a restart, if it is to.
    pub state: Option<MonitorStateOptions>,
}

/// What was learned of a camera outlives a restart.
pub struct MonitorStateOptions {
    /// Where.
    pub place: Place,
    /// What tells the camera from others.
    pub camera: String,
}

/// Watches one source.
pub(super) struct Watcher {
    title: String,
    name: Option<Arc<str>>,
    monitor: Monitor,
    desk: Arc<Desk>,
    kept: Option<(StateWriter, Identity)>,
    labels: Vec<String>,
    model: String,
    hash: Option<String>,
    /// What is wrong, and since when.
    health: Causes,
    since: [Option<Instant>; HealthCause::ALL.len()],
    /// What drifts, by name.
    drifting: Vec<Arc<str>>,
    has_findings: bool,
    /// Whether observers were told nothing yet.
    is_new: bool,
    reported: Instant,
    saved: Instant,
}

impl Watcher {
    /// Watches the source `name`, which `model` looks at.
    pub(super) fn new(options: WatchOptions, name: Option<Arc<str>>, model: &Model) -> Self {
        let known = Known::new(&model.manifest);
        let hash = hash(model);
        let kept = options.state.and_then(|keep| {
            let identity = Identity {
                camera: keep.camera,
                model: hash.clone()?,
            };
            Some((keep.place, identity))
        });
        let monitor = match &kept {
            Some((place, own)) => Monitor::open(&place.state(), own, known, options.monitor),
            None => Monitor::new(known, options.monitor),
        };
        let start = |(place, identity)| (StateWriter::start(place, options.desk.clone()), identity);
        let mut watcher = Self {
            title: options.title,
            name,
            has_findings: monitor.findings().is_some(),
            monitor,
            kept: kept.map(start),
            desk: options.desk,
            labels: model.manifest.labels.clone(),
            model: model.manifest.id(),
            hash,
            health: Causes::default(),
            since: [None; HealthCause::ALL.len()],
            drifting: Vec::new(),
            is_new: true,
            reported: Instant::now(),
            saved: Instant::now(),
        };
        watcher.tell_drift();
        watcher.report();
        watcher
    }

    fn prefix(&self) -> Prefix<'_> {
        Prefix(self.name.as_deref())
    }

    /// Whether a frame captured `at` is to be measured.
    pub(super) fn is_due(&self, at: Instant) -> bool {
        self.monitor.is_due(at)
    }

    /// Takes in a frame, with the scores of every class if it was classified, and completes its
    /// record. Gives a report if there is news.
    pub(super) fn observe(
        &mut self,
        frame: &Frame,
        record: &mut Record,
        scores: Option<&Scores>,
    ) -> Option<Arc<Report>> {
        let news = record.summary.is_measured() && self.assess(frame, record, scores);
        record.health.clear();
        record
            .health
            .extend(self.health.iter().map(HealthCause::name));
        record.drift.clone_from(&self.drifting);
        news.then(|| self.report())
    }

    /// Whether anything that is told changed with the frame.
    fn assess(&mut self, frame: &Frame, record: &Record, scores: Option<&Scores>) -> bool {
        let seen = Observation {
            summary: &record.summary,
            time: frame.time,
            instant: frame.instant,
            sequence: frame.sequence,
            answer: scores.map(|scores| ModelAnswer {
                scores: &scores.0,
                features: &record.embedding,
            }),
        };
        let found = *self.monitor.observe(&seen);
        let mut news = false;
        if found.health != self.health {
            self.tell_health(found.health, frame.instant);
            news = true;
        }
        if found.drift_changed {
            self.tell_drift();
            news = true;
        }
        if !self.has_findings && self.monitor.findings().is_some() {
            self.has_findings = true;
            self.tell_findings();
            news = true;
        }
        news
    }

    /// Comes several times a second: takes in what somebody has taken notice of. Gives a report if
    /// there is news, or none was given for a while.
    pub(super) fn attend(&mut self) -> Option<Arc<Report>> {
        let asked = self.desk.take_asked();
        for what in &asked {
            self.acknowledge(what);
        }
        if !asked.is_empty() {
            self.tell_drift();
        }
        if self.saved.elapsed() >= KEEP {
            self.save();
        }
        if !asked.is_empty() {
            return Some(self.report());
        }
        let is_due = std::mem::take(&mut self.is_new) || self.reported.elapsed() >= REPORT;
        is_due.then(|| self.renew_report())
    }

    fn acknowledge(&mut self, what: &str) {
        let prefix = Prefix(self.name.as_deref());
        if let Some(cause) = HealthCause::named(what) {
            match self.health.has(cause) {
                true => log::info!("{prefix}`{what}` is acknowledged, and taken for usual"),
                false => log::warn!("{prefix}`{what}` cannot be acknowledged: it is not there"),
            }
            self.monitor.acknowledge_health(cause);
            return;
        }
        let mut statistics = self.monitor.drift().statistics().iter();
        let statistic = statistics.find(|statistic| statistic.name(&self.labels) == what);
        match statistic.map(|statistic| self.monitor.acknowledge_drift(statistic)) {
            Some(true) => log::info!("{prefix}the drift of `{what}` is acknowledged"),
            Some(false) => {
                log::warn!("{prefix}`{what}` cannot be acknowledged: it does not drift");
            }
            None => log::warn!("{prefix}`{what}` is neither a cause nor a statistic"),
        }
    }

    /// Another model answers from now on.
    pub(super) fn adopt(&mut self, model: &Model) {
        let hash = hash(model);
        if hash.is_some() && hash == self.hash {
            return;
        }
        match (&mut self.kept, &hash) {
            (Some((_, own)), Some(hash)) => own.model.clone_from(hash),
            (kept, _) => *kept = None,
        }
        self.hash = hash;
        self.monitor.adopt(Known::new(&model.manifest));
        self.labels.clone_from(&model.manifest.labels);
        self.model = model.manifest.id();
        self.drifting.clear();
        self.has_findings = false;
    }

    fn tell_health(&mut self, now: Causes, at: Instant) {
        for cause in HealthCause::ALL {
            let since = &mut self.since[cause as usize];
            let prefix = Prefix(self.name.as_deref());
            match (self.health.has(cause), now.has(cause)) {
                (false, true) => {
                    *since = Some(at);
                    log::warn!("{prefix}{} ({cause})", cause.sentence());
                }
                (true, false) => {
                    let since = since.take().unwrap_or(at);
                    let seconds = at.saturating_duration_since(since).as_secs_f64();
                    log::info!("{prefix}no longer {cause}, after {seconds:.0} s");
                }
                _ => {}
            }
        }
        self.health = now;
    }

    fn tell_drift(&mut self) {
        let mut drifting = Vec::new();
        for (statistic, alarm) in self.monitor.drift().alarms() {
            let name: Arc<str> = statistic.name(&self.labels).into();
            if !self.drifting.contains(&name) {
                let (change, prefix) = (alarm.change, self.prefix());
                log::warn!("{prefix}drift: {name} has changed by {change:+.3}, and stays so");
            }
            drifting.push(name);
        }
        for gone in self.drifting.iter().filter(|name| !drifting.contains(name)) {
            log::info!("{}drift: {gone} is told no more", self.prefix());
        }
        self.drifting = drifting;
    }

    fn tell_findings(&self) {
        for found in self.monitor.findings().unwrap_or_default() {
            log::info!(
                "{}{} is {:.3} here, {:.3} in the model's training: {:+.1} deviations",
                self.prefix(),
                found.statistic.name(&self.labels),
                found.here,
                found.training,
                found.deviations
            );
        }
    }

    /// A report for everyone, the disk included.
    fn report(&mut self) -> Arc<Report> {
        let report = self.renew_report();
        if let Some((writer, _)) = &mut self.kept {
            writer.keep_report(report.clone());
        }
        report
    }

    /// A report for those who look at it now.
    fn renew_report(&mut self) -> Arc<Report> {
        self.reported = Instant::now();
        let report = self.monitor.report(&self.title, &self.model, &self.labels);
        let report = Arc::new(report);
        self.desk.put(report.clone());
        report
    }

    fn save(&mut self) {
        self.saved = Instant::now();
        if let Some((writer, identity)) = &mut self.kept {
            writer.keep_state(self.monitor.state(identity));
        }
        self.report();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.save();
    }
}

/// The model's hash, without which nothing that was learned of its answers can be kept.
fn hash(model: &Model) -> Option<String> {
    model
        .sha256()
        .inspect_err(|error| log::warn!("{error:#}; what the monitor learns is not kept"))
        .ok()
}
