//! Formats and modes, on vivid: its list is long, and its pictures are known.

use std::collections::HashSet;
use std::fs;

use ocelli_rig::ocelli::Run;
use ocelli_rig::vivid::{self, NODE};
use serde_json::Value;

use crate::webcams::listed;

/// Names on the command line and the driver's codes.
const FORMATS: [(&str, &str); 7] = [
    ("yuyv", "YUYV"),
    ("nv12", "NV12"),
    ("rgb24", "RGB3"),
    ("bgr24", "BGR3"),
    ("gray8", "GREY"),
    ("yuv420p", "YU12"),
    ("yuv422p", "422P"),
];

/// White, yellow, cyan, green, magenta, red, blue, black: vivid's bars at full colour.
const BARS: [[u8; 3]; 8] = [
    [255, 255, 255],
    [255, 255, 0],
    [0, 255, 255],
    [0, 255, 0],
    [255, 0, 255],
    [255, 0, 0],
    [0, 0, 255],
    [0, 0, 0],
];

/// A still picture: what is classified is, byte for byte, what v4l2-ctl reads.
pub fn pixels() {
    vivid::v4l2(&["-c", "test_pattern=1,osd_text_mode=2"]);
    for (format, code) in FORMATS {
        let folder = format!("/tmp/kept-{format}");
        let flags = [
            "--frames", "2", "--fps", "5", "--width", "640", "--height", "480",
        ];
        let flags = [&flags[..], &["--pixel-format", format, "--record", &folder]].concat();
        let mut run = Run::start(NODE, &flags);
        run.more(2);
        run.finish(0);
        run.told(&format!("{format} 640x480 at 5 fps"));
        let kept = fs::read(format!("{folder}/00000001.raw")).unwrap();
        let mode = format!("width=640,height=480,pixelformat={code}");
        let to = "--stream-to=/tmp/still";
        vivid::v4l2(&[
            "--set-fmt-video",
            &mode,
            "--stream-mmap",
            "--stream-count=1",
            to,
        ]);
        let read = fs::read("/tmp/still").unwrap();
        assert_eq!(kept.len(), read.len(), "{format}");
        let differ = kept.iter().zip(&read).filter(|(a, b)| a != b).count();
        assert_eq!(differ, 0, "{format}: bytes that differ");
        if let "rgb24" | "bgr24" = format {
            let row = &kept[240 * 640 * 3..][..640 * 3];
            let bars = (0..8).map(|bar| {
                let pixel = &row[(bar * 80 + 40) * 3..][..3];
                let mut pixel = [pixel[0], pixel[1], pixel[2]];
                if format == "bgr24" {
                    pixel.reverse();
                }
                pixel
            });
            assert_eq!(bars.collect::<Vec<_>>(), BARS, "{format}");
        }
    }
    vivid::v4l2(&["-c", "test_pattern=0,osd_text_mode=0"]);
}

/// Every format at every size up to 640x480, and at least once every larger size and every
/// rate. The rest of the list are other combinations of these.
pub fn modes() {
    let listed = listed();
    let modes = listed[0]["modes"].as_array().unwrap();
    let mut seen = HashSet::new();
    for mode in modes {
        let text = |key: &str| mode[key].to_string().replace('"', "");
        let [format, width, height, fps] = ["format", "width", "height", "fps"].map(text);
        let size = format!("{width}x{height}");
        let small = mode["width"].as_u64() <= Some(640);
        let both = if small {
            format!("{format} {size}")
        } else {
            size
        };
        // Both are entered, whichever is new.
        let (new, rate) = (seen.insert(both), seen.insert(rate_name(mode)));
        if new || rate {
            opens(&format, &width, &height, &fps);
        }
    }
    // Seven formats at three sizes, three larger sizes.
    assert!(seen.len() >= 7 * 3 + 3 + 8, "{seen:?}");
}

fn rate_name(mode: &Value) -> String {
    format!("{:.2} fps", mode["fps"].as_f64().unwrap())
}

fn opens(format: &str, width: &str, height: &str, fps: &str) {
    let flags = ["--frames", "1", "--pixel-format", format, "--width", width];
    let mut run = Run::start(
        NODE,
        &[&flags[..], &["--height", height, "--fps", fps]].concat(),
    );
    run.more(1);
    run.finish(0);
    let fps = (fps.parse::<f64>().unwrap() * 100.0).round() / 100.0;
    run.told(&format!("{format} {width}x{height} at {fps} fps"));
}

/// Whoever had the camera before left it in a state that other programs stumble over.
pub fn odd_states() {
    for (left, rate, flags, mode) in [
        ("GREY", "25", vec![], "yuv420p 320x180"),
        (
            "GREY",
            "12.5",
            vec!["--pixel-format", "nv12"],
            "nv12 320x180",
        ),
        (
            "RGB3",
            "12.5",
            vec!["--fps", "12.5"],
            "yuv420p 320x180 at 12.5 fps",
        ),
        ("HSV3", "15", vec!["--pixel-format", "yuyv"], "yuyv 320x180"),
    ] {
        let format = format!("width=640,height=480,pixelformat={left}");
        vivid::v4l2(&["--set-fmt-video", &format]);
        vivid::v4l2(&["--set-parm", rate]);
        let mut run = Run::start(NODE, &[&flags[..], &["--frames", "2"]].concat());
        run.told(mode);
        run.more(2);
        run.finish(0);
    }
}
