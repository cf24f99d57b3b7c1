//! Watches a live source for months: is the picture sound, has the world changed, how good
//! are the answers likely to be? Nobody has to look, and nothing has to be labelled.
//!
//! A [`Monitor`] belongs to one source. It is told of every frame, skipped ones included, and
//! assesses each in a fraction of the time that decoding takes, without memory of its own
//! after the first.

pub mod accuracy;
mod desk;
pub mod drift;
mod finding;
pub mod health;
mod hours;
mod known;
mod place;
mod report;
pub mod ring;
mod state;
mod whole;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::pipeline::summary::PictureSummary;
use accuracy::{Accuracy, Estimator, Withheld};
pub use desk::Desk;
use drift::{Drift, DriftOptions, Statistic, Statistics};
use finding::Comparison;
pub use finding::Finding;
use health::{Causes, Health, HealthCause, HealthState, Repeats};
pub use known::Known;
pub use place::{Place, default_folder};
pub use report::{AccuracyReport, DriftReport, FindingReport, Report, StatisticReport};
pub use state::{Identity, State};

/// No clock that was set is earlier: the first day of 2024, seconds of the Unix epoch.
const CLOCK_IS_SET: u64 = 1_704_067_200;
/// A picture is looked at so often; what health and drift tell does not change sooner.
const EVERY: Duration = Duration::from_millis(200);

/// How a source is watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonitorOptions {
    /// Whether the source can give the same picture twice.
    pub repeats: Repeats,
    /// How drift is watched for.
    pub drift: DriftOptions,
}

/// What is known of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// How its picture looks.
    pub summary: &'a PictureSummary,
    /// When it was captured, for the hour of the day.
    pub time: SystemTime,
    /// The same on the clock that is never set, for how long something lasts.
    pub instant: Instant,
    /// The number that the source itself gave it, where it does: one that stands still is
    /// one frame handed out twice, and says nothing of the picture.
    pub sequence: Option<u64>,
    /// What the model said; a frame that showed nothing new counts as the one before.
    pub answer: Option<ModelAnswer<'a>>,
}

/// What the model said of a frame.
#[derive(Clone, Copy, Debug)]
pub struct ModelAnswer<'a> {
    /// Calibrated scores of every class.
    pub scores: &'a [f32],
    /// Its features, where it gives them; else empty.
    pub features: &'a [f32],
}

/// What is said of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// What is wrong with the picture, and has been for a while.
    pub health: Causes,
    /// Whether an alarm of drift came or went with this frame: [`Monitor::drift`] has them.
    pub drift_changed: bool,
    /// How often the answers are likely to be right.
    pub accuracy: Accuracy,
}

/// Watches one source.
pub struct Monitor {
    known: Known,
    options: MonitorOptions,
    health: Health,
    drift: Drift,
    comparison: Comparison,
    estimator: Estimator,
    /// One for each statistic; those of the model are as they were last.
    values: Vec<f32>,
    looked: Option<Instant>,
    assessment: Assessment,
}

impl Monitor {
    /// Knows nothing of the source yet.
    pub fn new(known: Known, options: MonitorOptions) -> Self {
        let statistics = Statistics::of_classes(known.classes);
        Self {
            health: Health::new(options.repeats, HealthState::default()),
            drift: Drift::new(statistics, options.drift),
            comparison: Comparison::default(),
            estimator: Estimator::new(&known),
            values: vec![f32::NAN; statistics.count()],
            looked: None,
            assessment: Assessment {
                health: Causes::default(),
                drift_changed: false,
                accuracy: Accuracy::Withheld(Withheld::TooFew),
            },
            known,
            options,
        }
    }

    /// Goes on with what is kept at `path` of this camera and model. What is of another, or
    /// broken, is set aside and said in the log.
    pub fn open(path: &Path, identity: &Identity, known: Known, options: MonitorOptions) -> Self {
        let mut monitor = Self::new(known, options);
        let Some(state) = State::read(path, identity) else {
            return monitor;
        };
        monitor.health = Health::new(options.repeats, state.health);
        if monitor.drift.resume(state.drift) {
            monitor.comparison = state.comparison;
        }
        monitor
    }

    /// Keeps at `path` what was learned; whole, or what was there stays.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, path: &Path, identity: &Identity) -> Result<()> {
        self.state(identity).write(path)
    }

    /// What was learned, for a file that another thread writes.
    pub fn state(&self, identity: &Identity) -> State {
        let (health, drift) = (self.health.state(), self.drift.state());
        State::new(identity.clone(), health, drift, self.comparison.clone())
    }

    /// Watches what another model says from now on: only what is usual of the pictures stays.
    pub fn adopt(&mut self, known: Known) {
        let health = Health::new(self.options.repeats, self.health.state());
        *self = Self {
            health,
            ..Self::new(known, self.options)
        };
    }

    /// All that is known, for others: the source is called `source`, the model `model`, which has
    /// these `labels`.
    pub fn report(&self, source: &str, model: &str, labels: &[String]) -> Report {
        let drift = &self.drift;
        let statistics = drift.statistics().iter();
        let statistics = statistics
            .filter_map(|what| StatisticReport::of(drift, what, labels))
            .collect();
        let alarms = drift.alarms();
        let findings = self.comparison.findings().unwrap_or_default().iter();
        Report {
            source: source.to_owned(),
            model: model.to_owned(),
            ts: report::now(),
            health: self.assessment.health.iter().collect(),
            acknowledged: self.health.acknowledged().iter().collect(),
            drift: alarms
                .map(|(what, alarm)| DriftReport::of(what, &alarm, labels))
                .collect(),
            accuracy: AccuracyReport::of(self.assessment.accuracy, labels),
            findings: findings
                .map(|found| FindingReport::of(found, labels))
                .collect(),
            statistics,
        }
    }

    /// Whether it is time for another look: a frame captured `at` need not be measured if not.
    pub fn is_due(&self, at: Instant) -> bool {
        self.looked
            .is_none_or(|looked| at.saturating_duration_since(looked) >= EVERY)
    }

    /// Assesses a frame.
    pub fn observe(&mut self, seen: &Observation<'_>) -> &Assessment {
        self.looked = Some(seen.instant);
        let since = seen.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs();
        let health = self
            .health
            .observe(seen.summary, (second, seen.instant), seen.sequence);
        let was_drifting = !self.drift.is_quiet();
        self.assessment.health = health;
        self.assessment.drift_changed = false;
        // An unsound picture tells nothing of the world, and neither does one of 1970.
        if self.health.is_quiet() && second >= CLOCK_IS_SET && seen.summary.is_measured() {
            self.take(seen);
            self.assessment.drift_changed = self.drift.observe(second, &self.values);
            let (values, statistics) = (&self.values, self.drift.statistics());
            let value = |what| statistics.place(what).map_or(f32::NAN, |at| values[at]);
            self.comparison.enter(second, &self.known, value);
        }
        if was_drifting && self.drift.is_quiet() {
            self.estimator.begin_anew();
        }
        self.assessment.accuracy = self.accuracy();
        &self.assessment
    }

    /// One value for each statistic.
    fn take(&mut self, seen: &Observation<'_>) {
        let summary = seen.summary;
        let red_blue = summary.colour().map(|colour| colour.red - colour.blue);
        let pictures = [
            (Statistic::Brightness, summary.brightness()),
            (Statistic::Contrast, summary.contrast()),
            (Statistic::Sharpness, summary.detail().powi(2).ln_1p()),
            (Statistic::RedBlue, red_blue.unwrap_or(f32::NAN)),
        ];
        for (statistic, value) in pictures {
            self.set(statistic, value);
        }
        let Some(answer) = seen.answer else { return };
        let best = crate::pipeline::best(answer.scores);
        let distance = self.known.distance(answer.features, best.index);
        self.estimator.enter(seen.instant, best.score, distance);
        self.set(Statistic::Score, best.score);
        self.set(Statistic::Distance, distance.unwrap_or(f32::NAN));
        for class in 0..answer.scores.len() {
            let is_best = f32::from(u8::from(class == best.index));
            self.set(Statistic::Share(class), is_best);
        }
    }

    fn set(&mut self, statistic: Statistic, value: f32) {
        if let Some(place) = self.drift.statistics().place(statistic) {
            self.values[place] = value;
        }
    }

    fn accuracy(&self) -> Accuracy {
        let unsound = !self.health.is_quiet();
        let mut drifting = self.drift.alarms().map(|(statistic, _)| statistic);
        match (unsound, drifting.next()) {
            (true, _) => Accuracy::Withheld(Withheld::Unhealthy(self.assessment.health)),
            (_, Some(statistic)) => Accuracy::Withheld(Withheld::Drifting(statistic)),
            _ => self.estimator.estimate(),
        }
    }

    /// What was said last.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }

    /// What is known of drift: alarms, how far each statistic is, its history.
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// How far this place is from the model's training, once a day was seen; `None` before.
    pub fn findings(&self) -> Option<&[Finding]> {
        self.comparison.findings()
    }

    /// Takes a cause that is there for usual from now on: its looks are learned, and it is
    /// told no more once they are known.
    pub fn acknowledge_health(&mut self, cause: HealthCause) {
        self.health.acknowledge(cause);
    }

    /// The causes that are there and were acknowledged.
    pub fn acknowledged_health(&self) -> Causes {
        self.health.acknowledged()
    }

    /// Takes the way things are since `statistic` changed for usual. Says whether there was an
    /// alarm.
    pub fn acknowledge_drift(&mut self, statistic: Statistic) -> bool {
        self.estimator.begin_anew();
        self.drift.acknowledge(statistic)
    }
}
