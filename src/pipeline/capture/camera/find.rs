//! Which camera is meant, and which is the one that was lost: known again by its place and
//! its serial number.

use std::path::Path;

use super::devices::{Node, nodes};
use crate::error::{Error, Result};

/// The node that `name` means: `camera:` and a number, a path, an identity, a serial number or a card.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn find(name: &str) -> Result<Node> {
    choose(name, nodes())
}

fn choose(place: &str, nodes: Vec<Node>) -> Result<Node> {
    let name = place.strip_prefix("camera:").unwrap_or(place);
    let by_path = Path::new(name).canonicalize().ok();
    let known: Vec<String> = nodes.iter().map(|node| node.identity.clone()).collect();
    let is_meant = |node: &Node| {
        name.parse() == Ok(node.number)
            || by_path.as_deref() == Some(&*node.path)
            || node.identity == name
    };
    let is_described = |node: &Node| {
        node.place == 0 && (node.serial.as_deref() == Some(name) || node.card == name)
    };
    let meant: Vec<Node> = nodes.iter().filter(|n| is_meant(n)).cloned().collect();
    let mut found = if meant.is_empty() {
        nodes.into_iter().filter(is_described).collect()
    } else {
        meant
    };
    match found.len() {
        1 => Ok(found.remove(0)),
        0 if known.is_empty() => Err(Error::usage(place, "there is no camera on this machine")
            .with_remedy("plug one in; CSI cameras of a Raspberry Pi or Jetson are `csi:0`")),
        0 => Err(Error::usage(
            place,
            format!("no such camera, there are {}", known.join(", ")),
        )
        .with_remedy("name one of these, or see `ocelli devices`")),
        count => Err(
            Error::usage(place, format!("{count} cameras are called so"))
                .with_remedy("name one by its identity, see `ocelli devices`"),
        ),
    }
}

/// The camera `lost`, wherever it is plugged in now: in its old place, or elsewhere under
/// a serial number that no other camera has.
pub(super) fn find_again(lost: &Node) -> Option<Node> {
    again(lost, nodes())
}

fn again(lost: &Node, nodes: Vec<Node>) -> Option<Node> {
    let same: Vec<Node> = nodes.into_iter().filter(|n| n.is_same(lost)).collect();
    let in_place = same.iter().find(|node| node.identity == lost.identity);
    match (in_place, &*same) {
        (Some(node), _) => Some(node.clone()),
        (None, [only]) if lost.serial.is_some() => Some(only.clone()),
        _ => None,
    }
}

impl Node {
    /// Whether `other` is the same camera, as far as can be told.
    fn is_same(&self, other: &Self) -> bool {
        self.card == other.card && self.place == other.place && self.serial == other.serial
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, again, choose};
    use std::path::PathBuf;

    fn node(number: usize, identity: &str, serial: Option<&str>) -> Node {
        Node {
            number,
            path: PathBuf::from(format!("/dev/video{number}")),
            identity: identity.into(),
            card: "Cam".into(),
            serial: serial.map(Into::into),
            place: 0,
        }
    }

    #[test]
    fn a_name_is_a_number_an_identity_or_a_serial() {
        let nodes = vec![
            node(0, "usb-a-1", Some("S1")),
            node(4, "usb-a-2", Some("S2")),
        ];
        let number = |name: &str| choose(name, nodes.clone()).map(|n| n.number);
        assert_eq!(number("4").unwrap(), 4);
        assert_eq!(number("usb-a-1").unwrap(), 0);
        assert_eq!(number("camera:S2").unwrap(), 4);
        assert_eq!(
            number("Cam").unwrap_err().to_string(),
            "Cam: 2 cameras are called so; name one by its identity, see `ocelli devices`"
        );
        assert_eq!(
            number("camera:1").unwrap_err().to_string(),
            "camera:1: no such camera, there are usb-a-1, usb-a-2; name one of these, or see `ocelli devices`"
        );
    }

    #[test]
    fn a_camera_is_found_again_in_its_place_or_by_its_serial() {
        let lost = node(0, "usb-a-1", Some("S"));
        let found = |nodes: Vec<Node>| again(&lost, nodes).map(|n| n.number);
        assert_eq!(found(vec![node(3, "usb-a-1", Some("S"))]), Some(3));
        assert_eq!(found(vec![node(3, "usb-b-7", Some("S"))]), Some(3));
        assert_eq!(found(vec![node(3, "usb-a-1", Some("other"))]), None);
        // Two with one serial number: only the one in the old place is sure.
        let twins = vec![node(1, "usb-b-1", Some("S")), node(2, "usb-b-2", Some("S"))];
        assert_eq!(found(twins), None);
        let nameless = node(0, "usb-a-1", None);
        assert_eq!(again(&nameless, vec![node(1, "usb-b-1", None)]), None);
    }
}
