//! Which cameras there are, by the bus that each hangs on and its serial number, not by
//! `/dev/videoN`, which changes with every replug. Read from sysfs without opening anything,
//! so that it works for a camera that is busy, too.

use std::path::{Path, PathBuf};

use serde::Serialize;

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

#[cfg(test)]
mod tests {
    use super::nodes_in;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;
    use std::path::Path;

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
}
