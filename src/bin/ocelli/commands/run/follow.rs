//! Live sources, followed until they end or a signal comes: one model, and for each source
//! whoever is told of it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::pipeline::write::{Format, Writer};
use ocelli::session::{NewModel, Observer, Session};
use ocelli::{Pipeline, PipelineMaker, Result};

use crate::cli::RunArgs;
use crate::commands::sources::Followed;
use crate::commands::{Finding, hangup_flag};
use crate::live::{self, Rings};
use crate::output::Lines;
use crate::service_manager::ServiceManager;
use crate::terminal::{Board, TerminalView};

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
    let hangup = hangup_flag()?;
    pipeline.warm_up()?;
    let context = maker.context(pipeline.engine().identity());
    let swap = {
        let (path, overrides) = (args.model.model.clone(), args.model.facts.overrides());
        let maker = maker.clone();
        live::swap_on_hangup(hangup, move || {
            let maker = maker.renewed(&path, overrides.clone())?;
            let pipeline = maker.make_warm()?;
            Ok(NewModel { maker, pipeline })
        })
    };
    let is_alone = followed.len() == 1;
    let is_terminal = std::io::stdout().is_terminal() && !args.changes_only;
    let (mut board, mut observers) = (None, Vec::<Box<dyn Observer>>::new());
    match args.format {
        Format::Text if is_terminal && is_alone => {
            observers.push(Box::new(TerminalView::new(context.clone())));
        }
        Format::Text if is_terminal => board = Some(Board::new()),
        format => observers.push(Box::new(Lines {
            writer: Writer::new(std::io::stdout(), format, context.clone()),
            changes_only: args.changes_only,
        })),
    }
    let (common, rings) = (args.notify.common()?, Rings::default());
    let sources = followed.into_iter().map(|source| {
        let row = board.as_ref().zip(source.name.as_deref());
        let row = row.map(|(board, name)| board.add(name));
        let (desk, shared) = (Arc::default(), (&common, &rings));
        let mut source = live::source(source, is_alone, &desk, &context, shared)?;
        source.observers.extend(row);
        Ok(source)
    });
    observers.push(Box::new(ServiceManager::ready()));
    let session = Session {
        sources: sources.collect::<Result<_>>()?,
        options: args.live.options(args.frames),
        maker,
        pipeline,
        observers,
        swap,
    };
    let stats = session.run(stop)?;
    Ok(live::finding(&stats))
}
