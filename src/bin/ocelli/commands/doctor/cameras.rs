//! Which cameras there are, and what keeps them from being used.

use super::Observation;
use super::machine::Machine;
use crate::flags::Line;
use ocelli::pipeline::capture::{Node, modes_of, nodes_in};

/// Drivers of cameras behind a ribbon cable: they give raw Bayer pixels, which only the
/// board's own programs turn into pictures.
const RASPBERRY: [&str; 3] = ["unicam", "rp1-cfe", "rpi-cfe"];
const JETSON: [&str; 2] = ["vi-output", "NVIDIA Tegra Video"];
/// Parts of the picture processing that look like cameras.
const PARTS: [&str; 4] = ["bcm2835-isp", "bcm2835-codec", "pispbe", "rpivid"];

/// Looks at the cameras.
pub(crate) fn observe(machine: &Machine) -> Vec<Observation> {
    let nodes = nodes_in(&machine.place("/sys/class/video4linux"));
    let is = |names: &[&str], node: &Node| names.iter().any(|name| node.card.contains(name));
    let mut all = Vec::new();
    if nodes.iter().any(|node| is(&RASPBERRY, node)) {
        all.push(raspberry(machine));
    }
    if nodes.iter().any(|node| is(&JETSON, node)) {
        all.push(jetson(machine));
    }
    let others = nodes
        .iter()
        .filter(|node| !is(&RASPBERRY, node) && !is(&JETSON, node) && !is(&PARTS, node));
    all.extend(others.filter_map(|node| camera(machine, node)));
    if all.is_empty() {
        all.push(Observation::note("camera", "none is plugged in"));
    }
    all
}

fn raspberry(machine: &Machine) -> Observation {
    let program = ["rpicam-vid", "libcamera-vid"];
    match program.iter().find(|program| machine.has_program(program)) {
        Some(program) => Observation::good("camera", format!("csi:0, through {program}")),
        None => Observation::fault(
            "camera",
            "a CSI camera, but rpicam-vid is not installed",
            "sudo apt install rpicam-apps",
        ),
    }
}

fn jetson(machine: &Machine) -> Observation {
    let plugin = "/usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstnvarguscamerasrc.so";
    if !machine.has_program("gst-launch-1.0") {
        let what = "a CSI camera, but gst-launch-1.0 is not installed";
        return Observation::fault("camera", what, "sudo apt install gstreamer1.0-tools");
    }
    if !machine.has(plugin) {
        let what = "a CSI camera, but nvarguscamerasrc is not installed";
        return Observation::fault("camera", what, "sudo apt install nvidia-l4t-gstreamer");
    }
    Observation::good("camera", "csi:0, through nvarguscamerasrc")
}

/// A camera with a driver that gives pictures; a metadata node is none.
fn camera(machine: &Machine, node: &Node) -> Option<Observation> {
    let name = format!(
        "camera:{}, {} (camera:{})",
        node.number, node.card, node.identity
    );
    if !machine.is_here() {
        return (node.place == 0).then(|| Observation::good("camera", name));
    }
    match modes_of(&node.path) {
        Ok(modes) if modes.is_empty() => None,
        Ok(modes) => Some(Observation::good(
            "camera",
            format!("{name}: {} modes", modes.len()),
        )),
        Err(error) => {
            let text = Line(&error).to_string();
            let fix = if text.contains("ermission denied") {
                "sudo usermod -aG video $USER, then log in again".to_owned()
            } else {
                format!("sudo fuser -v {}", node.path.display())
            };
            Some(Observation::fault("camera", text, fix))
        }
    }
}
