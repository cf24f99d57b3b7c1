//! Flags for a broker.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ocelli::Result;
use ocelli::notify::{Address, Mqtt, MqttOptions};

use super::values;

/// Which broker is told of a live source, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telling others of a live source")]
pub(crate) struct MqttArgs {
    /// Publish decisions: mqtt://[USER@]HOST[:PORT]/TOPIC, or mqtts://…
    #[arg(long, value_name = "URL", value_parser = values::broker)]
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

impl MqttArgs {
    /// The broker, if one is named.
    ///
    /// # Errors
    /// Its files cannot be used.
    pub(crate) fn broker(&self) -> Result<Option<Mqtt>> {
        let Some(address) = &self.mqtt else {
            return Ok(None);
        };
        let options = MqttOptions {
            address: address.clone(),
            password_file: self.mqtt_password_file.clone(),
            ca: self.mqtt_ca.clone(),
            heartbeat: self.mqtt_heartbeat,
            spool: self.mqtt_spool.clone(),
            spool_limit: self.mqtt_spool_limit,
            discovery: self.mqtt_discovery.clone(),
        };
        Mqtt::new(options).map(Some)
    }

    /// Whether a broker is named.
    pub(crate) fn is_given(&self) -> bool {
        self.mqtt.is_some()
    }
}
