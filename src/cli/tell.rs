//! Flags for those who are told what a live source shows: programs, addresses, a broker.
#![allow(
    missing_docs,
    reason = "flattened groups have no help text of their own"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::audience::{Actions, Address, Audience, Deed, Mqtt, MqttOptions, Rule, Url};
use crate::error::{Error, Result};
use crate::pipeline::write::Context;

/// Who else is told of a live source.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telling others of a live source")]
pub struct TellArgs {
    /// When to act: 'LABEL', 'LABEL>0.8 for 2s' or 'unknown for 1min'; each such flag is a rule
    #[arg(long = "on", value_name = "RULE")]
    on: Vec<Rule>,
    /// What to do when a rule fires: a shell command, with the record on its standard input
    #[arg(long, value_name = "COMMAND", requires = "on")]
    exec: Vec<String>,
    /// Or post the record as JSON to this address
    #[arg(long, value_name = "URL", requires = "on")]
    webhook: Vec<Url>,
    /// Publish decisions: mqtt://[USER@]HOST[:PORT]/TOPIC, or mqtts://…
    #[arg(long, value_name = "URL")]
    mqtt: Option<Address>,
    /// File with the broker's password
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    mqtt_password_file: Option<PathBuf>,
    /// Trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    mqtt_ca: Option<PathBuf>,
    /// Publish at least so often while nothing changes
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "mqtt", value_parser = values::duration)]
    mqtt_heartbeat: Duration,
    /// Folder in which changes wait while the broker is away [default: the state folder]
    #[arg(long, value_name = "DIR", requires = "mqtt")]
    mqtt_spool: Option<PathBuf>,
    /// Changes that wait there at most
    #[arg(long, value_name = "N", default_value = "10000", requires = "mqtt", value_parser = values::positive)]
    mqtt_spool_limit: usize,
    /// Topic under which Home Assistant looks for devices; empty: do not announce
    #[arg(
        long,
        value_name = "TOPIC",
        default_value = "homeassistant",
        requires = "mqtt"
    )]
    mqtt_discovery: String,
}

impl TellArgs {
    /// Who is told, in the records of `context`.
    ///
    /// # Errors
    /// A rule without a deed, or about a class that there is none of; files of the broker
    /// cannot be used.
    pub fn audience(&self, context: &Context) -> Result<Vec<Box<dyn Audience>>> {
        let mut audience: Vec<Box<dyn Audience>> = Vec::new();
        if !self.on.is_empty() {
            let commands = self.exec.iter().cloned().map(Deed::Command);
            let webhooks = self.webhook.iter().cloned().map(Deed::Webhook);
            let deeds: Vec<Deed> = commands.chain(webhooks).collect();
            if deeds.is_empty() {
                return Err(Error::usage("--on", "there is nothing to do when it fires")
                    .remedy("add --exec COMMAND or --webhook URL"));
            }
            audience.push(Box::new(Actions::new(self.on.clone(), deeds, context)?));
        }
        if let Some(address) = &self.mqtt {
            let options = MqttOptions {
                address: address.clone(),
                password_file: self.mqtt_password_file.clone(),
                ca: self.mqtt_ca.clone(),
                heartbeat: self.mqtt_heartbeat,
                spool: self.mqtt_spool.clone(),
                spool_limit: self.mqtt_spool_limit,
                discovery: self.mqtt_discovery.clone(),
            };
            audience.push(Box::new(Mqtt::new(options, context)?));
        }
        Ok(audience)
    }

    /// A flag that makes sense for live sources only, if one is given.
    pub fn given(&self) -> Option<&'static str> {
        if self.mqtt.is_some() {
            return Some("--mqtt");
        }
        (!self.on.is_empty()).then_some("--on")
    }
}
