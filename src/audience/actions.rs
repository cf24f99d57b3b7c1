//! Acting on what is seen: rules, and what is done when one fires. Deeds are done on
//! threads of their own, one at a time each, from a short queue: when the world is slower
//! than the camera, orders are dropped and counted, and the loop goes on.

mod command;
mod rule;
mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;

use super::{Audience, Moment};
use crate::error::Result;
use crate::pipeline::live::Standing;
use crate::pipeline::write::Context;
use crate::seldom::Seldom;
pub use rule::Rule;
use rule::Watch;
pub use webhook::Url;

/// Orders that wait for one deed at most.
const WAITING: usize = 16;

/// What is done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A command for the shell, with the record on its standard input.
    Command(String),
    /// A POST of the record to an address.
    Webhook(Url),
}

/// What a deed is done about.
struct Order {
    rule: String,
    label: String,
    score: f32,
    record: Bytes,
}

/// Rules and deeds: every rule that fires orders every deed.
pub struct Actions {
    rules: Vec<Rule>,
    watches: Vec<Watch>,
    doers: Vec<Doer>,
}

impl Actions {
    /// Watches for `rules` among the labels of `context`.
    ///
    /// # Errors
    /// A rule names a class that the model does not have.
    pub fn new(rules: Vec<Rule>, deeds: Vec<Deed>, context: &Context) -> Result<Self> {
        let watches = rules
            .iter()
            .map(|rule| Watch::new(rule.clone(), &context.labels))
            .collect::<Result<_>>()?;
        Ok(Self {
            rules,
            watches,
            doers: deeds.into_iter().map(Doer::new).collect(),
        })
    }
}

impl Audience for Actions {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        for watch in &mut self.watches {
            if !watch.fires(moment) {
                continue;
            }
            log::info!("{}: it is so", watch.rule());
            let (best, record) = (moment.record.decision.best, moment.json()?);
            for doer in &mut self.doers {
                doer.order(Order {
                    rule: watch.rule().to_string(),
                    label: moment.context.labels[best.index].clone(),
                    score: best.score,
                    record: record.clone(),
                });
            }
        }
        Ok(())
    }

    fn standing(&mut self, standing: &Standing) -> Result<()> {
        if standing.lost.is_some() {
            self.watches.iter_mut().for_each(Watch::interrupt);
        }
        Ok(())
    }

    fn set_context(&mut self, context: &Context) {
        self.watches.clear();
        for rule in &self.rules {
            match Watch::new(rule.clone(), &context.labels) {
                Ok(watch) => self.watches.push(watch),
                Err(error) => log::error!("a rule rests: {error}"),
            }
        }
    }
}

/// Does one deed.
struct Doer {
    name: String,
    queue: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    hurry: Arc<AtomicBool>,
    full: Seldom,
}

impl Doer {
    fn new(deed: Deed) -> Self {
        let (queue, orders) = sync_channel(WAITING);
        let hurry = Arc::new(AtomicBool::new(false));
        let name = match &deed {
            Deed::Command(command) => format!("`{command}`"),
            Deed::Webhook(url) => url.to_string(),
        };
        let thread = {
            let (hurry, name) = (hurry.clone(), name.clone());
            thread::spawn(move || work(&deed, &name, &orders, &hurry))
        };
        Self {
            name,
            queue: Some(queue),
            thread: Some(thread),
            hurry,
            full: Seldom::default(),
        }
    }

    fn order(&mut self, order: Order) {
        match self.queue.as_ref().map(|queue| queue.try_send(order)) {
            Some(Err(TrySendError::Full(order))) => self.full.warn(format_args!(
                "{}: it is {WAITING} orders behind, \"{}\" is dropped",
                self.name, order.rule
            )),
            Some(Err(TrySendError::Disconnected(_))) => {
                self.full
                    .warn(format_args!("{}: its thread died", self.name));
            }
            Some(Ok(())) | None => {}
        }
    }
}

fn work(deed: &Deed, name: &str, orders: &Receiver<Order>, hurry: &AtomicBool) {
    let mut failures = Seldom::default();
    let webhook = match deed {
        Deed::Webhook(url) => Some(webhook::Webhook::new(url)),
        Deed::Command(_) => None,
    };
    for order in orders {
        let done = match (deed, &webhook) {
            (Deed::Command(command), _) => command::run(command, &order, hurry),
            (_, Some(webhook)) => webhook.post(&order, hurry),
            _ => Ok(()),
        };
        if let Err(why) = done {
            failures.warn(format_args!("{name}: {why}"));
        }
    }
}

impl Drop for Doer {
    /// What is ordered is done, but not for long.
    fn drop(&mut self) {
        self.hurry.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("{}: its thread died", self.name);
        }
    }
}
