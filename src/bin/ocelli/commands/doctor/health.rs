//! Whether the board can work as fast as it should: power, heat, clocks.

use super::Observation;
use super::machine::Machine;

/// Boards slow down at 80 to 85 °C.
const HOT: f64 = 80.0;

/// Looks at power, heat and clocks.
pub(crate) fn observe(machine: &Machine) -> Vec<Observation> {
    let mut all = Vec::new();
    all.extend(throttling(machine));
    all.extend(temperature(machine));
    all.extend(governor(machine));
    all.extend(power_mode(machine));
    all
}

/// The firmware's own word: bits 0 to 3 hold now, bits 16 to 19 since the start
/// (raspberrypi.com/documentation, `vcgencmd get_throttled`).
fn throttling(machine: &Machine) -> Option<Observation> {
    let text = machine.read("/sys/devices/platform/soc/soc:firmware/get_throttled")?;
    let bits = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
    let (now, since) = (bits & 0xf, bits >> 16 & 0xf);
    let supply = "use the board's own power supply and a short, thick cable";
    let cooling = "cool it: a heat sink, a fan";
    Some(match (now, since) {
        (now, _) if now & 1 != 0 => {
            Observation::fault("power", "the voltage is too low now", supply)
        }
        (0, 0) => Observation::good("power", "no throttling since the start"),
        (0, since) if since & 1 != 0 => {
            Observation::fault("power", "the voltage was too low since the start", supply)
        }
        (0, _) => Observation::fault(
            "power",
            "it was throttled for heat since the start",
            cooling,
        ),
        _ => Observation::fault("power", "it is throttled for heat now", cooling),
    })
}

fn temperature(machine: &Machine) -> Option<Observation> {
    let zones = machine.glob("/sys/class/thermal/thermal_zone*/temp");
    let degrees = zones.iter().filter_map(|zone| {
        let text = std::fs::read_to_string(zone).ok()?;
        let thousandths: f64 = text.trim().parse().ok()?;
        // Sensors of parts that are off read below freezing.
        Some(thousandths / 1e3).filter(|degrees| *degrees > 0.0)
    });
    let hottest = degrees.max_by(f64::total_cmp)?;
    Some(if hottest >= HOT {
        let what = format!("{hottest:.0} °C, boards slow down from 80");
        Observation::fault("temperature", what, "cool it: a heat sink, a fan")
    } else {
        Observation::good("temperature", format!("{hottest:.0} °C"))
    })
}

fn governor(machine: &Machine) -> Option<Observation> {
    const FILE: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let governor = machine.read(FILE)?;
    Some(if governor == "powersave" {
        let fix = "echo schedutil | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
        Observation::fault("clock", "the governor is powersave: the slowest clock", fix)
    } else {
        Observation::good("clock", format!("the governor is {governor}"))
    })
}

/// A Jetson's power budget.
fn power_mode(machine: &Machine) -> Option<Observation> {
    let status = machine.read("/var/lib/nvpmodel/status")?;
    let mode: u32 = status
        .strip_prefix("pmode:")?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let largest = largest_mode(machine);
    Some(if mode == largest {
        Observation::good("power", format!("nvpmodel mode {mode}: the largest budget"))
    } else {
        let mut note =
            Observation::note("power", format!("nvpmodel mode {mode} limits the clocks"));
        note.fix = Some(format!("sudo nvpmodel -m {largest}"));
        note
    })
}

/// The mode's number: it differs from board to board (2 on an Orin Nano since JetPack 6.2).
fn largest_mode(machine: &Machine) -> u32 {
    let modes = machine.read("/etc/nvpmodel.conf").unwrap_or_default();
    let named = |name: &str| -> Option<u32> {
        let end = format!(" NAME={name} >");
        let numbered = |line: &str| -> Option<u32> {
            let number = line.strip_prefix("< POWER_MODEL ID=")?;
            number.strip_suffix(&end)?.parse().ok()
        };
        modes.lines().find_map(numbered)
    };
    named("MAXN_SUPER").or_else(|| named("MAXN")).unwrap_or(0)
}
