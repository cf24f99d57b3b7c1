//! Flags for those who are told what a live source shows: programs, addresses, a broker.

use std::sync::Arc;

use clap::Args;
use ocelli::monitor::Desk;
#[cfg(feature = "mqtt")]
use ocelli::notify::Mqtt;
#[cfg(feature = "webhook")]
use ocelli::notify::Url;
use ocelli::notify::{Action, End, Rule, Rules};
use ocelli::pipeline::record::Context;
use ocelli::session::Observer;
use ocelli::{Error, Result};

#[cfg(feature = "mqtt")]
use super::mqtt::MqttArgs;

/// Who else is told of a live source.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telling others of a live source")]
pub(crate) struct NotifyArgs {
    /// When to act: 'LABEL', 'LABEL>0.8 for 2s', 'unknown for 1min', 'health:covered' or 'drift:brightness'; each such flag is a rule
    #[arg(long = "on", value_name = "RULE")]
    on: Vec<Rule>,
    /// What to do when a rule fires: a shell command, with the record on its standard input
    #[arg(long, value_name = "COMMAND", requires = "on")]
    exec: Vec<String>,
    /// Or post the record as JSON to this address
    #[cfg(feature = "webhook")]
    #[arg(long, value_name = "URL", requires = "on")]
    webhook: Vec<Url>,
    #[cfg(feature = "mqtt")]
    #[command(flatten)]
    mqtt: MqttArgs,
}

/// What the sources of a session have in common.
#[derive(Default)]
pub(crate) struct Common {
    /// When what rules do ends.
    end: End,
    #[cfg(feature = "mqtt")]
    broker: Option<Mqtt>,
}

impl NotifyArgs {
    /// What those who are told of several sources share.
    ///
    /// # Errors
    /// Files of the broker cannot be used.
    pub(crate) fn common(&self) -> Result<Common> {
        Ok(Common {
            #[cfg(feature = "mqtt")]
            broker: self.mqtt.broker()?,
            ..Common::default()
        })
    }

    /// Who is told of the source `name`, in the records of `context`, and may take notice at `desk`.
    ///
    /// # Errors
    /// A rule without an action, or about a class that there is none of.
    #[cfg_attr(
        not(feature = "mqtt"),
        expect(unused_variables, reason = "only a broker has topics by source")
    )]
    pub(crate) fn observers(
        &self,
        name: Option<&str>,
        context: &Context,
        common: &Common,
        desk: Option<&Arc<Desk>>,
    ) -> Result<Vec<Box<dyn Observer>>> {
        let mut observers: Vec<Box<dyn Observer>> = Vec::new();
        if !self.on.is_empty() {
            let actions = self.actions();
            if actions.is_empty() {
                return Err(Error::usage("--on", "there is nothing to do when it fires")
                    .with_remedy("add --exec COMMAND or --webhook URL"));
            }
            let rules = Rules::new(self.on.clone(), actions, context, &common.end)?;
            observers.push(Box::new(rules));
        }
        #[cfg(feature = "mqtt")]
        if let Some(broker) = &common.broker {
            observers.push(Box::new(broker.observer(name, context)));
            if let Some(desk) = desk {
                broker.listen(name, desk.clone());
            }
        }
        Ok(observers)
    }

    /// The first rule that is about what a source's monitor says, if there is one.
    pub(crate) fn needs_monitor(&self) -> Option<&Rule> {
        self.on.iter().find(|rule| rule.is_about_monitor())
    }

    fn actions(&self) -> Vec<Action> {
        let commands = self.exec.iter().cloned().map(Action::Command);
        #[cfg(feature = "webhook")]
        let commands = commands.chain(self.webhook.iter().cloned().map(Action::Webhook));
        commands.collect()
    }

    /// A flag that makes sense for live sources only, if one is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        #[cfg(feature = "mqtt")]
        if self.mqtt.is_given() {
            return Some("--mqtt");
        }
        (!self.on.is_empty()).then_some("--on")
    }
}
