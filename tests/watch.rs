//! Image health against a drawn camera: every fault is found and named within twice its
//! minimum, and a day of lamps, night, a blank wall or a static scene passes without.
//!
//! `scripts/check-watch` runs the long ones, which are ignored otherwise.

use std::time::Instant;

use ocelli::monitor::health::{HealthCause, Repeats};
use ocelli::pipeline::decode::{Picture, Region, Samples};
use ocelli::pipeline::summary::PictureSummary;

use crate::watch_scene::{self as scene, Camera, Fault, Scene};

/// Days after which a camera knows its hours.
const DAYS: u64 = 4;

const FAULTS: [(HealthCause, [Fault; 2]); 7] = [
    (HealthCause::Dark, [Fault::Light(0.1), Fault::Light(0.2)]),
    (
        HealthCause::Overexposed,
        [Fault::Light(2.5), Fault::Light(4.0)],
    ),
    (HealthCause::Blurred, [Fault::Blur(2), Fault::Blur(4)]),
    (HealthCause::Covered, [Fault::Cover(0.3), Fault::Cover(0.9)]),
    (HealthCause::Frozen, [Fault::Freeze, Fault::Freeze]),
    (HealthCause::Moved, [Fault::Turn(40), Fault::Turn(130)]),
    (
        HealthCause::ColourCast,
        [Fault::Tint(1.35, 0.75), Fault::Tint(0.7, 1.2)],
    ),
];

/// A camera at `scene` that knows its hours, at half past twelve.
fn experienced(scene: Scene, seed: u64) -> Camera {
    let mut camera = Camera::new(scene, scene::monitor(), seed);
    camera.learn(DAYS);
    while camera.second % 86_400 < 45_000 {
        camera.step(225, Fault::None);
    }
    camera
}

/// What is found within twice the minimum; the picture is sound again after that.
fn found(camera: &mut Camera, cause: HealthCause, fault: Fault) -> Vec<HealthCause> {
    let seconds = 2 * cause.minimum(Repeats::Never).as_secs();
    let mut found = Vec::new();
    for _ in 0..seconds {
        let causes = camera.step(1, fault).health;
        found.extend(
            causes
                .iter()
                .filter(|cause| !found.contains(cause))
                .collect::<Vec<_>>(),
        );
    }
    for _ in 0..=seconds {
        camera.step(1, Fault::None);
    }
    assert!(
        camera.monitor.assessment().health.is_empty(),
        "{fault:?} stays"
    );
    found
}

#[test]
fn every_fault_is_found_and_named_within_twice_its_minimum() {
    let mut camera = experienced(Scene::new(1), 1);
    for (cause, [_, severe]) in FAULTS {
        assert_eq!(found(&mut camera, cause, severe), [cause], "{severe:?}");
    }
}

#[test]
fn a_cause_that_is_acknowledged_is_learned() {
    let mut camera = experienced(Scene::new(2), 2);
    for _ in 0..200 {
        camera.step(1, Fault::Turn(100));
    }
    assert!(camera.monitor.assessment().health.has(HealthCause::Moved));
    camera.monitor.acknowledge_health(HealthCause::Moved);
    for _ in 0..800 {
        assert!(camera.step(2, Fault::Turn(100)).health.is_empty());
    }
    for _ in 0..200 {
        camera.step(1, Fault::None);
    }
    assert!(camera.monitor.assessment().health.has(HealthCause::Moved));
}

#[test]
fn one_frame_handed_out_twice_is_no_frozen_picture() {
    let mut summary = PictureSummary::default();
    summary.measure(&noise(64, 48));
    let began = Instant::now();
    let frozen = |numbered: bool| {
        let mut monitor = scene::monitor();
        (0..20u64).any(|second| {
            let seen = ocelli::monitor::Observation {
                summary: &summary,
                time: std::time::UNIX_EPOCH,
                instant: began + std::time::Duration::from_secs(second),
                sequence: numbered.then_some(7),
                answer: None,
            };
            monitor.observe(&seen).health.has(HealthCause::Frozen)
        })
    };
    assert!(frozen(false));
    assert!(!frozen(true));
}

fn noise(width: usize, height: usize) -> Picture {
    let mut random = fastrand::Rng::with_seed(1);
    Picture {
        width,
        height,
        region: Region {
            x: 0,
            y: 0,
            width,
            height,
        },
        eighths: 8,
        samples: Samples::Rgb,
        pixels: (0..3 * width * height).map(|_| random.u8(..)).collect(),
    }
}

/// Recall per fault over scenes and hours, weak faults included, and what is named beside.
#[test]
#[ignore = "takes minutes: scripts/check-watch"]
fn watch_health_recall() {
    let mut table = [(0, 0, 0); FAULTS.len()];
    for seed in 10..18 {
        let mut place = Scene::new(seed);
        place.noise = [1.0, 2.0, 4.0, 6.0][seed as usize % 4];
        place.light = [scene::lamp, scene::daylight][seed as usize / 2 % 2];
        let mut camera = experienced(place, seed);
        for (row, (cause, faults)) in table.iter_mut().zip(FAULTS) {
            for fault in faults {
                let found = found(&mut camera, cause, fault);
                row.0 += 1;
                row.1 += usize::from(found.contains(&cause));
                row.2 += usize::from(found.iter().any(|other| *other != cause));
                if found != [cause] {
                    println!("scene {seed}: {fault:?}: {found:?}");
                }
            }
            camera.step(2000, Fault::None);
        }
    }
    println!("cause         shown  found  beside");
    let mut total = (0, 0);
    for ((cause, _), (shown, found, beside)) in FAULTS.iter().zip(table) {
        println!("{:<12} {shown:>6} {found:>6} {beside:>7}", cause.name());
        total = (total.0 + shown, total.1 + found);
    }
    assert!(total.1 as f64 >= 0.95 * total.0 as f64);
}

/// Events within 24 hours at a frame every two seconds, of scenes that are sound.
#[test]
#[ignore = "takes minutes: scripts/check-watch"]
fn watch_health_false_events() {
    type Made = fn() -> Scene;
    let places: [(&str, Made); 6] = [
        ("lamps", || {
            with(Scene::new(31), scene::switched, scene::never)
        }),
        ("daylight", || {
            with(Scene::new(32), scene::daylight, scene::never)
        }),
        ("infrared", || {
            with(Scene::new(33), scene::daylight, scene::at_night)
        }),
        ("blank wall", Scene::wall),
        ("static", || Scene {
            moves: false,
            noise: 0.6,
            ..Scene::new(34)
        }),
        ("night noise", || Scene {
            noise: 8.0,
            ..Scene::new(35)
        }),
    ];
    for (name, place) in places {
        for days in [0, 4] {
            let is_known = days > 0;
            let mut camera = Camera::new(place(), scene::monitor(), 9);
            let (mut events, mut before) = (Vec::new(), camera.monitor.assessment().health);
            let mut day = |camera: &mut Camera, step: u64, events: &mut Vec<_>| {
                let end = camera.second + 86_400;
                while camera.second < end {
                    let now = camera.step(step, Fault::None).health;
                    let new = now.iter().filter(|cause| !before.has(*cause));
                    events.extend(new.map(|cause| (cause.name(), camera.second % 86_400 / 60)));
                    before = now;
                }
            };
            // From morning to morning, so that a night is one.
            camera.second += 6 * 3600;
            for _ in 0..days {
                day(&mut camera, 225, &mut Vec::new());
            }
            day(&mut camera, 5, &mut events);
            println!(
                "{name:<12} after {days} days: {} events {events:?}",
                events.len()
            );
            assert!(events.len() <= usize::from(!is_known), "{name}");
            assert!(events.iter().all(|(cause, _)| *cause != "frozen"), "{name}");
        }
    }
}

fn with(place: Scene, light: fn(u64) -> f32, infrared: fn(u64) -> bool) -> Scene {
    Scene {
        light,
        infrared,
        ..place
    }
}

/// What a look at a 720p frame costs on one core.
#[test]
#[ignore = "a benchmark: scripts/check-watch"]
fn watch_health_cost() {
    for (name, samples) in [("RGB", Samples::Rgb), ("luma", Samples::Luma)] {
        let mut pictures = [noise(1280, 720), noise(1280, 720)];
        pictures[1].pixels.reverse();
        let mut summary = PictureSummary::default();
        let mut monitor = scene::monitor();
        let began = Instant::now();
        let mut times: Vec<[u128; 2]> = (0..2000u64)
            .map(|frame| {
                let picture = &mut pictures[frame as usize % 2];
                picture.samples = samples;
                let start = Instant::now();
                summary.measure(picture);
                let measured = start.elapsed();
                monitor.observe(&ocelli::monitor::Observation {
                    summary: &summary,
                    time: std::time::SystemTime::now(),
                    instant: began + std::time::Duration::from_millis(33 * frame),
                    sequence: None,
                    answer: None,
                });
                [measured.as_micros(), start.elapsed().as_micros()]
            })
            .collect();
        times.sort_unstable_by_key(|[_, all]| *all);
        let [summary, all] = times[times.len() / 2];
        let least = times[0];
        println!(
            "{name} 1280x720: summary {summary} us, summary and health {all} us (median; least {least:?})"
        );
    }
}
