//! Whether the picture is sound: seven causes by which a camera that still gives frames has
//! stopped being of use. Each is measured against what this camera usually shows at this
//! hour, or against a floor where that is not known yet, and has to last.

mod blob;
mod held;
mod limits;
mod look;
mod scene;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::hours::{Hours, of_day};
use crate::pipeline::summary::PictureSummary;
use held::Held;
use limits::judge;
use look::{Look, Measure};
use scene::{SceneState, Scenes};

/// What is wrong with the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HealthCause {
    /// Hardly anything can be seen.
    Dark,
    /// Burnt out.
    Overexposed,
    /// Without the detail that its contrast lets expect.
    Blurred,
    /// Something featureless hides a part of the view, or all of it.
    Covered,
    /// The same picture again and again, to the last bit of noise.
    Frozen,
    /// The camera looks elsewhere.
    Moved,
    /// A tint that is not usual.
    ColourCast,
}

impl HealthCause {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Dark,
        Self::Overexposed,
        Self::Blurred,
        Self::Covered,
        Self::Frozen,
        Self::Moved,
        Self::ColourCast,
    ];

    /// Its name in records, metrics and rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Overexposed => "overexposed",
            Self::Blurred => "blurred",
            Self::Covered => "covered",
            Self::Frozen => "frozen",
            Self::Moved => "moved",
            Self::ColourCast => "colour-cast",
        }
    }

    /// What it means, as a sentence begins with it: `the picture is dark`.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Dark => "the picture is dark",
            Self::Overexposed => "the picture is burnt out",
            Self::Blurred => "the picture is blurred",
            Self::Covered => "something covers the view",
            Self::Frozen => "the picture is frozen: it is the same again and again",
            Self::Moved => "the camera looks elsewhere",
            Self::ColourCast => "the picture has a colour cast",
        }
    }

    /// The cause of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// How long it has to last before it counts, and to be over before it is gone.
    pub fn minimum(self, repeats: Repeats) -> Duration {
        Duration::from_secs(match (self, repeats) {
            (Self::Frozen, Repeats::Never) => 5,
            (Self::Dark | Self::Overexposed | Self::Covered, _) => 20,
            (Self::Blurred | Self::Moved | Self::ColourCast | Self::Frozen, _) => 60,
        })
    }
}

impl fmt::Display for HealthCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Several causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Causes(u8);

impl Causes {
    /// Whether `cause` is one of them.
    pub fn has(self, cause: HealthCause) -> bool {
        self.0 & (1 << cause as u8) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = HealthCause> {
        HealthCause::ALL
            .into_iter()
            .filter(move |cause| self.has(*cause))
    }

    pub(super) fn set(&mut self, cause: HealthCause, there: bool) {
        let bit = 1 << cause as u8;
        self.0 = if there { self.0 | bit } else { self.0 & !bit };
    }
}

/// Whether a sound source can give the same picture twice, bit for bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// No: every frame has its own noise, as cameras' frames do.
    #[default]
    Never,
    /// Yes: a video stream leaves out what hardly changes until its next key frame.
    Sometimes,
}

/// Watches the pictures of one source.
pub(super) struct Health {
    repeats: Repeats,
    look: Look,
    usual: Hours<{ Measure::COUNT }>,
    scenes: Scenes,
    held: [Held; HealthCause::ALL.len()],
    /// The longest run of equal pictures that turned out to be usual here.
    longest_repeat: Duration,
    last: Option<Instant>,
    active: Causes,
    /// Causes that are known and taken for usual as long as they last.
    acknowledged: Causes,
}

/// What outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthState {
    usual: Hours<{ Measure::COUNT }>,
    scenes: SceneState,
    longest_repeat: Duration,
    acknowledged: Causes,
}

impl HealthState {
    /// Whether all of it is of the sizes that it has to have.
    pub(super) fn is_sound(&self) -> bool {
        self.usual.is_sound() && self.scenes.is_sound()
    }
}

impl Health {
    pub(super) fn new(repeats: Repeats, state: HealthState) -> Self {
        Self {
            repeats,
            look: Look::default(),
            usual: state.usual,
            scenes: Scenes::new(state.scenes),
            held: [Held::default(); HealthCause::ALL.len()],
            longest_repeat: state.longest_repeat,
            last: None,
            active: Causes::default(),
            acknowledged: state.acknowledged,
        }
    }

    pub(super) fn state(&self) -> HealthState {
        HealthState {
            usual: self.usual.clone(),
            scenes: self.scenes.state(),
            longest_repeat: self.longest_repeat,
            acknowledged: self.acknowledged,
        }
    }

    /// Looks at one picture, `second` seconds into the Unix epoch; gives the causes there are.
    pub(super) fn observe(
        &mut self,
        summary: &PictureSummary,
        (second, at): (u64, Instant),
        sequence: Option<u64>,
    ) -> Causes {
        if !summary.is_measured() {
            return self.active;
        }
        let passed = self
            .last
            .map_or(Duration::ZERO, |last| at.saturating_duration_since(last));
        self.last = Some(at);
        let hour = of_day(second);
        self.look
            .take(summary, passed, sequence, self.scenes.usual(hour));
        self.look.likeness = self.scenes.likeness(&self.look.seen, hour);
        let findings = judge(&self.look, &self.usual, hour);
        for (cause, bad) in HealthCause::ALL.into_iter().zip(findings) {
            let held = &mut self.held[cause as usize];
            let minimum = match cause {
                HealthCause::Frozen => {
                    if bad == Some(false) && !held.active() {
                        held.clear();
                    }
                    cause.minimum(self.repeats).max(self.longest_repeat * 2)
                }
                _ => cause.minimum(self.repeats),
            };
            held.step(bad, passed, minimum);
            self.active.set(cause, held.active());
            if !held.active() && held.is_quiet() {
                self.acknowledged.set(cause, false);
            }
        }
        // What a floor takes for a fault may be usual here: every night is dark.
        let usual_light = |cause| matches!(cause, HealthCause::Dark | HealthCause::Overexposed);
        let is_known = self.usual.at(hour, Measure::Brightness as usize).is_some();
        if self.is_usual_but_for(|cause| usual_light(cause) && !is_known) {
            self.usual.enter(second, &self.look.values());
        }
        if self.is_usual_but_for(|_| false) {
            self.scenes.learn(&self.look.seen, second);
        }
        self.active
    }

    /// Whether nothing is wrong with the picture, or even in doubt, but for what is known and
    /// what is `excused`.
    fn is_usual_but_for(&self, excused: impl Fn(HealthCause) -> bool) -> bool {
        HealthCause::ALL.into_iter().all(|cause| {
            self.held[cause as usize].is_quiet() || self.acknowledged.has(cause) || excused(cause)
        })
    }

    /// Whether what is measured now is worth anything to others.
    pub(super) fn is_quiet(&self) -> bool {
        self.held.iter().all(|held| held.is_quiet())
    }

    /// Takes a cause that is there for usual: what it looks like is learned from now on.
    pub(super) fn acknowledge(&mut self, cause: HealthCause) {
        if !self.active.has(cause) {
            return;
        }
        match cause {
            HealthCause::Moved => {
                self.scenes = Scenes::default();
                self.held[cause as usize].clear();
                self.active.set(cause, false);
            }
            HealthCause::Frozen => self.longest_repeat = self.look.repeated,
            _ => self.acknowledged.set(cause, true),
        }
    }

    /// The causes of which somebody has taken notice.
    pub(super) fn acknowledged(&self) -> Causes {
        self.acknowledged
    }
}
