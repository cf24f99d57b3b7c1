//! Home Assistant finds the camera by itself: one retained message that describes a device
//! and its entities ("MQTT device discovery", since 2024.11).

use serde_json::{Value, json};

use super::address::slug;
use super::commands::ALL;
use super::{Message, MqttOptions};
use crate::monitor::health::HealthCause;
use crate::pipeline::record::Context;

/// What announces the device of the source `name`; `None` where discovery is not wanted.
pub(super) fn message(
    options: &MqttOptions,
    name: Option<&str>,
    context: &Context,
) -> Option<Message> {
    if options.discovery.is_empty() {
        return None;
    }
    let base = options.address.topic_of(name);
    let device = Device {
        id: format!("ocelli_{}", slug(&base)),
        online: format!("{}/availability", options.address.topic),
        base: &base,
    };
    let mut labels: Vec<&str> = Vec::new();
    for label in &context.labels {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let mut components = match context.independent {
        true => device.independent(&labels),
        false => device.exclusive(&labels),
    };
    components.extend(device.camera());
    components.extend(device.watched());
    // Each entity says for itself when it is available: what is said here is merged into
    // each, and one that then says it in two ways is refused.
    let message = json!({
        "device": {
            "identifiers": [device.id],
            "name": name.or_else(|| base.rsplit('/').next()),
            "manufacturer": "Ocelli",
            "model": context.model,
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "origin": { "name": "ocelli", "sw_version": env!("CARGO_PKG_VERSION") },
        "components": Value::from_iter(components),
    });
    Some(Message::Present {
        topic: format!("{}/device/{}/config", options.discovery, device.id),
        payload: message.to_string().into(),
    })
}

/// An entity's key and its description.
type Component = (String, Value);

/// What is said of a source's device.
struct Device<'a> {
    id: String,
    /// The topic that says whether this program runs.
    online: String,
    /// The source's topic.
    base: &'a str,
}

impl Device<'_> {
    /// How the camera is; known for as long as this program runs.
    fn camera(&self) -> [Component; 2] {
        let (id, status) = (&self.id, format!("{}/status", self.base));
        let problem = json!({
            "platform": "binary_sensor",
            "name": "Camera problem",
            "unique_id": format!("{id}_camera"),
            "device_class": "problem",
            "entity_category": "diagnostic",
            "availability_topic": self.online,
            "state_topic": status,
            "value_template": "{{ value_json.problem }}",
        });
        let fps = json!({
            "platform": "sensor",
            "name": "Frames per second",
            "unique_id": format!("{id}_fps"),
            "unit_of_measurement": "fps",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "availability_topic": self.online,
            "state_topic": status,
            "value_template": "{{ value_json.fps }}",
        });
        [("camera".to_owned(), problem), ("fps".to_owned(), fps)]
    }

    /// Whether its picture is sound, a sensor for each cause, and whether it has changed, with a
    /// button to take notice; known of a source that is watched.
    fn watched(&self) -> Vec<Component> {
        let sensor = |key: String, name: String, template: String| {
            let sensor = json!({
                "platform": "binary_sensor",
                "name": name,
                "unique_id": format!("{}_{key}", self.id),
                "device_class": "problem",
                "entity_category": "diagnostic",
                "availability": self.is_watched(),
                "availability_mode": "all",
                "state_topic": format!("{}/status", self.base),
                "value_template": template,
            });
            (key, sensor)
        };
        let causes = HealthCause::ALL.into_iter().map(|cause| {
            let name = cause.name();
            let said = format!("Picture {}", name.replace('-', " "));
            let is_there = format!("{{{{ 'ON' if '{name}' in value_json.health else 'OFF' }}}}");
            sensor(format!("health_{}", name.replace('-', "_")), said, is_there)
        });
        let (key, mut drift) = sensor(
            "drift".into(),
            "Drift".into(),
            "{{ 'ON' if value_json.drift else 'OFF' }}".into(),
        );
        // Which statistics have changed.
        drift["json_attributes_topic"] = drift["state_topic"].clone();
        drift["json_attributes_template"] =
            "{{ {'statistics': value_json.drift | default([])} | tojson }}".into();
        let acknowledge = json!({
            "platform": "button",
            "name": "Acknowledge",
            "unique_id": format!("{}_acknowledge", self.id),
            "entity_category": "config",
            "availability": self.is_watched(),
            "availability_mode": "all",
            "command_topic": format!("{}/acknowledge", self.base),
            "payload_press": ALL,
        });
        let acknowledge = ("acknowledge".to_owned(), acknowledge);
        causes.chain([(key, drift), acknowledge]).collect()
    }

    /// The status tells of health only where that is watched.
    fn is_watched(&self) -> Value {
        json!([
            { "topic": self.online },
            {
                "topic": format!("{}/status", self.base),
                "value_template": "{{ 'online' if value_json.health is defined else 'offline' }}",
            },
        ])
    }

    /// One class at a time: which, and how sure.
    fn exclusive(&self, labels: &[&str]) -> Vec<Component> {
        let (id, decision) = (&self.id, format!("{}/decision", self.base));
        let which = json!({
            "platform": "sensor",
            "name": "Decision",
            "unique_id": format!("{id}_decision"),
            "device_class": "enum",
            "options": labels,
            "availability": self.seen(),
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
            "availability": self.seen(),
            "availability_mode": "all",
            "state_topic": decision,
            "value_template": "{{ value_json.score * 100 }}",
        });
        vec![("decision".to_owned(), which), ("score".to_owned(), sure)]
    }

    /// Independent labels: of each, whether it is there.
    fn independent(&self, labels: &[&str]) -> Vec<Component> {
        let sensor = |(place, label): (usize, &&str)| {
            // As a text in the template's language; JSON's quotes and escapes are the same.
            let name = Value::from(*label);
            let sensor = json!({
                "platform": "binary_sensor",
                "name": label,
                "unique_id": format!("{}_label_{place}", self.id),
                "availability": self.seen(),
                "availability_mode": "all",
                "state_topic": format!("{}/decision", self.base),
                "value_template": format!("{{{{ 'ON' if {name} in value_json.labels else 'OFF' }}}}"),
            });
            (format!("label_{place}"), sensor)
        };
        labels.iter().enumerate().map(sensor).collect()
    }

    /// While the camera is lost, the last decision says nothing of the present.
    fn seen(&self) -> Value {
        json!([
            { "topic": self.online },
            {
                "topic": format!("{}/status", self.base),
                "value_template": "{{ 'offline' if value_json.problem == 'ON' else 'online' }}",
            },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn each_independent_label_is_a_binary_sensor() {
        let device = Device {
            id: "ocelli_home_cam".to_owned(),
            online: "home/availability".to_owned(),
            base: "home/cam",
        };
        let sensors = device.independent(&["bee", "a \"big\" cat"]);
        let [(bee, first), (_, second)] = &sensors[..] else {
            panic!("{sensors:?}");
        };
        assert_eq!(bee, "label_0");
        assert_eq!(first["platform"], "binary_sensor");
        assert_eq!(first["state_topic"], "home/cam/decision");
        assert_eq!(
            second["value_template"],
            r#"{{ 'ON' if "a \"big\" cat" in value_json.labels else 'OFF' }}"#
        );
    }
}
