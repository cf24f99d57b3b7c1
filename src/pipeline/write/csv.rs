//! Records for spreadsheets: a header line, then a line per frame; the second-best and
//! further classes have columns of their own. Independent labels that are there stand in one
//! column, `bee;cat`. Models that know distances have columns for them; live sources have columns
//! for what is wrong with the picture, and for what has changed; sources that have names have a
//! column for them, the last one.

use super::LineFormat;
use crate::error::{Error, Result};
use crate::pipeline::record::{Context, Record, milliseconds};

const COLUMNS: [&str; 19] = [
    "ts",
    "frame",
    "source",
    "model",
    "label",
    "index",
    "score",
    "unknown",
    "capture_ms",
    "decode_ms",
    "preprocess_ms",
    "inference_ms",
    "total_ms",
    "frame_age_ms",
    "dropped",
    "changed_from",
    "lasted_ms",
    "engine",
    "provider",
];

/// The format.
pub(super) struct Csv {
    context: Context,
    headed: bool,
}

impl Csv {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            headed: false,
        }
    }

    fn head(&self, record: &Record) -> Vec<String> {
        let further =
            (2..=self.context.top_k).flat_map(|n| [format!("label_{n}"), format!("score_{n}")]);
        let labels = self.context.independent.then(|| "labels".to_owned());
        let distance = self.context.has_distance;
        let distance = distance.then_some(["unknown_reason", "distance"]);
        // All sources of a run have names, or none has.
        let name = record.source_name.as_ref();
        // All are live, or none is.
        let watched = record.drops.map(|_| ["health", "drift"].map(str::to_owned));
        COLUMNS
            .iter()
            .map(|c| (*c).to_owned())
            .chain(labels)
            .chain(distance.into_iter().flatten().map(str::to_owned))
            .chain(further)
            .chain(watched.into_iter().flatten())
            .chain(name.map(|_| "source_name".to_owned()))
            .collect()
    }

    fn fields(&self, record: &Record) -> Vec<String> {
        let labels = &self.context.labels;
        let (best, timing) = (record.decision.best, record.timing);
        let before = record.changed_after();
        let ms = |duration| milliseconds(duration).to_string();
        let mut fields = vec![
            humantime::format_rfc3339_millis(record.time).to_string(),
            record.number.to_string(),
            record.source.clone(),
            self.context.model.clone(),
            labels[best.index].clone(),
            best.index.to_string(),
            best.score.to_string(),
            record.decision.unknown.to_string(),
            ms(timing.capture),
            ms(timing.decode),
            ms(timing.preprocess),
            ms(timing.inference),
            ms(timing.total),
            record.frame_age.map(ms).unwrap_or_default(),
            record.drops.map_or(0, |drops| drops.dropped()).to_string(),
            before
                .map(|(state, _)| self.context.name_before(record, state))
                .unwrap_or_default(),
            before.map(|(_, lasted)| ms(lasted)).unwrap_or_default(),
            self.context.identity.engine.to_string(),
            self.context.identity.provider.to_string(),
        ];
        if self.context.independent {
            let present = record.present.now.iter();
            fields.push(self.context.join(present.map(|label| label.index)));
        }
        if self.context.has_distance {
            let reason = record.decision.unknown_reason;
            fields.push(reason.map(|reason| reason.to_string()).unwrap_or_default());
            fields.push(record.distance.map(|d| d.to_string()).unwrap_or_default());
        }
        for candidate in record.top.iter().skip(1) {
            fields.push(labels[candidate.index].clone());
            fields.push(candidate.score.to_string());
        }
        if record.drops.is_some() {
            fields.push(record.health.join(";"));
            fields.push(record.drift.join(";"));
        }
        fields.extend(record.source_name.as_deref().map(str::to_owned));
        fields
    }
}

impl LineFormat for Csv {
    fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    fn write(&mut self, record: &Record, line: &mut Vec<u8>) -> Result<()> {
        let failed = |e: csv::Error| Error::output("CSV", "cannot be written").caused_by(e);
        let mut writer = csv::Writer::from_writer(line);
        if !self.headed {
            self.headed = true;
            writer.write_record(self.head(record)).map_err(failed)?;
        }
        writer.write_record(self.fields(record)).map_err(failed)?;
        writer.flush().map_err(|e| failed(e.into()))
    }
}
