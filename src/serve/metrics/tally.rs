//! What is counted of frames that come in one way: of one live source, or by requests. The
//! counters are looked up once, not for every frame.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::{SomeLabels, Times};
use crate::pipeline::record::{Context, Record, Timing};

/// Stages whose time is told, in their order.
const STAGES: [&str; 4] = ["capture", "decode", "preprocess", "inference"];

/// Counters of frames that come in one way.
pub(super) struct Tally {
    frames: Counter,
    stages: [Histogram; STAGES.len()],
    predictions: Family<SomeLabels, Counter>,
    /// The live source's name, as a label.
    source: SomeLabels,
}

impl Tally {
    /// Of the live source that is called `source`, or of requests.
    pub(super) fn new(
        frames: &Family<SomeLabels, Counter>,
        stages: &Times<SomeLabels>,
        predictions: &Family<SomeLabels, Counter>,
        source: Option<&str>,
    ) -> Self {
        let way = source.map_or("request", |_| "live");
        let source = source.map(|name| ("source", name.to_owned()));
        let source = Vec::from_iter(source);
        let with = |name, value: &str| [vec![(name, value.to_owned())], source.clone()].concat();
        Self {
            frames: frames.get_or_create_owned(&with("way", way)),
            stages: STAGES.map(|stage| stages.get_or_create_owned(&with("stage", stage))),
            predictions: predictions.clone(),
            source,
        }
    }

    /// A frame was classified.
    pub(super) fn observe(&self, context: &Context, record: &Record) {
        self.frames.inc();
        let Timing {
            capture,
            decode,
            preprocess,
            inference,
            ..
        } = record.timing;
        let times = [capture, decode, preprocess, inference];
        for (stage, time) in self.stages.iter().zip(times) {
            stage.observe(time.as_secs_f64());
        }
        match record.decision {
            decision if decision.unknown => self.count(context.name_of(None)),
            _ if context.independent => {
                let present = record.present.now.iter();
                present.for_each(|label| self.count(context.name_of(Some(label.index))));
            }
            decision => self.count(context.name_of(Some(decision.best.index))),
        }
    }

    fn count(&self, label: &str) {
        let mut labels = vec![("label", label.to_owned())];
        labels.extend_from_slice(&self.source);
        self.predictions.get_or_create(&labels).inc();
    }
}
