//! Which board it is, and what system runs on it.

use super::Observation;
use super::machine::Machine;

/// Oldest C library that the released binary runs with.
const GLIBC: (u32, u32) = (2, 28);

/// Looks at the board and its system.
pub(crate) fn observe(machine: &Machine) -> Vec<Observation> {
    let mut all = vec![board(machine), system(machine)];
    all.extend(glibc(machine));
    all
}

fn board(machine: &Machine) -> Observation {
    let named = machine
        .read("/proc/device-tree/model")
        .or_else(|| machine.read("/sys/class/dmi/id/product_name"));
    match named {
        Some(name) => Observation::good("board", name),
        None => Observation::note("board", "it does not say what it is"),
    }
}

fn system(machine: &Machine) -> Observation {
    let release = machine.read("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map_or("an unknown system", |name| name.trim_matches('"'));
    match machine.tegra() {
        // developer.nvidia.com/embedded/jetpack-archive
        Some((release, revision)) => {
            let jetpack = match release {
                32 => "JetPack 4",
                34 | 35 => "JetPack 5",
                36 => "JetPack 6",
                _ => "an unknown JetPack",
            };
            let what = format!("{name}, {jetpack} (L4T {release}.{revision})");
            if release < 34 {
                let fix = "install JetPack 5 or 6 (NVIDIA SDK Manager)";
                return Observation::fault("system", format!("{what}: too old"), fix);
            }
            Observation::good("system", what)
        }
        None if machine.has("/etc/rpi-issue") => {
            Observation::good("system", format!("{name}, Raspberry Pi OS"))
        }
        None => Observation::good("system", name),
    }
}

/// The C library names its version in a text of its own.
fn glibc(machine: &Machine) -> Option<Observation> {
    const BEFORE: &[u8] = b"release version ";
    let places = [
        "/lib/*-linux-gnu*/libc.so.6",
        "/lib64/libc.so.6",
        "/lib/libc.so.6",
    ];
    let file = places.iter().flat_map(|place| machine.glob(place)).next()?;
    let bytes = std::fs::read(file).ok()?;
    let start = memchr::memmem::find(&bytes, BEFORE)? + BEFORE.len();
    let text = String::from_utf8_lossy(&bytes[start..bytes.len().min(start + 8)]).into_owned();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse::<u32>().ok();
    let version = (number()?, number()?);
    let what = format!("{}.{}", version.0, version.1);
    Some(if version < GLIBC {
        let what = format!("{what}, 2.28 or later is needed");
        Observation::fault("glibc", what, "install a newer system: Debian 10 or later")
    } else {
        Observation::good("glibc", what)
    })
}
