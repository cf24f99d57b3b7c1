//! Live sources, followed until they end or a signal comes: one model, and for each source
//! whoever is told of it.

use std::io::IsTerminal;
use std::sync::atomic::AtomicBool;

use ocelli::notify::End;
use ocelli::pipeline::write::{Format, Writer};
use ocelli::session::{Ending, NewModel, Observer, Session};
use ocelli::{Pipeline, PipelineMaker, Result};

use super::sources::Followed;
use crate::cli::RunArgs;
use crate::commands::Finding;
use crate::live;
use crate::output::Lines;
use crate::service_manager::ServiceManager;
use crate::terminal::TerminalView;

/// Classifies the newest frames of the sources until they end or are stopped.
///
/// # Errors
/// No source can be used, or the model cannot; records cannot be written.
pub(super) fn run(
    args: &RunArgs,
    followed: Vec<Followed>,
    maker: PipelineMaker,
    mut pipeline: Pipeline,
    stop: &AtomicBool,
) -> Result<Finding> {
    pipeline.warm_up()?;
    let context = maker.context(pipeline.engine().identity());
    let swap = {
        let (path, overrides) = (args.model.model.clone(), args.model.facts.overrides());
        let maker = maker.clone();
        live::swap_on_hangup(move || {
            let maker = maker.renewed(&path, overrides.clone())?;
            let pipeline = maker.make_warm()?;
            Ok(NewModel { maker, pipeline })
        })?
    };
    let is_alone = followed.len() == 1;
    let end = End::default();
    let sources = followed.into_iter().map(|source| {
        let flags = (&source.args.live, &source.args.notify);
        let called = (source.name, is_alone);
        live::source(flags, source.opened, called, &context, &end)
    });
    let sources = sources.collect::<Result<_>>()?;
    let is_terminal = args.format == Format::Text && std::io::stdout().is_terminal();
    let shown: Box<dyn Observer> = if is_terminal && !args.changes_only && is_alone {
        Box::new(TerminalView::new(context))
    } else {
        Box::new(Lines {
            writer: Writer::new(std::io::stdout(), args.format, context),
            changes_only: args.changes_only,
        })
    };
    let session = Session {
        sources,
        options: args.live.options(args.frames),
        maker,
        pipeline,
        observers: vec![shown, Box::new(ServiceManager::ready())],
        swap,
    };
    let stats = session.run(stop)?;
    let is_broken = stats.iter().any(|s| s.ending == Some(Ending::Broken));
    Ok(if is_broken {
        Finding::Negative
    } else {
        Finding::Good
    })
}
