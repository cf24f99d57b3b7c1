//! Acting on what is seen: rules, and what is done when one fires.

mod alert;
mod command;
mod rule;
#[cfg(feature = "webhook")]
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::pipeline::Candidate;
use crate::pipeline::record::{Context, Prefix};
use crate::session::{FrameEvent, LoopStats, Observer};
use alert::Alert;
pub use alert::End;
pub use rule::Rule;
use rule::Watch;
#[cfg(feature = "webhook")]
pub use webhook::Url;
use worker::ActionWorker;

/// How long actions may go on once the program ends.
const PARTING: Duration = Duration::from_secs(2);

/// What is done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// A command for the shell, with the record on its standard input.
    Command(String),
    /// A POST of the record to an address.
    #[cfg(feature = "webhook")]
    Webhook(Url),
}

/// Rules and actions: every rule that fires starts every action.
pub struct Rules {
    rules: Vec<Rule>,
    watches: Vec<Watch>,
    workers: Vec<ActionWorker>,
    end: End,
}

impl Rules {
    /// Watches for `rules` among the labels of `context`, with actions until the `end`.
    ///
    /// # Errors
    /// A rule names a class that the model does not have.
    pub fn new(
        rules: Vec<Rule>,
        actions: Vec<Action>,
        context: &Context,
        end: &End,
    ) -> Result<Self> {
        let watches = rules
            .iter()
            .map(|rule| Watch::new(rule.clone(), &context.labels))
            .collect::<Result<_>>()?;
        let workers = actions
            .into_iter()
            .map(|action| ActionWorker::new(action, end.clone()))
            .collect();
        Ok(Self {
            rules,
            watches,
            workers,
            end: end.clone(),
        })
    }
}

impl Observer for Rules {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        for watch in &mut self.watches {
            if !watch.fires(event) {
                continue;
            }
            let record = event.record;
            let name = record.source_name.as_deref();
            log::info!("{}the rule `{}` fires", Prefix(name), watch.rule());
            // Of independent labels the rule's own is meant, not the surest one.
            let label = match (event.context.independent, watch.class()) {
                (true, Some(index)) => Candidate {
                    index,
                    score: event.scores.0[index],
                },
                _ => record.decision.best,
            };
            let alert = Arc::new(Alert {
                rule: watch.rule().to_string(),
                source: name.unwrap_or(&record.source).to_owned(),
                label: event.context.labels[label.index].clone(),
                score: label.score,
                record: event.json()?,
            });
            for worker in &mut self.workers {
                worker.submit(alert.clone());
            }
        }
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        if stats.lost.is_some() {
            self.watches.iter_mut().for_each(Watch::interrupt);
        }
        Ok(())
    }

    fn on_model(&mut self, context: &Context) {
        let before = std::mem::take(&mut self.watches);
        for rule in &self.rules {
            match Watch::new(rule.clone(), &context.labels) {
                Ok(watch) => self.watches.push(watch.after(&before)),
                Err(error) => log::error!("a rule is not watched any more: {error:#}"),
            }
        }
    }
}

impl Drop for Rules {
    /// What was started is finished, but not for long.
    fn drop(&mut self) {
        let deadline = *self.end.get_or_init(|| Instant::now() + PARTING);
        for worker in &mut self.workers {
            worker.close();
        }
        for worker in &mut self.workers {
            worker.join(deadline);
        }
    }
}
