//! `ocelli eval`: how good a model is on pictures whose labels are known.

mod confusion;
mod examples;
mod exclusive;
mod independent;
mod multilabel;
mod plot;
mod table;

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::Arc;

use ocelli::pipeline::capture::open_found;
use ocelli::pipeline::record::Record;
use ocelli::pipeline::workers;
use ocelli::{Error, Model, PipelineMaker, PipelineOptions, Result};
use serde::Serialize;

use super::{Finding, cores, open_model, stop_flag};
use crate::cli::EvalArgs;
use crate::flags::Line;
use examples::Examples;
use exclusive::Count;
use multilabel::Answers;

/// Classes that a picture's label has to be among, for the second accuracy.
const TOP: usize = 5;

/// What was looked at, with what.
#[derive(Debug, Serialize)]
struct Subject {
    model: String,
    engine: String,
    provider: String,
    pictures: u64,
    failed: u64,
}

pub(crate) fn run(args: &EvalArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let independent = model.manifest.output.kind.is_independent();
    if independent && args.confusion_png.is_some() {
        let what = "independent labels are not taken for one another: there is no such matrix";
        return Err(Error::usage("--confusion-png", what));
    }
    let labels = &model.manifest.labels;
    let examples = Examples::read(&args.data, labels)?;
    let measured = if independent {
        let mut answers = Answers::new(labels);
        let subject = look(
            args,
            &model,
            examples.files,
            labels.len(),
            |record, number| {
                independent::enter(&mut answers, record, &examples.labels[number]);
            },
        )?;
        subject.map(|subject| {
            let failed = subject.failed;
            let report = independent::Report::new(subject, &answers);
            report.show(args.format)?;
            Ok((report.accuracy(), failed))
        })
    } else {
        let classes = examples.classes(&args.data)?;
        let mut count = Count::new(labels);
        let subject = look(args, &model, examples.files, TOP, |record, number| {
            count.enter(record, classes[number]);
        })?;
        subject.map(|subject| {
            let failed = subject.failed;
            let report = count.report(subject, args.worst);
            report.show(args.format, args.confusion_png.as_deref())?;
            Ok((report.accuracy(), failed))
        })
    };
    let Some((accuracy, failed)) = measured.transpose()? else {
        return Ok(Finding::Interrupted);
    };
    let enough = args.min_accuracy.is_none_or(|least| accuracy >= least);
    Ok(if enough && failed == 0 {
        Finding::Good
    } else {
        Finding::Negative
    })
}

/// Classifies all files and gives each record, with its file's number, to `enter`; `None` if
/// a signal came before the end.
fn look(
    args: &EvalArgs,
    model: &Arc<Model>,
    files: Vec<Result<PathBuf>>,
    top_k: usize,
    mut enter: impl FnMut(&Record, usize),
) -> Result<Option<Subject>> {
    let stop = stop_flag()?;
    let options = PipelineOptions {
        top_k,
        ..args.decode.options()
    };
    let maker = PipelineMaker::new(model.clone(), &args.engine.options(), 1, options)?;
    let identity = maker.engines.make(1)?.identity().clone();
    log::info!(
        "{} runs on {} ({})",
        model.manifest.id(),
        identity.engine,
        identity.provider
    );
    let count = files.len();
    let source = open_found(files, args.decode.max_bytes());
    let workers = args.workers.unwrap_or_else(cores);
    let make = move |_| maker.make();
    let summary = workers::run(source, workers, None, &stop, make, |record| {
        let number = usize::try_from(record.number).ok();
        match (&record.failure, number.filter(|number| *number < count)) {
            (Some(error), _) => log::error!("{}", Line(error)),
            (None, Some(number)) => enter(record, number),
            (None, None) => {}
        }
        Ok(())
    })?;
    Ok((!summary.stopped).then(|| Subject {
        model: model.manifest.id(),
        engine: identity.engine.to_string(),
        provider: identity.provider.to_string(),
        pictures: summary.classified,
        failed: summary.failed,
    }))
}

impl Display for Subject {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            model,
            engine,
            provider,
            pictures,
            failed,
        } = self;
        write!(
            f,
            "{model} on {engine} ({provider}): {pictures} pictures, {failed} failed"
        )
    }
}
