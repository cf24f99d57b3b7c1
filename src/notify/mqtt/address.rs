//! `mqtt://[USER@]HOST[:PORT]/TOPIC`, or `mqtts://…` for TLS.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A broker and the topic under which everything is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or number of the host.
    pub host: String,
    /// 1883, or 8883 with TLS, unless it is given.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The user, where one is named.
    pub user: Option<String>,
    /// Levels, without a slash at either end.
    pub topic: String,
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |what: String| {
            Error::usage("broker", what)
                .with_expected("mqtt://[USER@]HOST[:PORT]/TOPIC, or mqtts://… for TLS")
        };
        let url = url::Url::parse(text).map_err(|e| refused(format!("`{text}`: {e}")))?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            other => return Err(refused(format!("`{other}` is not a scheme of a broker"))),
        };
        if url.password().is_some() {
            let what = "a password in an address is seen by everyone who sees the address";
            return Err(Error::usage("broker", what)
                .with_remedy("put it into a file of its own")
                .with_settings(&["mqtt_password"]));
        }
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| refused(format!("`{text}` is not UTF-8")))
        };
        let topic = decoded(url.path().trim_matches('/'))?;
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            return Err(refused(format!(
                "`{topic}` is not a topic to publish under"
            )));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        Ok(Self {
            host: host
                .ok_or_else(|| refused(format!("`{text}` names no host")))?
                .trim_matches(['[', ']'])
                .to_owned(),
            port: url.port().unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
            user: match url.username() {
                "" => None,
                user => Some(decoded(user)?),
            },
            topic,
        })
    }
}

impl Address {
    /// The topic under which the source `name` is published: a level of its own, or this one
    /// for a source without a name.
    pub(crate) fn topic_of(&self, name: Option<&str>) -> String {
        match name {
            Some(name) => format!("{}/{}", self.topic, level(name)),
            None => self.topic.clone(),
        }
    }
}

/// One level of a topic: what MQTT reads as more (1.5.3 and 4.7) is written as in a URL, and
/// so is `%`, so that no two names are one level.
fn level(name: &str) -> String {
    let stands = |c: char| {
        let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || c as u32 & 0xfffe == 0xfffe;
        !(c.is_control() || is_noncharacter || matches!(c, '/' | '+' | '#' | '%'))
    };
    let mut level = String::with_capacity(name.len());
    for c in name.chars() {
        if stands(c) {
            level.push(c);
        } else {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            level.extend(bytes.map(percent_encoding::percent_encode_byte));
        }
    }
    level
}

/// What a topic is called in identifiers and file names: letters, digits, `-` and `_` for
/// the slash. Where that would fit another topic, too, a digest tells them apart.
pub(super) fn slug(topic: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let slug: String = topic
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if topic.chars().all(|c| plain(c) || c == '/') {
        return slug;
    }
    let digest = Sha256::digest(topic.as_bytes());
    format!("{slug}_{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
}

#[cfg(test)]
mod tests {
    use super::{Address, slug};

    #[test]
    fn addresses_are_understood() {
        let address: Address = "mqtt://broker.local/home/door%20cam/".parse().unwrap();
        assert_eq!(
            (address.host.as_str(), address.port),
            ("broker.local", 1883)
        );
        assert_eq!(address.topic, "home/door cam");
        // printf 'home/door cam' | sha256sum
        assert_eq!(slug(&address.topic), "home_door_cam_0adbba");
        let address: Address = "mqtts://cam@[::1]/cam".parse().unwrap();
        assert!(address.tls);
        assert_eq!(
            (address.host.as_str(), address.port, address.user.as_deref()),
            ("::1", 8883, Some("cam"))
        );
        assert_eq!("mqtt://h:9/a".parse::<Address>().unwrap().port, 9);
        assert_eq!(slug("a/b-1"), "a_b-1");
    }

    #[test]
    fn a_source_has_one_level_that_no_other_has() {
        let address: Address = "mqtt://h/home".parse().unwrap();
        let cases = [
            (None, "home"),
            (Some("door"), "home/door"),
            (Some("camera:0"), "home/camera:0"),
            (Some("Küche links"), "home/Küche links"),
            (Some("rtsp://x/1#2"), "home/rtsp:%2F%2Fx%2F1%232"),
            (Some("a+b"), "home/a%2Bb"),
            (Some("a%2Bb"), "home/a%252Bb"),
            (Some("a\n\u{85}\u{fffe}"), "home/a%0A%C2%85%EF%BF%BE"),
        ];
        for (name, topic) in cases {
            assert_eq!(address.topic_of(name), topic);
        }
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        let expected = "expected mqtt://[USER@]HOST[:PORT]/TOPIC, or mqtts://… for TLS";
        let cases = [
            (
                "http://h/t",
                format!("`http` is not a scheme of a broker, {expected}"),
            ),
            (
                "mqtt://h",
                format!("`` is not a topic to publish under, {expected}"),
            ),
            ("mqtt://h/a/#", String::new()),
            (
                "broker",
                format!("`broker`: relative URL without a base, {expected}"),
            ),
        ];
        for (text, error) in cases {
            match text.parse::<Address>() {
                Err(found) => assert_eq!(found.to_string(), format!("broker: {error}")),
                // A fragment is not a part of a topic.
                Ok(address) => assert_eq!(address.topic, "a"),
            }
        }
        let secret = "mqtt://u:p@h/t".parse::<Address>().unwrap_err();
        assert_eq!(secret.remedy(), Some("put it into a file of its own"));
        assert_eq!(secret.settings(), ["mqtt_password"]);
    }
}
