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
        "components": match context.independent {
            true => components(base, &id, independent(base, &id, &labels)),
            false => components(base, &id, exclusive(base, &id, &labels)),
        },
    });
    Some((topic, message.to_string().into()))
}

type Components = serde_json::Map<String, Value>;

/// What the device consists of: what it `decides`, and how the camera is.
fn components(base: &str, id: &str, mut decides: Components) -> Value {
    let status = format!("{base}/status");
    decides.insert(
        "camera".to_owned(),
        json!({
            "platform": "binary_sensor",
            "name": "Camera problem",
            "unique_id": format!("{id}_camera"),
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": status,
            "value_template": "{{ value_json.problem }}",
        }),
    );
    decides.insert(
        "fps".to_owned(),
        json!({
            "platform": "sensor",
            "name": "Frames per second",
            "unique_id": format!("{id}_fps"),
            "unit_of_measurement": "fps",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "state_topic": status,
            "value_template": "{{ value_json.fps }}",
        }),
    );
    Value::Object(decides)
}

/// While the camera is lost, the last decision says nothing of the present.
fn seen(base: &str) -> Value {
    json!([
        { "topic": format!("{base}/availability") },
        {
            "topic": format!("{base}/status"),
            "value_template": "{{ 'offline' if value_json.problem == 'ON' else 'online' }}",
        },
    ])
}

/// One class at a time: which, and how sure.
fn exclusive(base: &str, id: &str, labels: &[&str]) -> Components {
    let decision = format!("{base}/decision");
    let which = json!({
        "platform": "sensor",
        "name": "Decision",
        "unique_id": format!("{id}_decision"),
        "device_class": "enum",
        "options": labels,
        "availability": seen(base),
        "availability_mode": "all",
        "state_topic": decision,
        // Home Assistant's word for a sensor that does not know.
        "value_template": "{{ 'None' if value_json.unknown else value_json.label }}",
    });
    let sure = json!({
        "platform": "sensor",
        "name": "Score",
        "unique_id": format!("{id}_score"),
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "suggested_display_precision": 0,
        "availability": seen(base),
        "availability_mode": "all",
        "state_topic": decision,
        "value_template": "{{ value_json.score * 100 }}",
    });
    Components::from_iter([("decision".to_owned(), which), ("score".to_owned(), sure)])
}

/// Independent labels: of each, whether it is there.
fn independent(base: &str, id: &str, labels: &[&str]) -> Components {
    let sensor = |(place, label): (usize, &&str)| {
        // As a text in the template's language; JSON's quotes and escapes are the same.
        let name = Value::from(*label);
        let sensor = json!({
            "platform": "binary_sensor",
            "name": label,
            "unique_id": format!("{id}_label_{place}"),
            "availability": seen(base),
            "availability_mode": "all",
            "state_topic": format!("{base}/decision"),
            "value_template": format!("{{{{ 'ON' if {name} in value_json.labels else 'OFF' }}}}"),
        });
        (format!("label_{place}"), sensor)
    };
    labels.iter().enumerate().map(sensor).collect()
}

/// Where the message goes.
pub(crate) fn topic(options: &MqttOptions) -> Option<String> {
    let (prefix, slug) = (&options.discovery, options.address.slug());
    (!prefix.is_empty()).then(|| format!("{prefix}/device/ocelli_{slug}/config"))
}

#[cfg(test)]
mod tests {
    use super::independent;

    #[test]
    fn each_independent_label_is_a_binary_sensor() {
        let sensors = independent("home/cam", "ocelli_home_cam", &["bee", "a \"big\" cat"]);
        assert_eq!(sensors["label_0"]["platform"], "binary_sensor");
        assert_eq!(sensors["label_0"]["state_topic"], "home/cam/decision");
        assert_eq!(
            sensors["label_1"]["value_template"],
            r#"{{ 'ON' if "a \"big\" cat" in value_json.labels else 'OFF' }}"#
        );
    }
}
