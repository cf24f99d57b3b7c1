//! The doctor, on machines made of files: what real boards' files say, and the one thing
//! that mends each fault.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{command, project, scratch, stderr};

const C_LIBRARY: &str = "GNU C Library (Debian GLIBC) stable release version ";

/// A machine of these files.
fn machine(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = scratch(&format!("doctor-{name}"));
    for (path, text) in files {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    root
}

/// Exit status, and `verdict about: what; fix` of each observation.
fn examine(root: &Path) -> (i32, Vec<String>) {
    let output = command()
        .args(["doctor", "--json", "--root"])
        .arg(root)
        .output()
        .unwrap();
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let line = |o: &Value| {
        let text = |key: &str| o[key].as_str().unwrap().to_owned();
        let fix = o["fix"].as_str().map(|fix| format!("; {fix}"));
        let fix = fix.unwrap_or_default();
        format!(
            "{} {}: {}{fix}",
            text("verdict"),
            text("about"),
            text("what")
        )
    };
    (
        output.status.code().unwrap(),
        all.iter().map(line).collect(),
    )
}

#[test]
fn a_raspberry_pi_4_with_a_webcam_is_well() {
    let libc = format!("{C_LIBRARY}2.31.\n");
    let root = machine(
        "pi4",
        &[
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            (
                "etc/os-release",
                "PRETTY_NAME=\"Debian GNU/Linux 11 (bullseye)\"\n",
            ),
            ("etc/rpi-issue", "Raspberry Pi reference 2023-05-03\n"),
            ("lib/aarch64-linux-gnu/libc.so.6", &libc),
            ("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48692\n"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "ondemand\n",
            ),
            ("sys/class/video4linux/video0/name", "HD Pro Webcam C920\n"),
            ("sys/class/video4linux/video0/index", "0\n"),
            ("sys/class/video4linux/video1/name", "HD Pro Webcam C920\n"),
            ("sys/class/video4linux/video1/index", "1\n"),
            (
                "sys/class/video4linux/video10/name",
                "bcm2835-codec-decode\n",
            ),
        ],
    );
    let expected = [
        "good board: Raspberry Pi 4 Model B Rev 1.4",
        "good system: Debian GNU/Linux 11 (bullseye), Raspberry Pi OS",
        "good glibc: 2.31",
        "good power: no throttling since the start",
        "good temperature: 49 °C",
        "good clock: the governor is ondemand",
        "good camera: camera:0, HD Pro Webcam C920 (camera:virtual-video0)",
    ];
    assert_eq!(examine(&root), (0, expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_raspberry_pi_5_with_a_weak_supply_and_no_camera_program_has_two_faults() {
    let libc = format!("{C_LIBRARY}2.36.\n");
    let files = [
        ("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"),
        (
            "etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        ),
        ("etc/rpi-issue", "Raspberry Pi reference 2024-03-15\n"),
        ("lib/aarch64-linux-gnu/libc.so.6", libc.as_str()),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50000\n",
        ),
        ("sys/class/thermal/thermal_zone0/temp", "82100\n"),
        ("sys/class/video4linux/video0/name", "rp1-cfe-csi2_ch0\n"),
        ("sys/class/video4linux/video20/name", "pispbe-input\n"),
    ];
    let root = machine("pi5", &files);
    let expected = [
        "good board: Raspberry Pi 5 Model B Rev 1.0",
        "good system: Debian GNU/Linux 12 (bookworm), Raspberry Pi OS",
        "good glibc: 2.36",
        "fault power: the voltage was too low since the start; use the board's own power supply and a short, thick cable",
        "fault temperature: 82 °C, boards slow down from 80; cool it: a heat sink, a fan",
        "fault camera: a CSI camera, but rpicam-vid is not installed; sudo apt install rpicam-apps",
    ];
    assert_eq!(examine(&root), (1, expected.map(str::to_owned).to_vec()));
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    std::fs::write(root.join("usr/bin/rpicam-vid"), "").unwrap();
    let (_, all) = examine(&root);
    assert_eq!(all[5], "good camera: csi:0, through rpicam-vid");
}

#[test]
fn jetsons_name_their_jetpack_and_their_budget() {
    let cases = [
        (
            "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref",
            "2.31",
            "Ubuntu 20.04.6 LTS",
            "JetPack 5 (L4T 35.4.1)",
            ("< POWER_MODEL ID=0 NAME=MAXN >\n", 0),
        ),
        (
            "# R36 (release), REVISION: 3.0, GCID: 36191598, BOARD: generic",
            "2.35",
            "Ubuntu 22.04.4 LTS",
            "JetPack 6 (L4T 36.3.0)",
            (
                "# modes\n< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n",
                2,
            ),
        ),
    ];
    for (release, glibc, system, jetpack, (modes, largest)) in cases {
        let name = format!("PRETTY_NAME=\"{system}\"\n");
        let libc = format!("{C_LIBRARY}{glibc}.\n");
        let files = [
            ("proc/device-tree/model", "NVIDIA Orin Nano Developer Kit\0"),
            ("etc/os-release", name.as_str()),
            ("etc/nv_tegra_release", release),
            ("lib/aarch64-linux-gnu/libc.so.6", libc.as_str()),
            ("etc/nvpmodel.conf", modes),
            ("var/lib/nvpmodel/status", "pmode:0001 fmode:fanNull"),
            (
                "sys/class/video4linux/video0/name",
                "vi-output, imx219 9-0010\n",
            ),
            ("usr/bin/gst-launch-1.0", ""),
        ];
        let root = machine(glibc, &files);
        let (code, all) = examine(&root);
        let expected = [
            "good board: NVIDIA Orin Nano Developer Kit".to_owned(),
            format!("good system: {system}, {jetpack}"),
            format!("good glibc: {glibc}"),
            format!("note power: nvpmodel mode 1 limits the clocks; sudo nvpmodel -m {largest}"),
            "fault camera: a CSI camera, but nvarguscamerasrc is not installed; sudo apt install nvidia-l4t-gstreamer".to_owned(),
        ];
        assert_eq!((code, all), (1, expected.to_vec()));
    }
}

#[test]
fn a_bare_machine_is_well_and_an_old_one_is_not() {
    let libc = format!("{C_LIBRARY}2.27.\n");
    let files = [
        ("sys/class/dmi/id/product_name", "NUC11TNKi5\n"),
        (
            "etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        ),
    ];
    let root = machine("bare", &files);
    let expected = [
        "good board: NUC11TNKi5",
        "good system: Debian GNU/Linux 12 (bookworm)",
        "note camera: none is plugged in",
    ];
    assert_eq!(examine(&root), (0, expected.map(str::to_owned).to_vec()));
    let old = [
        (
            "etc/nv_tegra_release",
            "# R32 (release), REVISION: 7.1, GCID: 1",
        ),
        ("etc/os-release", "PRETTY_NAME=\"Ubuntu 18.04.6 LTS\"\n"),
        ("lib/aarch64-linux-gnu/libc.so.6", libc.as_str()),
    ];
    let (code, all) = examine(&machine("old", &old));
    assert_eq!(code, 1);
    assert_eq!(
        all[1..3],
        [
            "fault system: Ubuntu 18.04.6 LTS, JetPack 4 (L4T 32.7.1): too old; install JetPack 5 or 6 (NVIDIA SDK Manager)",
            "fault glibc: 2.27, 2.28 or later is needed; install a newer system: Debian 10 or later",
        ]
    );
}

#[test]
fn a_library_that_does_not_serve_is_passed_over_with_its_reason() {
    let file = scratch("doctor-library").join("libonnxruntime.so.1.32.0");
    std::fs::write(&file, b"\x7fELF cut short").unwrap();
    let output = command()
        .args(["doctor", "--ort"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains(&format!("{} is passed over: ", file.display())),
        "{text}"
    );
    assert!(
        text.contains("FAULT onnxruntime  not found: the pure-Rust engine runs"),
        "{text}"
    );
    assert!(
        text.contains("fix: python3 -m venv ~/.local/share/ocelli && "),
        "{text}"
    );
}

#[test]
fn a_model_is_tried() {
    let output = command()
        .args(["doctor", "-m", &project("models/shapes.onnx")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("ok    model        shapes@1, opset "),
        "{text}"
    );
    let output = command()
        .args(["doctor", "-m", "/nowhere.onnx"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("FAULT model        /nowhere.onnx: "),
        "{text}"
    );
}
