//! Home Assistant finds the camera by itself: one retained message that describes a device
//! and its entities ("MQTT device discovery", since 2024.11).

use bytes::Bytes;
use serde_json::{Value, json};

use super::MqttOptions;
use crate::pipeline::record::Context;

/// The topic and the message; `None` where discovery is not wanted.
pub(crate) fn message(options: &MqttOptions, context: &Context) -> Option<(String, Bytes)> {
    let topic = topic(options)?;
    let base = &options.address.topic;
    let id = format!("ocelli_{}", options.address.slug());
    let name = base.rsplit('/').next().unwrap_or(base);
    let mut labels: Vec<&str> = Vec::new();
    for label in &context.labels {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let message = json!({
        "device": {
            "identifiers": [id],
            "name": name,
            "manufacturer": "Ocelli",
            "model": context.model,
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "origin": { "name": "ocelli", "sw_version": env!("CARGO_PKG_VERSION") },
        "availability_topic": format!("{base}/availability"),
        "components": components(base, &id, &labels),
    });
    Some((topic, message.to_string().into()))
}

/// What the device consists of.
fn components(base: &str, id: &str, labels: &[&str]) -> Value {
    let unique = |what: &str| format!("{id}_{what}");
    let (decision, status) = (format!("{base}/decision"), format!("{base}/status"));
    // While the camera is lost, the last decision says nothing of the present.
    let seen = json!([
        { "topic": format!("{base}/availability") },
        { "topic": status, "value_template": "{{ 'offline' if value_json.problem == 'ON' else 'online' }}" },
    ]);
    json!({
        "decision": {
            "platform": "sensor",
            "name": "Decision",
            "unique_id": unique("decision"),
            "device_class": "enum",
            "options": labels,
            "availability": seen,
            "availability_mode": "all",
            "state_topic": decision,
            // Home Assistant's word for a sensor that does not know.
            "value_template": "{{ 'None' if value_json.unknown else value_json.label }}",
        },
        "score": {
            "platform": "sensor",
            "name": "Score",
            "unique_id": unique("score"),
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "availability": seen,
            "availability_mode": "all",
            "state_topic": decision,
            "value_template": "{{ value_json.score * 100 }}",
        },
        "camera": {
            "platform": "binary_sensor",
            "name": "Camera problem",
            "unique_id": unique("camera"),
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": status,
            "value_template": "{{ value_json.problem }}",
        },
        "fps": {
            "platform": "sensor",
            "name": "Frames per second",
            "unique_id": unique("fps"),
            "unit_of_measurement": "fps",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "state_topic": status,
            "value_template": "{{ value_json.fps }}",
        },
    })
}

/// Where the message goes.
pub(crate) fn topic(options: &MqttOptions) -> Option<String> {
    let (prefix, slug) = (&options.discovery, options.address.slug());
    (!prefix.is_empty()).then(|| format!("{prefix}/device/ocelli_{slug}/config"))
}
