//! What a real MQTT broker (Mosquitto) hears of a live source, stopped and started under
//! load.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::notify::run;
use crate::support::{records, scratch, stderr};

/// A real broker on a port of its own, which keeps what sleeping subscribers have missed.
pub struct Broker {
    child: Option<Child>,
    config: PathBuf,
    port: u16,
}

impl Broker {
    pub fn start(folder: &Path, extra: &str) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = folder.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\npersistence true\npersistence_location {}/\nmax_queued_messages 0\n{extra}\n",
            folder.display()
        );
        std::fs::write(&config, text).unwrap();
        // The broker leaves root behind, and then has to write here.
        Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(folder)
            .status()
            .unwrap();
        let mut broker = Self {
            child: None,
            config,
            port,
        };
        broker.resume().then_some(broker)
    }

    pub fn resume(&mut self) -> bool {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let child = Command::new("mosquitto")
            .env("PATH", path)
            .arg("-c")
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            println!("skipped: no Mosquitto here (scripts/setup --test brings it)");
            return false;
        };
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not come up");
            thread::sleep(Duration::from_millis(20));
        }
        true
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let process = child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &process]).status();
            let _ = child.wait();
        }
    }

    /// Everything under `home/cam`, topics and payloads; goes on over outages.
    pub fn subscribe(&self, args: &[&str]) -> Subscriber {
        let mut child = Command::new("mosquitto_sub")
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "-i",
                "watcher",
                "-q",
                "1",
                "-F",
                "%t\t%p",
            ])
            .args(["-t", "home/cam/#", "-t", "homeassistant/#"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let (topic, payload) = line.split_once('\t').unwrap();
                let _ = sender.send((topic.to_owned(), payload.to_owned()));
            }
        });
        // It is there once the broker knows it.
        thread::sleep(Duration::from_millis(300));
        Subscriber { child, lines }
    }

    /// Publishes a message.
    pub fn say(&self, topic: &str, payload: &str) {
        let port = self.port.to_string();
        let said = Command::new("mosquitto_pub")
            .args(["-p", &port, "-t", topic, "-m", payload])
            .status();
        assert!(said.unwrap().success());
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}/home/cam", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

pub struct Subscriber {
    child: Child,
    lines: std::sync::mpsc::Receiver<(String, String)>,
}

impl Subscriber {
    /// All messages until there was none for `silence`.
    pub fn all(&self, silence: Duration) -> Vec<(String, String)> {
        std::iter::from_fn(|| self.lines.recv_timeout(silence).ok()).collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The payloads of one topic.
pub fn on(messages: &[(String, String)], topic: &str) -> Vec<Value> {
    let payloads = messages.iter().filter(|(t, _)| t == topic);
    payloads
        .map(|(_, payload)| {
            serde_json::from_str(payload).unwrap_or_else(|_| payload.as_str().into())
        })
        .collect()
}

/// Home Assistant merges what a device says into each of its entities, and refuses one that
/// has both `availability` and `availability_topic` (seen with 2025.4).
pub fn one_way_to_be_available(discovery: &Value) {
    let entities = discovery["components"].as_object().unwrap();
    for (key, entity) in entities {
        let ways = ["availability", "availability_topic"];
        let said = |one: &Value| ways.iter().filter(|way| !one[way].is_null()).count();
        assert_eq!(said(discovery) + said(entity), 1, "{key}: {discovery}");
    }
}

#[test]
fn a_broker_hears_of_decisions_the_state_and_home_assistants_discovery() {
    let folder = scratch("mqtt");
    let Some(broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let spool = folder.join("spool").display().to_string();
    let mqtt = [
        "--mqtt",
        &broker.url(),
        "--mqtt-spool",
        &spool,
        "--mqtt-heartbeat",
        "1s",
    ];
    let mut args = vec!["synthetic:fps=50,frames=125", "--changes-only"];
    args.extend_from_slice(&mqtt);
    let output = run(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let heard = subscriber.all(Duration::from_secs(1));
    let decisions = on(&heard, "home/cam/decision");
    let changed: Vec<&Value> = decisions
        .iter()
        .filter(|r| !r["changed"].is_null())
        .collect();
    assert_eq!(changed, records(&output).iter().collect::<Vec<_>>());
    assert_eq!(on(&heard, "home/cam/availability"), ["online", "offline"]);
    let status = on(&heard, "home/cam/status");
    let last = status.last().unwrap();
    assert_eq!(last["problem"], "OFF");
    assert!(
        last["fps"].as_f64().unwrap() > 0.0 && last["dropped"].is_u64(),
        "{last}"
    );
    let discovery = &on(&heard, "homeassistant/device/ocelli_home_cam/config")[0];
    let entities = &discovery["components"];
    let labels: Value = vec!["circle", "square", "star", "triangle"].into();
    assert_eq!(entities["decision"]["options"], labels);
    assert_eq!(entities["decision"]["device_class"], "enum");
    assert_eq!(entities["decision"]["state_topic"], "home/cam/decision");
    assert_eq!(entities["camera"]["device_class"], "problem");
    assert_eq!(
        entities["fps"]["availability_topic"],
        "home/cam/availability"
    );
    one_way_to_be_available(discovery);
    assert_eq!(discovery["device"]["model"], "shapes@1");
}

#[test]
fn a_broker_hears_of_each_independent_label() {
    let folder = scratch("mqtt-labels");
    let Some(broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let (url, spool) = (broker.url(), folder.join("spool").display().to_string());
    // 30 frames each of the square, the star, and the triangle, which is a square, too.
    let output = run(&[
        "synthetic:fps=50,frames=90",
        "--changes-only",
        "--output",
        "sigmoid-logits",
        "--mqtt",
        &url,
        "--mqtt-spool",
        &spool,
    ])
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let heard = subscriber.all(Duration::from_secs(1));
    let decisions = on(&heard, "home/cam/decision");
    let there: Vec<&Value> = decisions
        .iter()
        .filter(|record| !record["changed"].is_null())
        .map(|record| &record["labels"])
        .collect();
    assert_eq!(
        there,
        [
            &json!(["square"]),
            &json!(["star"]),
            &json!(["triangle", "square"])
        ]
    );
    let discovery = &on(&heard, "homeassistant/device/ocelli_home_cam/config")[0];
    let entities = discovery["components"].as_object().unwrap();
    for (place, label) in ["circle", "square", "star", "triangle"].iter().enumerate() {
        let entity = &entities[&format!("label_{place}")];
        assert_eq!(entity["platform"], "binary_sensor");
        assert_eq!(entity["name"], *label);
        assert_eq!(entity["state_topic"], "home/cam/decision");
        let on_or_off = format!("{{{{ 'ON' if \"{label}\" in value_json.labels else 'OFF' }}}}");
        assert_eq!(entity["value_template"], on_or_off);
    }
    assert!(!entities.contains_key("decision") && entities.contains_key("camera"));
    one_way_to_be_available(discovery);
}

#[test]
fn no_change_is_lost_while_the_broker_is_away_or_the_program_is_killed() {
    let folder = scratch("mqtt-outage");
    let Some(mut broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let spool = folder.join("spool").display().to_string();
    let (url, name) = (broker.url(), "synthetic:fps=250");
    let base = [
        "--changes-only",
        "--mqtt",
        &url,
        "--mqtt-spool",
        &spool,
        "--mqtt-discovery",
        "",
    ];
    let follow = |more: &[&str]| {
        let mut args = vec![name];
        args.extend_from_slice(&base);
        args.extend_from_slice(more);
        run(&args).spawn().unwrap()
    };
    // Eight changes a second, for seven seconds; the broker is away for two of them.
    let child = follow(&["--stop-after", "7s"]);
    thread::sleep(Duration::from_secs(2));
    broker.stop();
    thread::sleep(Duration::from_secs(2));
    assert!(broker.resume());
    let output = child.wait_with_output().unwrap();
    let mut expected = records(&output);
    assert!(stderr(&output).contains("is lost"), "{}", stderr(&output));
    assert!(expected.len() >= 20, "{}", expected.len());

    // The program is killed while the broker is away; the next run sends what it left.
    broker.stop();
    let mut killed = follow(&[]);
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    let seen: Vec<Value> = (0..8)
        .map(|_| serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap())
        .collect();
    // The broker's thread gets a moment to write the last of them.
    thread::sleep(Duration::from_millis(100));
    killed.kill().unwrap();
    killed.wait().unwrap();
    expected.extend(seen);
    assert!(broker.resume());
    let output = follow(&["--stop-after", "4s"]).wait_with_output().unwrap();
    assert!(
        stderr(&output).contains("changes wait in"),
        "{}",
        stderr(&output)
    );
    let later = records(&output);

    let heard = subscriber.all(Duration::from_secs(3));
    let mut decisions: Vec<Value> = on(&heard, "home/cam/decision");
    decisions.retain(|record| !record["changed"].is_null());
    // At least once: what was under way when the broker went may come twice, in its order.
    decisions.dedup();
    let mut heard_in_order = decisions.iter();
    for change in expected.iter().chain(&later) {
        assert!(
            heard_in_order.any(|heard| heard == change),
            "{change} is missing or out of order"
        );
    }
    let left = std::fs::read_dir(&spool).unwrap().count();
    assert_eq!(left, 1, "only the lock is left in the spool");
}

#[test]
fn a_broker_with_a_password_and_tls_is_trusted_by_its_authority_only() {
    let folder = scratch("mqtt-tls");
    let at = |name: &str| folder.join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &at("key.pem"), "-out", &at("cert.pem")])
        .output();
    let hashed = Command::new("mosquitto_passwd")
        .args(["-b", "-c", &at("passwords"), "cam", "a secret"])
        .output();
    if !(made.is_ok_and(|o| o.status.success()) && hashed.is_ok_and(|o| o.status.success())) {
        println!("skipped: no openssl or mosquitto_passwd here");
        return;
    }
    let extra = format!(
        "certfile {}\nkeyfile {}\nallow_anonymous false\npassword_file {}",
        at("cert.pem"),
        at("key.pem"),
        at("passwords")
    );
    let Some(broker) = Broker::start(&folder, &extra) else {
        return;
    };
    let url = format!("mqtts://cam@localhost:{}/home/cam", broker.port);
    std::fs::write(at("password"), "a secret\n").unwrap();
    std::fs::write(at("wrong"), "no secret\n").unwrap();
    let follow = |password: &str, ca: &[&str]| {
        let (password, spool) = (at(password), at("spool"));
        let mut args = vec![
            "synthetic:fps=50,frames=50",
            "--mqtt",
            &url,
            "--mqtt-password-file",
            &password,
            "--mqtt-spool",
            &spool,
        ];
        args.extend_from_slice(ca);
        stderr(&run(&args).output().unwrap())
    };
    let ca = ["--mqtt-ca", &at("cert.pem")];
    let text = follow("password", &ca);
    assert!(text.contains("mqtt: connected to localhost:"), "{text}");
    let text = follow("wrong", &ca);
    assert!(
        text.contains("give the user as mqtt://USER@… and a file with the password"),
        "{text}"
    );
    let text = follow("password", &[]);
    assert!(
        !text.contains("connected to") && text.contains("certificate"),
        "{text}"
    );
}
