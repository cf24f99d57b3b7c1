//! What a real MQTT broker (Mosquitto) hears of several live sources.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http_sources::{Camera, sample, send};
use crate::mqtt::{Broker, on, one_way_to_be_available};
use crate::notify::run;
use crate::support::{records, scratch, stderr};

/// The payloads of `problem` that were heard under `topic`, each once.
fn problems(heard: &[(String, String)], topic: &str) -> Vec<String> {
    let told = on(heard, topic);
    let mut problems: Vec<String> = told
        .iter()
        .map(|status| status["problem"].as_str().unwrap().to_owned())
        .collect();
    problems.dedup();
    problems
}

#[test]
fn each_source_has_topics_a_device_and_a_problem_of_its_own() {
    let folder = scratch("mqtt-sources");
    let Some(broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    // It gives pictures, then hangs up on three requests, then gives pictures.
    let camera = Camera::start(|n, _, stream| match n {
        5..8 => Ok(()),
        _ => send(stream, "200 OK", "image/jpeg", &sample("circle")),
    });
    let url = camera.url("");
    // Every character that a topic cannot have, and some that it can.
    let pipe = folder.join("Küche +1#50%");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let pipe = pipe.to_str().unwrap();
    let yard = format!("yard={url}");
    let (mqtt, spool) = (broker.url(), folder.join("spool").display().to_string());
    let child = run(&["door=synthetic:fps=50", &yard, pipe])
        .args([
            "--live",
            "--changes-only",
            "--max-fps=10",
            "--stop-after=5s",
        ])
        .args([
            "--mqtt",
            &mqtt,
            "--mqtt-spool",
            &spool,
            "--mqtt-heartbeat=1s",
        ])
        .spawn()
        .unwrap();
    let mut open = std::fs::OpenOptions::new();
    open.write(true)
        .open(pipe)
        .unwrap()
        .write_all(&sample("star"))
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let heard = subscriber.all(Duration::from_secs(1));

    let level = pipe
        .replace('%', "%25")
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('#', "%23");
    let all = records(&output);
    for (name, level, least) in [("door", "door", 5), ("yard", "yard", 1), (pipe, &level, 1)] {
        let said: Vec<&Value> = all.iter().filter(|r| r["source_name"] == name).collect();
        let decisions = on(&heard, &format!("home/cam/{level}/decision"));
        let changed = decisions.iter().filter(|r| !r["changed"].is_null());
        assert_eq!(changed.collect::<Vec<_>>(), said, "{told}");
        assert!(said.len() >= least, "{name}: {told}");
    }
    assert_eq!(problems(&heard, "home/cam/door/status"), ["OFF"]);
    let yard = problems(&heard, "home/cam/yard/status");
    assert_eq!(yard, ["OFF", "ON", "OFF"], "lost, and back: {told}");
    let ended = problems(&heard, &format!("home/cam/{level}/status"));
    assert_eq!(ended.last().unwrap(), "ON", "it has ended");
    assert_eq!(on(&heard, "home/cam/availability"), ["online", "offline"]);
    let own = ["home/cam/decision", "home/cam/status"];
    assert!(!heard.iter().any(|(topic, _)| own.contains(&topic.as_str())));

    let devices: Vec<(&String, Value)> = heard
        .iter()
        .filter(|(topic, _)| topic.starts_with("homeassistant/"))
        .map(|(topic, payload)| (topic, serde_json::from_str(payload).unwrap()))
        .collect();
    let mut named: Vec<&str> = devices
        .iter()
        .map(|(_, device)| device["device"]["name"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    assert_eq!(named, [pipe, "door", "yard"]);
    // What Home Assistant's own expression for discovery topics takes.
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for (topic, device) in &devices {
        let id = topic.trim_start_matches("homeassistant/device/");
        let id = id.trim_end_matches("/config");
        assert!(id.chars().all(is_id), "{topic}");
        assert_eq!(device["device"]["identifiers"], json!([id]));
        assert_eq!(
            device["components"]["camera"]["unique_id"],
            format!("{id}_camera")
        );
    }
    let (_, door) = devices
        .iter()
        .find(|(topic, _)| *topic == "homeassistant/device/ocelli_home_cam_door/config")
        .unwrap();
    one_way_to_be_available(door);
    let decision = &door["components"]["decision"];
    assert_eq!(decision["state_topic"], "home/cam/door/decision");
    let topics = decision["availability"].as_array().unwrap();
    let topics: Vec<&Value> = topics.iter().map(|one| &one["topic"]).collect();
    assert_eq!(topics, ["home/cam/availability", "home/cam/door/status"]);
}

#[test]
fn changes_of_several_sources_wait_in_one_spool_and_find_their_topics() {
    let folder = scratch("mqtt-sources-outage");
    let Some(mut broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let (url, spool) = (broker.url(), folder.join("spool"));
    let follow = |sources: &[&str]| {
        let output = run(sources)
            .args(["--changes-only", "--mqtt", &url, "--mqtt-spool"])
            .arg(&spool)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        output
    };
    broker.stop();
    let away = follow(&[
        "a=synthetic:fps=90,frames=90",
        "b=synthetic:fps=60,frames=61",
    ]);
    let away = records(&away);
    assert_eq!(away.len(), 6);
    std::fs::write(spool.join("0000000000000090.json"), "{\"torn\":").unwrap();
    assert!(broker.resume());
    // One source that has a name has its level, too, whoever else there is.
    let back = follow(&["b=synthetic:fps=60,frames=61"]);
    let told = stderr(&back);
    assert_eq!(told.matches("number 90 is left out").count(), 1, "{told}");
    let heard = subscriber.all(Duration::from_secs(1));
    let expected: Vec<Value> = away.into_iter().chain(records(&back)).collect();
    for name in ["a", "b"] {
        let said: Vec<&Value> = expected
            .iter()
            .filter(|r| r["source_name"] == name)
            .collect();
        let mut decisions = on(&heard, &format!("home/cam/{name}/decision"));
        // A subscriber that comes back is told once more of what is retained.
        decisions.dedup();
        assert_eq!(decisions.iter().collect::<Vec<_>>(), said, "{name}: {told}");
    }
    let left = std::fs::read_dir(&spool).unwrap().count();
    assert_eq!(left, 1, "only the lock is left in the spool");
}

/// What is said at the start of a connection does not fit into the client's queue at once.
#[test]
fn each_of_very_many_sources_is_announced() {
    let folder = scratch("mqtt-sources-many");
    let Some(broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let names: Vec<String> = (10..50).map(|n| format!("cam{n}")).collect();
    let sources: Vec<String> = names
        .iter()
        .map(|name| format!("{name}=synthetic:fps=1"))
        .collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let output = run(&sources)
        .args(["--stop-after=1s", "--mqtt", &broker.url(), "--mqtt-spool"])
        .arg(folder.join("spool"))
        .output()
        .unwrap();
    let heard = subscriber.all(Duration::from_secs(1));
    for name in &names {
        let device = format!("homeassistant/device/ocelli_home_cam_{name}/config");
        assert_eq!(on(&heard, &device).len(), 1, "{name}: {}", stderr(&output));
        let status = format!("home/cam/{name}/status");
        assert!(!on(&heard, &status).is_empty(), "{name}");
    }
    assert_eq!(on(&heard, "home/cam/availability"), ["online", "offline"]);
}
