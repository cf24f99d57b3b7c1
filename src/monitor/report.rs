//! What a monitor knows, as others are told it: answers of the service, the page, a file beside
//! what was learned.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::accuracy::{Accuracy, Withheld};
use super::drift::{Alarm, Drift, Progress, Side, Statistic};
use super::finding::Finding;
use super::health::HealthCause;

/// What is known of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Monitor", deny_unknown_fields))]
pub struct Report {
    /// What the source is called.
    pub source: String,
    /// Name and version of the model.
    pub model: String,
    /// As of when.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub ts: String,
    /// What is wrong with the picture, and has been for a while.
    pub health: Vec<HealthCause>,
    /// What of it somebody has taken notice of.
    pub acknowledged: Vec<HealthCause>,
    /// What is no longer what it was, and nobody has taken notice of.
    pub drift: Vec<DriftReport>,
    /// How often the answers are likely to be right.
    pub accuracy: AccuracyReport,
    /// How far this place is from the model's training; empty until a day was seen.
    pub findings: Vec<FindingReport>,
    /// What drift is watched for in.
    pub statistics: Vec<StatisticReport>,
}

/// That a statistic is no longer what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "DriftAlarm", deny_unknown_fields)
)]
pub struct DriftReport {
    /// Its name: `brightness`, `share:bee`.
    pub statistic: String,
    /// When the change began, by the sum's own account.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub since: String,
    /// When it was noticed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub noticed: String,
    /// Whether it is more or less than it was.
    pub side: Side,
    /// By how much, in the statistic's own unit.
    pub change: f32,
}

/// How often the answers are likely to be right: an estimate, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "EstimatedAccuracy", deny_unknown_fields)
)]
pub struct AccuracyReport {
    /// Share of right answers.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub estimate: Option<f32>,
    /// Lower end of the interval of 95 %.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub low: Option<f32>,
    /// Its upper end.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub high: Option<f32>,
    /// Frames that it comes from.
    pub frames: Option<usize>,
    /// Why it cannot be estimated.
    pub withheld: Option<String>,
}

/// One statistic here and in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "MonitorFinding", deny_unknown_fields)
)]
pub struct FindingReport {
    /// Its name.
    pub statistic: String,
    /// Its mean here.
    pub here: f32,
    /// Its mean in training.
    pub training: f32,
    /// How far apart they are, in training's standard deviations from picture to picture.
    pub deviations: f32,
}

/// How far one statistic is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "MonitorStatistic", deny_unknown_fields)
)]
pub struct StatisticReport {
    /// Its name.
    pub statistic: String,
    /// Days of its own past that are known, while it learns what is usual; then null.
    pub learned_days: Option<u64>,
    /// Length of the blocks that are compared, seconds; null while it learns.
    pub block_s: Option<u64>,
    /// Share of the way to an alarm; null while it learns.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub level: Option<f32>,
    /// The last blocks' deviations from the usual, oldest first.
    pub history: Vec<f32>,
}

/// A second of the Unix epoch as text; what no calendar has is its last day.
fn moment(second: u64) -> String {
    /// The end of the year 9999.
    const LAST: u64 = 253_402_300_799;
    let at = UNIX_EPOCH + Duration::from_secs(second.min(LAST));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// The time as text.
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

impl DriftReport {
    pub(super) fn of(statistic: Statistic, alarm: &Alarm, labels: &[String]) -> Self {
        Self {
            statistic: statistic.name(labels),
            since: moment(alarm.began),
            noticed: moment(alarm.noticed),
            side: alarm.side,
            change: alarm.change,
        }
    }
}

impl FindingReport {
    pub(super) fn of(found: &Finding, labels: &[String]) -> Self {
        Self {
            statistic: found.statistic.name(labels),
            here: found.here,
            training: found.training,
            deviations: found.deviations,
        }
    }
}

impl StatisticReport {
    /// `None` of what never had a value.
    pub(super) fn of(drift: &Drift, statistic: Statistic, labels: &[String]) -> Option<Self> {
        let (learned_days, block_s, level) = match drift.progress(statistic) {
            Progress::Absent => return None,
            Progress::Learning(days) => (Some(days), None, None),
            Progress::Watching { block, level } => (None, Some(block), Some(level)),
        };
        Some(Self {
            statistic: statistic.name(labels),
            learned_days,
            block_s,
            level,
            history: drift.history(statistic).to_vec(),
        })
    }
}

impl AccuracyReport {
    pub(super) fn of(accuracy: Accuracy, labels: &[String]) -> Self {
        match accuracy {
            Accuracy::Estimated {
                accuracy,
                low,
                high,
                frames,
            } => Self {
                estimate: Some(accuracy),
                low: Some(low),
                high: Some(high),
                frames: Some(frames),
                withheld: None,
            },
            Accuracy::Withheld(why) => Self {
                estimate: None,
                low: None,
                high: None,
                frames: None,
                withheld: Some(reason(why, labels)),
            },
        }
    }
}

/// Why accuracy cannot be estimated, in words.
fn reason(why: Withheld, labels: &[String]) -> String {
    match why {
        Withheld::Uncalibrated => "the model does not say that its scores are probabilities".into(),
        Withheld::Independent => "labels are independent: there is no one right answer".into(),
        Withheld::NoFeatures => {
            "without the model's features nobody knows whether it knows what it sees".into()
        }
        Withheld::TooFew => "too few frames that differ so far".into(),
        Withheld::Unhealthy(causes) => match causes.iter().next() {
            Some(cause) => cause.sentence().into(),
            None => "something may be wrong with the picture".into(),
        },
        Withheld::Drifting(statistic) => {
            format!("drift: {} is not what it was", statistic.name(labels))
        }
        Withheld::Unfamiliar(share) => format!(
            "{:.0} % of the pictures are farther from training than 5 % of its own",
            100.0 * share
        ),
    }
}

impl Report {
    /// What has been noticed and can be acknowledged, by name.
    pub fn noticed(&self) -> impl Iterator<Item = &str> {
        let health = self.health.iter().map(|cause| cause.name());
        health.chain(self.drift.iter().map(|alarm| alarm.statistic.as_str()))
    }
}
