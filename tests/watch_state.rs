//! What a monitor has learned outlives a restart, and belongs to one camera and one model.

use std::path::PathBuf;

use ocelli::monitor::drift::{Progress, Statistic};
use ocelli::monitor::health::HealthCause;
use ocelli::monitor::{Finding, Identity, Monitor, MonitorOptions};

use crate::support::root;
use crate::watch_scene::{Camera, Fault, Scene, known, monitor};

fn identity(camera: &str, model: &str) -> Identity {
    Identity {
        camera: camera.into(),
        model: model.into(),
    }
}

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = root().join("target/scratch").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn open(path: &std::path::Path, identity: &Identity) -> Monitor {
    Monitor::open(path, identity, known(), MonitorOptions::default())
}

/// A camera that has seen four days, kept at a path.
fn kept(name: &str) -> (Camera, PathBuf, Identity) {
    let mut camera = Camera::new(Scene::new(3), monitor(), 3);
    camera.learn(4);
    let (path, own) = (folder(name).join("door.json"), identity("usb-1.2", "abc"));
    camera.monitor.save(&path, &own).unwrap();
    (camera, path, own)
}

fn learned(monitor: &Monitor) -> Progress {
    monitor.drift().progress(Statistic::Brightness)
}

#[test]
fn what_was_learned_outlives_a_restart() {
    let (mut camera, path, own) = kept("watch-restart");
    assert_eq!(learned(&camera.monitor), Progress::Learning(4));
    camera.monitor = open(&path, &own);
    assert_eq!(learned(&camera.monitor), Progress::Learning(4));
    // It still knows where it looks.
    for _ in 0..120 {
        camera.step(1, Fault::Turn(100));
    }
    assert!(camera.monitor.assessment().health.has(HealthCause::Moved));
    // The place beside the model's training: of luma 92.6061 with a deviation of 24.4976.
    let monitor = open(&path, &own);
    let findings = monitor.findings().unwrap();
    let compared: Vec<Statistic> = findings.iter().map(|finding| finding.statistic).collect();
    assert_eq!(compared, [Statistic::Brightness, Statistic::RedBlue]);
    let Finding {
        here,
        training,
        deviations,
        ..
    } = findings[0];
    assert!((60.0..200.0).contains(&here) && training == 92.6061);
    assert!((deviations - (here - 92.6061) / 24.4976).abs() < 1e-3);
    // What is written again is what was read.
    let text = std::fs::read_to_string(&path).unwrap();
    open(&path, &own).save(&path, &own).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap() == text);
    assert!(text.len() < 600_000, "{} bytes", text.len());
}

#[test]
fn of_another_model_the_pictures_part_is_kept() {
    let (mut camera, path, _) = kept("watch-model");
    camera.monitor = open(&path, &identity("usb-1.2", "def"));
    assert!(path.with_extension("aside.json").exists() && !path.exists());
    assert_eq!(learned(&camera.monitor), Progress::Absent);
    for _ in 0..120 {
        camera.step(1, Fault::Turn(100));
    }
    assert!(camera.monitor.assessment().health.has(HealthCause::Moved));
}

#[test]
fn what_is_of_another_camera_or_broken_is_set_aside() {
    let (mut camera, path, own) = kept("watch-broken");
    let whole = std::fs::read(&path).unwrap();
    let aside = path.with_extension("aside.json");
    let json: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    let mut newer = json.clone();
    newer["format"] = 2.into();
    let mut small = json.clone();
    small["health"]["usual"]["table"] = serde_json::json!([]);
    let broken = [
        (whole.clone(), identity("usb-7", "abc")),
        (whole[..whole.len() / 2].to_vec(), own.clone()),
        (serde_json::to_vec(&newer).unwrap(), own.clone()),
        (serde_json::to_vec(&small).unwrap(), own.clone()),
        (vec![b' '; 5 << 20], own.clone()),
    ];
    for (bytes, identity) in broken {
        std::fs::write(&path, &bytes).unwrap();
        camera.monitor = open(&path, &identity);
        assert_eq!(learned(&camera.monitor), Progress::Absent);
        assert!(std::fs::read(&aside).unwrap() == bytes && !path.exists());
        for _ in 0..120 {
            assert!(camera.step(1, Fault::Turn(100)).health.is_empty());
        }
    }
    // Half a file that a power cut left is written over.
    std::fs::write(path.with_extension("unfinished"), "{").unwrap();
    camera.monitor.save(&path, &own).unwrap();
    assert!(open(&path, &own).assessment().health.is_empty());
    assert!(path.exists());
    let unwritable = camera.monitor.save(&path.join("below"), &own).unwrap_err();
    assert!(
        unwritable.to_string().contains("cannot be kept"),
        "{unwritable}"
    );
}
