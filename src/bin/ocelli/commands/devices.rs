//! `ocelli devices`: the cameras of this machine, what they are known by over replugs, and
//! their modes.

use std::fmt::Write;

use serde::Serialize;

use super::{Finding, print, print_json};
use crate::cli::DevicesArgs;
use crate::flags::Line;
use ocelli::Result;
use ocelli::pipeline::capture::{Mode, Node, modes_of, nodes};

/// One camera; what `camera:` takes.
#[derive(Debug, Serialize)]
struct Device {
    #[serde(flatten)]
    node: Node,
    modes: Vec<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(args: &DevicesArgs) -> Result<Finding> {
    let devices: Vec<Device> = nodes().into_iter().filter_map(device).collect();
    if args.json {
        print_json(&devices)?;
    } else {
        print(&text(&devices))?;
    }
    if devices.is_empty() {
        log::info!("no camera found; a CSI camera of a Raspberry Pi or Jetson is `csi:0`");
    }
    Ok(Finding::Good)
}

/// A node that gives pictures, or cannot be asked; a metadata node is no camera.
fn device(node: Node) -> Option<Device> {
    match modes_of(&node.path) {
        Ok(modes) if modes.is_empty() => None,
        Ok(modes) => Some(Device {
            node,
            modes,
            error: None,
        }),
        Err(error) => Some(Device {
            node,
            modes: Vec::new(),
            error: Some(Line(&error).to_string()),
        }),
    }
}

fn text(devices: &[Device]) -> String {
    let mut text = String::new();
    for Device { node, modes, error } in devices {
        let serial = node.serial.as_deref().map(|s| format!(", serial {s}"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "camera:{}  {} (camera:{}{})",
            node.number,
            node.card,
            node.identity,
            serial.unwrap_or_default()
        );
        for line in sizes(modes) {
            let _ = writeln!(text, "  {line}");
        }
        if let Some(error) = error {
            let _ = writeln!(text, "  {error}");
        }
    }
    text
}

/// A line per format and size, with all its rates.
fn sizes(modes: &[Mode]) -> Vec<String> {
    let same = |a: &Mode, b: &Mode| (a.coding, a.width, a.height) == (b.coding, b.width, b.height);
    let groups = modes.chunk_by(same);
    groups
        .map(|group| {
            let rates = group.iter().filter(|mode| mode.fps > 0.0);
            let rates: Vec<String> = rates
                .map(|mode| ((mode.fps * 100.0).round() / 100.0).to_string())
                .collect();
            let mode = &group[0];
            let at = if rates.is_empty() { "" } else { " at " };
            format!(
                "{} {}x{}{at}{}",
                mode.coding.name(),
                mode.width,
                mode.height,
                rates.join(", ")
            )
        })
        .collect()
}
