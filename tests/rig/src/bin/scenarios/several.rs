//! Several cameras in one run, of both drivers: what happens to one is no matter of the others.

use std::fs;
use std::time::{Duration, Instant};

use ocelli_rig::ocelli::{PATIENCE, Run, command, shapes};
use ocelli_rig::story;
use ocelli_rig::webcam::Webcam;
use serde_json::Value;

use crate::outages::BACK;
use crate::webcams::conclude_in_time;

/// What becomes of the webcams; they are called so. The healthy one is vivid's.
const TROUBLED: [&str; 3] = ["unplugged", "stalled", "noisy"];
/// Frames per second of a webcam: the guest classifies all of them, and the healthy one's.
const SLOW: &str = "1";
/// How long the healthy camera is looked at, alone and while the others are in trouble.
const WINDOW: Duration = Duration::from_secs(20);

fn tables() -> String {
    let webcam = |name: &&str| {
        format!(
            "[[source]]\nname = \"{name}\"\nsource = \"camera:rig-{name}\"\nfps = {SLOW}\n\
             width = 320\npixel-format = \"mjpeg\"\n"
        )
    };
    let healthy = "[[source]]\nname = \"healthy\"\nsource = \"camera:0\"\nfps = 2\nwidth = 320\n";
    let webcams = TROUBLED.iter().map(webcam);
    webcams.chain([healthy.to_owned()]).collect()
}

/// What the source `name` gave so far.
fn of(run: &Run, name: &str) -> Vec<Value> {
    let all = run.records.iter();
    let own = all.filter(|record| record["source_name"] == name);
    own.cloned().collect()
}

/// Waits until each webcam has given `count` more: how long that took.
fn each_gives(run: &mut Run, count: usize) -> Duration {
    let started = Instant::now();
    run.listen_for(Duration::ZERO);
    let wanted = TROUBLED.map(|name| of(run, name).len() + count);
    while (TROUBLED.iter().zip(wanted)).any(|(name, wanted)| of(run, name).len() < wanted) {
        run.more(1);
        let time = started.elapsed();
        assert!(time < PATIENCE, "not all give frames{}", run.story());
    }
    started.elapsed()
}

/// What the healthy camera gives in the next while: frames, those that were passed over for a
/// newer one, and how old answers are, the median and p99, in milliseconds.
fn look_at_healthy(run: &mut Run) -> (usize, u64, [f64; 2]) {
    run.listen_for(Duration::ZERO);
    let before = of(run, "healthy");
    run.listen_for(WINDOW);
    let all = of(run, "healthy");
    let mut ages: Vec<f64> = (all[before.len()..].iter())
        .map(|record| record["frame_age_ms"].as_f64().unwrap())
        .collect();
    ages.sort_by(f64::total_cmp);
    let missed = |records: &[Value]| records.last().map_or(0, |r| story::drops(r, "newer"));
    let count = ages.len();
    assert!(count > 20, "{count} frames{}", run.story());
    let ages = [count / 2, count * 99 / 100].map(|place| ages[place]);
    (count, missed(&all) - missed(&before), ages)
}

pub fn cameras() {
    let file = "/tmp/cameras.toml";
    fs::write(file, tables()).unwrap();
    let mut run = Run::spawn(command(&shapes()).args(["--config", file]));
    // No webcam is plugged in yet.
    run.more(4);
    for name in TROUBLED {
        let told = format!("{name}: camera:rig-{name}: no such camera");
        assert_eq!(run.times_told(&told), 1, "{}", run.story());
    }
    let (count, missed, alone) = look_at_healthy(&mut run);

    let mut webcams = TROUBLED.map(|name| Webcam::plug(&format!("rig-{name}"), SLOW));
    let took = each_gives(&mut run, 1);
    assert!(took < BACK, "usable after {took:?}{}", run.story());
    each_gives(&mut run, 3);

    let [unplugged, stalled, noisy] = &mut webcams;
    unplugged.unplug();
    stalled.tell("stall");
    noisy.tell("noise");
    for what in [
        "is gone",
        "stalled: the camera gave no",
        "noisy: the camera gave no",
    ] {
        run.listen_for(Duration::from_secs(4));
        let told = run.log.iter().filter(|line| line.contains(what)).count();
        assert_eq!(told, 1, "`{what}`{}", run.story());
    }
    let (beside, missed_beside, in_trouble) = look_at_healthy(&mut run);
    // A frame more or less lies in the window.
    assert!(beside + 2 >= count, "{beside} of {count}{}", run.story());
    assert!(missed_beside <= missed + 1, "{missed_beside}, {missed}");

    unplugged.tell("plug");
    unplugged.present();
    stalled.tell("resume");
    noisy.tell("resume");
    let took = each_gives(&mut run, 1);
    assert!(took < BACK, "back after {took:?}{}", run.story());
    each_gives(&mut run, 4);
    conclude_in_time(&mut run);
    check_counters(&run);
    println!(
        "rig:        the healthy camera's ages: p50 {:.1}, p99 {:.1} ms alone; {:.1}, {:.1} beside those in trouble; all back in {:.1} s",
        alone[0],
        alone[1],
        in_trouble[0],
        in_trouble[1],
        took.as_secs_f64()
    );
}

/// Each source's records tell of its own fate, and of nothing else.
fn check_counters(run: &Run) {
    for name in ["healthy", TROUBLED[0], TROUBLED[1], TROUBLED[2]] {
        let records = of(run, name);
        let last = records.last().unwrap();
        let concluded = format!("{name}: {} frames classified in", records.len());
        assert_eq!(run.times_told(&concluded), 1, "{name}{}", run.story());
        let outages = u64::from(name != "healthy");
        assert_eq!(story::drops(last, "outages"), outages, "{last}");
        let is_usable = format!("{name}: can be used after");
        assert_eq!(run.times_told(&is_usable) as u64, outages, "{name}");
        let damaged = story::drops(last, "damaged");
        assert_eq!(damaged > 0, name == "noisy", "{last}");
        if name != "healthy"
            && let Err(why) = story::check(&records)
        {
            panic!("{name}: {why}{}", run.story());
        }
    }
}
