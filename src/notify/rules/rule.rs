//! When to act: a class above a score, an answer, a fault of the picture or a drift, for so long.
//!
//! `LABEL`, `LABEL>0.8`, `unknown`, `health`, `health:covered`, `drift`, `drift:brightness`; each may be followed by `for 2s`. A bare label is true
//! while it is the answer, or among the labels that are there, a comparison (`>`, `>=`, `<`,
//! `<=`) while the class's score
//! stands it, whatever the answer is. A rule fires once when it has been true for its
//! time without a break, and again only after it has been false.

use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::monitor::drift::Statistics;
use crate::monitor::health::HealthCause;
use crate::session::FrameEvent;

/// A condition, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    label: String,
    limit: Option<Limit>,
    lasting: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit {
    above: bool,
    inclusive: bool,
    score: f32,
}

impl Limit {
    fn holds(self, score: f32) -> bool {
        (self.inclusive && score == self.score)
            || if self.above {
                score > self.score
            } else {
                score < self.score
            }
    }
}

/// What stands for "no class is decided for".
const UNKNOWN: &str = "unknown";
/// What stands for what the source's monitor says.
const HEALTH: &str = "health";
const DRIFT: &str = "drift";

impl Rule {
    /// Whether it is about what a source's monitor says.
    pub fn is_about_monitor(&self) -> bool {
        let (what, _) = self.label.split_once(':').unwrap_or((&self.label, ""));
        [HEALTH, DRIFT].contains(&what)
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        const EXPECTED: &str = "expected LABEL, LABEL>0.8 or unknown, perhaps with `for 2s`";
        let (what, lasting) = match text.rsplit_once(" for ") {
            Some((what, time)) => match humantime::parse_duration(time.trim()) {
                Ok(lasting) => (what, lasting),
                Err(e) => {
                    return Err(format!(
                        "`{time}`: {e}, expected a time such as 500ms or 2s"
                    ));
                }
            },
            None => (text, Duration::ZERO),
        };
        let (label, limit) = match what.rfind(['>', '<']) {
            None => (what, None),
            Some(at) => {
                let (label, rest) = what.split_at(at);
                let above = rest.starts_with('>');
                let (inclusive, number) = match rest[1..].strip_prefix('=') {
                    Some(number) => (true, number),
                    None => (false, &rest[1..]),
                };
                let score = number.trim().parse().ok();
                let score = score
                    .filter(|score| (0.0..=1.0).contains(score))
                    .ok_or_else(|| {
                        format!("`{}` is not a score from 0 to 1, {EXPECTED}", number.trim())
                    })?;
                let limit = Limit {
                    above,
                    inclusive,
                    score,
                };
                (label, Some(limit))
            }
        };
        let label = label.trim();
        if label.is_empty() {
            return Err(format!("`{text}` names no class, {EXPECTED}"));
        }
        if label == UNKNOWN && limit.is_some() {
            return Err(format!("`{text}`: unknown has no score, {EXPECTED}"));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            label: label.to_owned(),
            limit,
            lasting,
        })
    }
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Class(usize),
    Unknown,
    /// A cause by which the picture is not sound, or any.
    Health(Option<HealthCause>),
    /// A statistic that drifts, or any.
    Drift(Option<String>),
}

impl Subject {
    /// What `text` means where the classes are called `labels`.
    fn of(text: &str, labels: &[String]) -> Option<Self> {
        if let Some(class) = labels.iter().position(|label| label == text) {
            return Some(Self::Class(class));
        }
        let (what, which) = match text.split_once(':') {
            Some((what, which)) => (what, Some(which.trim())),
            None => (text, None),
        };
        match (what, which) {
            (UNKNOWN, None) => Some(Self::Unknown),
            (HEALTH, None) => Some(Self::Health(None)),
            (HEALTH, Some(which)) => Some(Self::Health(Some(HealthCause::named(which)?))),
            (DRIFT, None) => Some(Self::Drift(None)),
            (DRIFT, Some(which)) => {
                let mut known = Statistics::of_classes(labels.len()).iter();
                let is_known = known.any(|statistic| statistic.name(labels) == which);
                is_known.then(|| Self::Drift(Some(which.to_owned())))
            }
            _ => None,
        }
    }
}

/// A rule on its watch.
pub(crate) struct Watch {
    rule: Rule,
    subject: Subject,
    since: Option<Instant>,
    fired: bool,
}

impl Watch {
    /// Watches for `rule` among `labels`.
    ///
    /// # Errors
    /// There is no such class.
    pub(crate) fn new(rule: Rule, labels: &[String]) -> Result<Self> {
        let Some(subject) = Subject::of(&rule.label, labels) else {
            let shown: Vec<&str> = labels.iter().take(10).map(String::as_str).collect();
            let more = if labels.len() > shown.len() {
                ", …"
            } else {
                ""
            };
            return Err(Error::usage(
                format!("rule `{}`", rule.text),
                format!("the model has no class `{}`", rule.label),
            )
            .with_remedy(format!(
                "name one of {}{more}, unknown, health:CAUSE or drift:STATISTIC",
                shown.join(", ")
            ))
            .with_settings(&["rules"]));
        };
        if rule.limit.is_some() && !matches!(subject, Subject::Class(_)) {
            let what = "only classes have a score";
            return Err(Error::usage(format!("rule `{}`", rule.text), what)
                .with_remedy("leave the comparison out")
                .with_settings(&["rules"]));
        }
        Ok(Self {
            rule,
            subject,
            since: None,
            fired: false,
        })
    }

    /// The same, going on where the watch for this rule among `before` stood.
    #[must_use]
    pub(crate) fn after(mut self, before: &[Self]) -> Self {
        if let Some(before) = before.iter().find(|watch| watch.rule == self.rule) {
            (self.since, self.fired) = (before.since, before.fired);
        }
        self
    }

    /// The rule.
    pub(crate) fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The class that it is about, if it is about one.
    pub(crate) fn class(&self) -> Option<usize> {
        match self.subject {
            Subject::Class(class) => Some(class),
            _ => None,
        }
    }

    /// Whether the rule fires at this event.
    pub(crate) fn fires(&mut self, event: &FrameEvent) -> bool {
        let record = event.record;
        let holds = match (&self.subject, self.rule.limit) {
            (Subject::Unknown, _) => record.decision.unknown,
            (Subject::Class(class), None) => record.shows(*class, event.context),
            (Subject::Class(class), Some(limit)) => limit.holds(event.scores.0[*class]),
            (Subject::Health(None), _) => !record.health.is_empty(),
            (Subject::Health(Some(cause)), _) => record.health.contains(&cause.name()),
            (Subject::Drift(None), _) => !record.drift.is_empty(),
            (Subject::Drift(Some(which)), _) => record.drift.iter().any(|name| **name == **which),
        };
        self.enter(holds, event.frame.instant)
    }

    fn enter(&mut self, holds: bool, at: Instant) -> bool {
        if !holds {
            self.interrupt();
            self.fired = false;
            return false;
        }
        let since = *self.since.get_or_insert(at);
        let fires = !self.fired && at.saturating_duration_since(since) >= self.rule.lasting;
        self.fired |= fires;
        fires
    }

    /// What happens now is not seen: nothing is known to last.
    pub(crate) fn interrupt(&mut self) {
        self.since = None;
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{HealthCause, Rule, Subject, Watch};
    use std::time::{Duration, Instant};

    #[test]
    fn rules_are_understood() {
        let rule: Rule = "tabby, tabby cat>=0.8 for 2s".parse().unwrap();
        assert_eq!(rule.label, "tabby, tabby cat");
        assert_eq!(rule.lasting, Duration::from_secs(2));
        let limit = rule.limit.unwrap();
        assert!(limit.holds(0.8) && limit.holds(0.9) && !limit.holds(0.79));
        let below: Rule = "cat < 0.25".parse().unwrap();
        assert!(below.limit.unwrap().holds(0.2) && !below.limit.unwrap().holds(0.25));
        assert_eq!("cat".parse::<Rule>().unwrap().limit, None);
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        let expected = "expected LABEL, LABEL>0.8 or unknown, perhaps with `for 2s`";
        let cases = [
            (
                "cat>80",
                format!("`80` is not a score from 0 to 1, {expected}"),
            ),
            (">0.5", format!("`>0.5` names no class, {expected}")),
            (
                "unknown>0.5",
                format!("`unknown>0.5`: unknown has no score, {expected}"),
            ),
            (
                "cat for ever",
                "`ever`: expected number at 0, expected a time such as 500ms or 2s".into(),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Rule>().unwrap_err(), error);
        }
    }

    #[test]
    fn faults_and_drift_are_named_as_in_records() {
        let labels = ["cat".to_owned(), "health:odd".to_owned()];
        let subject = |text: &str| Subject::of(text, &labels);
        assert_eq!(
            subject("health:covered"),
            Some(Subject::Health(Some(HealthCause::Covered)))
        );
        assert_eq!(subject("health"), Some(Subject::Health(None)));
        // A class of that name is meant first.
        assert_eq!(subject("health:odd"), Some(Subject::Class(1)));
        assert_eq!(subject("health:od"), None);
        for name in ["red-blue", "share:cat"] {
            assert_eq!(
                subject(&format!("drift:{name}")),
                Some(Subject::Drift(Some(name.into())))
            );
        }
        assert_eq!(subject("drift:share:dog"), None);
        let error = Watch::new("health>0.5".parse().unwrap(), &labels).err();
        let error = error.unwrap().to_string();
        assert!(error.contains("only classes have a score"), "{error}");
    }

    #[test]
    fn a_rule_fires_once_when_it_has_lasted() {
        let labels = ["cat".to_owned()];
        let mut watch = Watch::new("cat for 200ms".parse().unwrap(), &labels).unwrap();
        let start = Instant::now();
        let holds = [true, true, true, true, false, true, true, true];
        let mut at = (0..).map(|n| start + Duration::from_millis(100 * n));
        let fired: Vec<bool> = holds
            .iter()
            .map(|holds| watch.enter(*holds, at.next().unwrap()))
            .collect();
        assert_eq!(
            fired,
            [false, false, true, false, false, false, false, true]
        );
    }

    #[test]
    fn an_outage_is_no_lasting() {
        let labels = ["cat".to_owned()];
        let mut watch = Watch::new("cat for 200ms".parse().unwrap(), &labels).unwrap();
        let start = Instant::now();
        assert!(!watch.enter(true, start));
        watch.interrupt();
        assert!(!watch.enter(true, start + Duration::from_secs(5)));
        assert!(watch.enter(true, start + Duration::from_millis(5200)));
    }

    #[test]
    fn a_class_that_the_model_does_not_know_is_refused() {
        let error = Watch::new("dog".parse().unwrap(), &["cat".to_owned()]).err();
        assert_eq!(
            error.unwrap().to_string(),
            "rule `dog`: the model has no class `dog`; name one of cat, unknown, health:CAUSE or drift:STATISTIC"
        );
    }
}
