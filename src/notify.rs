//! Whoever is told of a live source outside of this program: commands and addresses, by
//! rules, and a broker.

#[cfg(feature = "mqtt")]
mod mqtt;
mod rules;

#[cfg(feature = "mqtt")]
pub use mqtt::{Address, Mqtt, MqttObserver, MqttOptions};
#[cfg(feature = "webhook")]
pub use rules::Url;
pub use rules::{Action, End, Rule, Rules};
