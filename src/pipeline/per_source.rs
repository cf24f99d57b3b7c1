//! What classifying keeps of one source from frame to frame, and how it looks at it. All
//! else, the model above all, is shared by the sources that one pipeline serves.

use super::motion::{MotionGate, MotionGateOptions};
use super::preprocess::{Framing, Geometry, Preprocessor};
use super::smooth::{Decider, SmoothRequest};
use crate::error::Result;
use crate::model::manifest::Manifest;

/// How the frames of one source are looked at and decided about.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerSourceOptions {
    /// Which part of pictures is looked at, and which way up.
    pub framing: Framing,
    /// How steady decisions are.
    pub smooth: SmoothRequest,
    /// Whether frames that show nothing new are skipped.
    pub motion_gate: Option<MotionGateOptions>,
}

/// One source's own stages, with what they remember of it.
pub(crate) struct PerSource {
    pub(super) preprocessor: Preprocessor,
    pub(super) decider: Decider,
    pub(super) gate: Option<MotionGate>,
}

impl PerSource {
    /// The stages for a source of which nothing was seen yet.
    ///
    /// # Errors
    /// The options contradict the model, or themselves.
    pub(super) fn new(
        manifest: &Manifest,
        options: &PerSourceOptions,
        fast_decode: bool,
    ) -> Result<Self> {
        let geometry = Geometry::new(&manifest.preprocess, options.framing, fast_decode);
        let settling = options.smooth.settling();
        Ok(Self {
            preprocessor: Preprocessor::new(&manifest.input, geometry),
            decider: Decider::new(&options.smooth, manifest)?,
            gate: options
                .motion_gate
                .map(|gate| MotionGate::new(gate, settling)),
        })
    }
}
