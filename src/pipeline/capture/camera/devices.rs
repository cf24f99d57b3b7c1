//! Which cameras there are, and how to know one again: by the bus it hangs on and its
//! serial number, not by `/dev/videoN`, which changes with every replug. Read from sysfs
//! without opening anything, so that it works for a camera that is busy, too.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};

/// Where the kernel lists video devices.
const SYSFS: &str = "/sys/class/video4linux";

/// One video node and the hardware behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The N of `/dev/videoN`.
    pub number: usize,
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// What stays the same over replugs, to be used as `camera:IDENTITY`.
    pub identity: String,
    /// The driver's name for the camera.
    pub card: String,
    /// USB serial number, where the camera has one.
    pub serial: Option<String>,
    /// Which of its hardware's nodes this is: a webcam's second one carries metadata.
    #[serde(skip)]
    pub place: usize,
}

impl Node {
    /// Whether `other` is the same camera, as far as can be told.
    fn is_same(&self, other: &Self) -> bool {
        self.card == other.card && self.place == other.place && self.serial == other.serial
    }
}

/// All video nodes, by number.
pub fn nodes() -> Vec<Node> {
    nodes_in(Path::new(SYSFS))
}

/// All video nodes that a folder like `/sys/class/video4linux` lists, by number.
pub fn nodes_in(sysfs: &Path) -> Vec<Node> {
    let mut nodes: Vec<Node> = std::fs::read_dir(sysfs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| node(&entry.path()))
        .collect();
    nodes.sort_by_key(|node| node.number);
    nodes
}

fn node(folder: &Path) -> Option<Node> {
    let number = folder.file_name()?.to_str()?.strip_prefix("video")?;
    let number: usize = number.parse().ok()?;
    let place = read(&folder.join("index"))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let hardware = folder.join("device").canonicalize().ok();
    let (bus, serial) = hardware.as_deref().map_or_else(
        || (format!("virtual-video{number}"), None),
        |hardware| match usb_device(hardware) {
            Some(device) => (usb_bus(device), read(&device.join("serial"))),
            None => (other_bus(hardware), None),
        },
    );
    Some(Node {
        number,
        path: PathBuf::from(format!("/dev/video{number}")),
        identity: if place > 0 {
            format!("{bus}.{place}")
        } else {
            bus
        },
        card: read(&folder.join("name")).unwrap_or_default(),
        serial,
        place,
    })
}

/// The USB device above an interface such as `…/1-2/1-2:1.0`.
fn usb_device(interface: &Path) -> Option<&Path> {
    interface
        .ancestors()
        .find(|folder| folder.join("idVendor").is_file())
}

/// As the kernel's `usb_make_path` has it: `usb-CONTROLLER-PORT`.
fn usb_bus(device: &Path) -> String {
    let port = read(&device.join("devpath")).unwrap_or_default();
    let controller = device
        .ancestors()
        .find(|folder| file_name(folder).starts_with("usb"))
        .and_then(Path::parent)
        .map(file_name)
        .unwrap_or_default();
    format!("usb-{controller}-{port}")
}

/// A camera on the board itself: its device's name under the bus it hangs on.
fn other_bus(hardware: &Path) -> String {
    let subsystem = hardware
        .join("subsystem")
        .canonicalize()
        .map(|bus| file_name(&bus))
        .unwrap_or_else(|_| "device".into());
    format!("{subsystem}-{}", file_name(hardware))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The node that `name` means: `camera:` and a number, a path, an identity, a serial number or a card.
///
/// # Errors
/// There is none, or there are several.
pub fn find(name: &str) -> Result<Node> {
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
            .remedy("plug one in; CSI cameras of a Raspberry Pi or Jetson are `csi:0`")),
        0 => Err(Error::usage(
            place,
            format!("no such camera, there are {}", known.join(", ")),
        )
        .remedy("name one of these, or see `ocelli devices`")),
        count => Err(
            Error::usage(place, format!("{count} cameras are called so"))
                .remedy("name one by its identity, see `ocelli devices`"),
        ),
    }
}

/// The camera `lost`, wherever it is plugged in now: in its old place, or elsewhere under
/// a serial number that no other camera has.
pub fn find_again(lost: &Node) -> Option<Node> {
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

#[cfg(test)]
mod tests {
    use super::{Node, again, choose, nodes_in};
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

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
    fn a_webcam_is_known_by_controller_port_and_serial() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scratch/sysfs");
        let _ = std::fs::remove_dir_all(&root);
        let usb = root.join("devices/pci0000:00/0000:00:14.0/usb1/1-2");
        let interface = usb.join("1-2:1.0");
        for (number, index) in [(10, "1\n"), (2, "0\n")] {
            let folder = interface.join(format!("video4linux/video{number}"));
            create_dir_all(&folder).unwrap();
            write(folder.join("name"), "HD Webcam\n").unwrap();
            write(folder.join("index"), index).unwrap();
            symlink(&interface, folder.join("device")).unwrap();
            let class = root.join("class/video4linux");
            create_dir_all(&class).unwrap();
            symlink(&folder, class.join(format!("video{number}"))).unwrap();
        }
        write(usb.join("idVendor"), "046d\n").unwrap();
        write(usb.join("devpath"), "2\n").unwrap();
        write(usb.join("serial"), "A1B2\n").unwrap();
        let nodes = nodes_in(&root.join("class/video4linux"));
        let seen: Vec<_> = nodes
            .iter()
            .map(|n| (n.number, n.identity.as_str(), n.serial.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                (2, "usb-0000:00:14.0-2", Some("A1B2")),
                (10, "usb-0000:00:14.0-2.1", Some("A1B2"))
            ]
        );
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
