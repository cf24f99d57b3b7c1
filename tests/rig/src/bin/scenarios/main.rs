//! The scenarios that the rig plays in its guest: cameras on real kernel drivers, and what
//! happens to them. `scenarios [PART]` plays those whose names hold PART. Each is told of
//! on standard output and as a line of /out/results.jsonl; the exit status is the verdict.

mod damage;
mod formats;
mod outages;
mod pace;
mod served;
mod several;
mod signals;
mod webcams;

use std::fs::File;
use std::io::Write;
use std::panic::{catch_unwind, set_hook};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ocelli_rig::vivid;
use serde_json::json;

type Scenario = (&'static str, fn());

/// Each leaves the guest as it found it: vivid loaded, no webcam plugged.
const ALL: [Scenario; 32] = [
    (
        "devices_lists_cameras_and_no_metadata_nodes",
        webcams::devices,
    ),
    ("pixels_of_every_format_are_the_drivers", formats::pixels),
    ("every_mode_of_vivid_opens", formats::modes),
    ("a_camera_left_in_an_odd_state_opens", formats::odd_states),
    ("a_webcams_29_97_fps_are_met", webcams::fractional_rate),
    ("mjpeg_320x240_shows_the_right_labels", webcams::mjpeg_small),
    ("mjpeg_640x480_shows_the_right_labels", webcams::mjpeg),
    ("yuyv_320x240_shows_the_right_labels", webcams::yuyv_small),
    ("yuyv_640x480_shows_the_right_labels", webcams::yuyv),
    ("stray_bytes_in_jpegs_cost_no_frame", webcams::stray_bytes),
    ("nokhwa_shows_the_right_labels", webcams::nokhwa),
    ("damaged_jpegs_are_counted_exactly", damage::jpegs),
    ("damaged_yuyv_frames_are_counted_exactly", damage::pixels),
    ("a_frame_that_the_driver_flags_is_counted", damage::flagged),
    ("frames_that_the_driver_skips_are_counted", damage::skipped),
    ("a_webcam_is_unplugged_and_plugged_again", outages::replug),
    (
        "a_webcam_comes_back_under_another_number",
        outages::another_number,
    ),
    ("a_stalled_webcam_resumes", outages::stall),
    (
        "a_webcam_that_sends_noise_is_lost_and_resumes",
        outages::noise,
    ),
    (
        "a_camera_that_another_program_has_is_an_error",
        outages::busy,
    ),
    (
        "a_driver_that_fails_is_started_again",
        outages::driver_errors,
    ),
    ("a_driver_that_goes_away_comes_back", outages::driver_reload),
    ("a_signal_storm_changes_nothing", signals::storm),
    ("a_suspended_program_goes_on", signals::suspended),
    (
        "a_running_camera_is_left_within_a_second",
        signals::end_running,
    ),
    (
        "a_stalled_camera_is_left_within_a_second",
        signals::end_stalled,
    ),
    (
        "an_unplugged_camera_is_left_within_a_second",
        signals::end_unplugged,
    ),
    ("a_model_is_reloaded_beside_a_camera", signals::reload),
    ("a_slow_reader_gets_new_frames", pace::slow_reader),
    ("a_served_camera_and_its_loss_are_seen", served::camera),
    ("several_served_cameras_have_a_state_each", served::several),
    (
        "several_cameras_in_trouble_cost_a_healthy_one_nothing",
        several::cameras,
    ),
];

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    let mut results = File::create("/out/results.jsonl").unwrap();
    let mut failed = 0;
    // What a failed check says, with its place.
    let why = Arc::new(Mutex::new(String::new()));
    let heard = why.clone();
    set_hook(Box::new(move |panic| {
        *heard.lock().unwrap() = panic.to_string()
    }));
    vivid::load();
    for (name, play) in ALL.iter().filter(|(name, _)| name.contains(&part)) {
        let started = Instant::now();
        let verdict = catch_unwind(play).map_err(|_| why.lock().unwrap().clone());
        let seconds = started.elapsed().as_secs_f64();
        let line = json!({
            "scenario": name,
            "ok": verdict.is_ok(),
            "seconds": (seconds * 10.0).round() / 10.0,
            "why": verdict.as_ref().err(),
        });
        writeln!(results, "{line}").unwrap();
        match verdict {
            Ok(()) => println!("rig: ok     {name} ({seconds:.1} s)"),
            Err(why) => {
                failed += 1;
                println!("rig: FAILED {name} ({seconds:.1} s): {why}");
            }
        }
    }
    std::process::exit(i32::from(failed > 0));
}
