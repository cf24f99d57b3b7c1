//! Acting on what is seen: rules, and what is done when one fires. Deeds are done on
//! threads of their own, one at a time each, from a short queue: when the world is slower
//! than the camera, orders are dropped and counted, and the loop goes on.

mod command;
mod rule;
mod webhook;

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

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
/// How long deeds may go on once the program ends.
const PARTING: Duration = Duration::from_secs(2);

/// When every deed has to be over; set once the program ends.
type End = Arc<OnceLock<Instant>>;

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
    end: End,
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
        let end = End::default();
        Ok(Self {
            rules,
            watches,
            doers: deeds
                .into_iter()
                .map(|deed| Doer::new(deed, end.clone()))
                .collect(),
            end,
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
        let before = std::mem::take(&mut self.watches);
        for rule in &self.rules {
            match Watch::new(rule.clone(), &context.labels) {
                Ok(watch) => self.watches.push(watch.after(&before)),
                Err(error) => log::error!("a rule rests: {error}"),
            }
        }
    }
}

impl Drop for Actions {
    /// What is ordered is done, but not for long.
    fn drop(&mut self) {
        let deadline = *self.end.get_or_init(|| Instant::now() + PARTING);
        for doer in &mut self.doers {
            doer.queue = None;
        }
        for doer in &mut self.doers {
            doer.part(deadline);
        }
    }
}

/// Does one deed.
struct Doer {
    name: String,
    queue: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    full: Seldom,
}

impl Doer {
    fn new(deed: Deed, end: End) -> Self {
        let (queue, orders) = sync_channel(WAITING);
        let name = match &deed {
            Deed::Command(command) => format!("`{command}`"),
            Deed::Webhook(url) => url.to_string(),
        };
        let theirs = name.clone();
        let thread = thread::spawn(move || work(&deed, &theirs, &orders, &end));
        Self {
            name,
            queue: Some(queue),
            thread: Some(thread),
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

    /// Waits for the thread, a moment longer than it may take.
    fn part(&mut self, deadline: Instant) {
        const MOMENT: Duration = Duration::from_millis(200);
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() && Instant::now() < deadline + MOMENT {
            thread::sleep(Duration::from_millis(5));
        }
        if !thread.is_finished() {
            log::warn!("{}: it is not over and is left alone", self.name);
        }
    }
}

fn work(deed: &Deed, name: &str, orders: &Receiver<Order>, end: &End) {
    let mut failures = Seldom::default();
    let webhook = match deed {
        Deed::Webhook(url) => Some(webhook::Webhook::new(url)),
        Deed::Command(_) => None,
    };
    let mut given_up = 0;
    for order in orders {
        if end.get().is_some_and(|end| Instant::now() >= *end) {
            given_up += 1;
            continue;
        }
        let done = match (deed, &webhook) {
            (Deed::Command(command), _) => command::run(command, &order, end),
            (_, Some(webhook)) => webhook.post(&order, end),
            _ => Ok(()),
        };
        if let Err(why) = done {
            failures.warn(format_args!("{name}: {why}"));
        }
    }
    if given_up > 0 {
        log::warn!("{name}: {given_up} orders are given up at the end");
    }
}
