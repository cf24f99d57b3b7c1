//! What a monitor finds, told everywhere: records, a service, its metrics, a broker, rules, the
//! disk. The camera is drawn and has a clock of its own, so that minutes pass in no time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use fastrand::Rng;
use ocelli::engine::EngineChoice;
use ocelli::model::Overrides;
use ocelli::monitor::drift::Statistic;
use ocelli::monitor::health::HealthCause;
use ocelli::monitor::ring::{Ring, RingOptions, RingSource};
use ocelli::monitor::{Desk, Identity, Known, Monitor, MonitorOptions, Observation, Place, Report};
use ocelli::notify::{Action, End, Mqtt, MqttOptions, Rules};
use ocelli::pipeline::PerSourceOptions;
use ocelli::pipeline::capture::{
    ChildHandles, Encoding, Frame, Matrix, Opened, PixelFormat, Policy, Pull, RawFormat, Source,
};
use ocelli::pipeline::decode::{Picture, Region, Samples};
use ocelli::pipeline::summary::PictureSummary;
use ocelli::serve::{
    Broadcaster, Deployment, DeploymentOptions, Live, LiveSources, Meter, PreviewOptions, Server,
    ServerOptions,
};
use ocelli::session::{
    FrameEvent, LiveOptions, LiveSource, MonitorStateOptions, NewModel, Observer, Session,
    WatchOptions,
};
use ocelli::swap::Swap;
use ocelli::{EngineOptions, Framing, Model, PipelineMaker, PipelineOptions};
use serde_json::{Value, json};

use crate::mqtt::{Broker, on};
use crate::serve::{agent, body};
use crate::support::{ocelli, project, root, scratch, stderr};
use crate::watch_scene::START;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// Boxes of two grays with noise, in this light.
fn draw(random: &mut Rng, light: f32) -> Vec<u8> {
    let pixels = (0..WIDTH * HEIGHT).flat_map(|at| {
        let (x, y) = (at % WIDTH, at / WIDTH);
        let gray = if (x / 5 + y / 7) % 2 == 0 {
            60.0
        } else {
            140.0
        };
        [(gray * light) as u8 + random.u8(0..5); 3]
    });
    pixels.collect()
}

/// A camera that gives a frame each second of its own time, in the light of its number.
struct Drawn {
    light: fn(u64) -> Option<f32>,
    start: u64,
    began: Instant,
    number: u64,
    random: Rng,
}

impl Drawn {
    fn new(start: u64, light: fn(u64) -> Option<f32>) -> Self {
        Self {
            light,
            start,
            began: Instant::now(),
            number: 0,
            random: Rng::with_seed(7),
        }
    }

    fn opened(self) -> Opened {
        Opened {
            source: Box::new(self),
            live: true,
            policy: Policy::Lossless,
            children: ChildHandles::default(),
        }
    }
}

impl Source for Drawn {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let Some(light) = (self.light)(self.number) else {
            return Pull::End;
        };
        frame.bytes = draw(&mut self.random, light);
        frame.encoding = Encoding::Raw(RawFormat {
            pixels: PixelFormat::Rgb24,
            width: WIDTH,
            height: HEIGHT,
            full_range: true,
            matrix: Matrix::Bt601,
        });
        frame.source = "drawn".into();
        frame.time = UNIX_EPOCH + Duration::from_secs(self.start + self.number);
        frame.instant = self.began + Duration::from_secs(self.number);
        self.number += 1;
        Pull::Frame
    }
}

/// What an observer heard, in a place that outlives it.
#[derive(Default)]
struct Heard {
    /// Of each frame, what its record says of health and of drift.
    frames: Vec<(Vec<String>, Vec<String>)>,
    reports: Vec<Arc<Report>>,
}

/// Notes what it hears, and acts on frames and reports.
struct Notes<F: FnMut(&FrameEvent), R: FnMut(&Report)> {
    heard: Arc<parking_lot::Mutex<Heard>>,
    on_frame: F,
    on_report: R,
}

impl<F: FnMut(&FrameEvent), R: FnMut(&Report)> Observer for Notes<F, R> {
    fn on_frame(&mut self, event: &FrameEvent) -> ocelli::Result<()> {
        let record: Value = serde_json::from_slice(&event.json()?).unwrap();
        let words = |key: &str| serde_json::from_value(record[key].clone()).unwrap_or_default();
        let told = (words("health"), words("drift"));
        self.heard.lock().frames.push(told);
        (self.on_frame)(event);
        Ok(())
    }

    fn on_report(&mut self, report: &Arc<Report>) {
        self.heard.lock().reports.push(report.clone());
        (self.on_report)(report);
    }
}

fn model() -> Arc<Model> {
    let path = project("models/shapes.onnx");
    Arc::new(Model::open(Path::new(&path), Overrides::default()).unwrap())
}

fn rten() -> EngineOptions {
    EngineOptions {
        choice: EngineChoice::Rten,
        ..EngineOptions::default()
    }
}

fn watch(title: &str, desk: &Arc<Desk>, state: Option<MonitorStateOptions>) -> WatchOptions {
    WatchOptions {
        title: title.into(),
        monitor: MonitorOptions::default(),
        desk: desk.clone(),
        state,
    }
}

/// Follows one source to its end, or until `stop` is set.
fn follow(maker: PipelineMaker, source: LiveSource, stop: &AtomicBool) {
    let swap = Swap::new(|| -> ocelli::Result<NewModel> { unreachable!("nobody asks") });
    let session = Session {
        sources: vec![source],
        options: LiveOptions::default(),
        pipeline: maker.make_warm().unwrap(),
        maker,
        observers: Vec::new(),
        swap,
    };
    session.run(stop).unwrap();
}

/// Light, half a minute; darkness, 50 s; light, 50 s.
fn out_for_a_while(second: u64) -> Option<f32> {
    match second {
        0..30 | 80..130 => Some(1.0),
        30..80 => Some(0.05),
        _ => None,
    }
}

#[test]
fn darkness_is_told_in_records_by_the_service_in_metrics_and_by_rules() {
    let folder = scratch("watched");
    let live: LiveSources = std::iter::once(Live::new(
        "door".into(),
        true,
        "drawn".into(),
        Framing::default(),
    ))
    .collect();
    let options = DeploymentOptions {
        live: vec![PerSourceOptions::default()],
        ..DeploymentOptions::default()
    };
    let deployment = Deployment::new(model(), &rten(), &options).unwrap();
    let app = Arc::new(Deployment::app(&options, live.clone()));
    let listen = ServerOptions::local("127.0.0.1:0".parse().unwrap());
    let server = Server::start(listen, app.clone()).unwrap();
    deployment.start(&app).unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address());
    let get = |path: &str| body(agent().get(url(path)).call().unwrap());
    let acknowledge = |what: &str| {
        let request = agent().post(url("/monitor/acknowledge"));
        let request = request.header("Content-Type", "application/json");
        body(
            request
                .send(json!({"source": "door", "what": what}).to_string())
                .unwrap(),
        )
    };

    let maker = deployment.live().clone();
    let context = maker.context(maker.make().unwrap().engine().identity());
    let door = live.iter().next().unwrap();
    let heard = Arc::new(parking_lot::Mutex::new(Heard::default()));
    let preview = PreviewOptions {
        fps: 10.0,
        side: 64,
        max_pixels: 1_000_000,
    };
    let fired = folder.join("fired.json");
    let command = Action::Command(format!("cat >> {}", fired.display()));
    let rule = "health:dark for 10s".parse().unwrap();
    let rules = Rules::new(vec![rule], vec![command], &context, &End::default()).unwrap();
    // What is asked while it is dark stands for what anyone sees then.
    let asked: Arc<parking_lot::Mutex<Vec<(u16, String)>>> = Arc::default();
    let answers = asked.clone();
    let address = server.address();
    let ask_once = move |event: &FrameEvent| {
        if event.record.number == 60 {
            let path = |path: &str| format!("http://{address}{path}");
            for page in ["/status", "/metrics", "/monitor?source=door"] {
                let answer = body(agent().get(path(page)).call().unwrap());
                answers.lock().push(answer);
            }
        }
    };
    let ring = Ring::open(RingOptions {
        folder: folder.join("ring"),
        // The camera's clock is years behind.
        keep_for: Duration::from_secs(1 << 30),
        ..RingOptions::default()
    });
    let kept_of = RingSource {
        name: Some("door".into()),
        folder: None,
        framing: Framing::default(),
        max_pixels: 1_000_000,
    };
    let ring = ring.unwrap().keeper(kept_of, &context).unwrap();
    let mut source = LiveSource::new(Drawn::new(START, out_for_a_while).opened());
    source.name = Some("door".into());
    source.watch = Some(watch("door", door.desk(), None));
    source.observers = vec![
        Box::new(Broadcaster::for_each(&live, &preview).unwrap().remove(0)),
        Box::new(Meter::new(&app.metrics(), "door")),
        Box::new(rules),
        Box::new(ring),
        Box::new(Notes {
            heard: heard.clone(),
            on_frame: ask_once,
            on_report: |_| {},
        }),
    ];
    follow(maker, source, &AtomicBool::new(false));

    let heard = heard.lock();
    let told: Vec<usize> = (0..130)
        .filter(|n| heard.frames[*n].0 == ["dark"])
        .collect();
    // After 20 s of darkness, and for 20 s after it; a frame stands for the second before it.
    assert_eq!(told, (49..99).collect::<Vec<_>>());
    let others = heard
        .frames
        .iter()
        .filter(|(health, drift)| !(health.is_empty() || *health == ["dark"]) || !drift.is_empty());
    assert_eq!(others.count(), 0);

    let asked = asked.lock();
    let [status, metrics, monitor] = &asked[..] else {
        panic!("{asked:?}");
    };
    let status: Value = serde_json::from_str(&status.1).unwrap();
    let state = &status["sources"][0]["state"];
    assert_eq!(state["health"], json!(["dark"]));
    assert_eq!(state["drift"], json!([]));
    assert_eq!(state["accuracy"]["withheld"], "the picture is dark");
    let lines: Vec<&str> = metrics.1.lines().collect();
    for line in [
        r#"ocelli_health{cause="dark",source="door"} 1"#,
        r#"ocelli_health{cause="covered",source="door"} 0"#,
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    let monitor: Value = serde_json::from_str(&monitor.1).unwrap();
    assert_eq!(monitor["sources"][0]["health"], json!(["dark"]));

    let fired = std::fs::read_to_string(fired).unwrap();
    let fired: Value = serde_json::from_str(&fired).unwrap();
    assert_eq!(
        (&fired["frame"], &fired["health"]),
        (&json!(59), &json!(["dark"]))
    );

    let kept = crate::ring::entries(&folder.join("ring"));
    let mut dark = kept
        .iter()
        .filter(|entry| entry["kept"]["reason"] == "unhealthy");
    let said = dark.next().map(|entry| &entry["kept"]["health"]);
    assert_eq!(said, Some(&json!("dark")), "{kept:?}");

    // It is light again.
    let (_, metrics) = get("/metrics");
    assert!(metrics.contains(r#"ocelli_health{cause="dark",source="door"} 0"#));
    let (status, problem) = acknowledge("dark");
    assert_eq!(status, 404, "{problem}");
    assert!(
        problem.contains("there is nothing to take notice of"),
        "{problem}"
    );
}

#[test]
fn a_broker_hears_of_a_fault_as_it_comes_and_goes() {
    let folder = scratch("watched-mqtt");
    let Some(broker) = Broker::start(&folder, "allow_anonymous true") else {
        return;
    };
    let subscriber = broker.subscribe(&[]);
    let maker = PipelineMaker::new(model(), &rten(), 1, PipelineOptions::default()).unwrap();
    let context = maker.context(maker.make().unwrap().engine().identity());
    let mqtt = Mqtt::new(MqttOptions {
        address: broker.url().parse().unwrap(),
        password_file: None,
        ca: None,
        heartbeat: Duration::from_secs(60),
        spool: Some(folder.join("spool")),
        spool_limit: 100,
        discovery: "homeassistant".into(),
    })
    .unwrap();
    let desk = Arc::default();
    mqtt.listen(Some("door"), Arc::clone(&desk));
    let reports = Arc::new(parking_lot::Mutex::new(Heard::default()));
    let (broker, publisher) = {
        let broker = Arc::new(broker);
        (broker.clone(), broker)
    };
    let mut source = LiveSource::new(Drawn::new(START, out_for_a_while).opened());
    source.name = Some("door".into());
    source.watch = Some(watch("door", &desk, None));
    source.observers = vec![
        Box::new(mqtt.observer(Some("door"), &context)),
        Box::new(Notes {
            heard: reports.clone(),
            on_frame: move |event| {
                if event.record.number == 60 {
                    publisher.say("home/cam/door/acknowledge", "dark");
                }
                // Time for the broker to hear of each.
                std::thread::sleep(Duration::from_millis(10));
            },
            on_report: |_| {},
        }),
    ];
    follow(maker, source, &AtomicBool::new(false));
    drop(mqtt);
    let heard = subscriber.all(Duration::from_secs(1));
    drop(broker);
    let mut told: Vec<Value> = on(&heard, "home/cam/door/status")
        .iter()
        .map(|status| status["health"].clone())
        .collect();
    told.dedup();
    assert_eq!(told, [json!([]), json!(["dark"]), json!([])]);
    let discovery = on(&heard, "homeassistant/device/ocelli_home_cam_door/config");
    let components = &discovery[0]["components"];
    let dark = &components["health_dark"];
    assert_eq!(dark["device_class"], "problem");
    assert_eq!(dark["state_topic"], "home/cam/door/status");
    let template = "{{ 'ON' if 'dark' in value_json.health else 'OFF' }}";
    assert_eq!(dark["value_template"], template);
    let sensors = components.as_object().unwrap().keys();
    assert_eq!(sensors.filter(|key| key.starts_with("health_")).count(), 7);
    assert_eq!(components["drift"]["device_class"], "problem");
    crate::mqtt::one_way_to_be_available(&discovery[0]);
    let button = &components["acknowledge"];
    assert_eq!(button["command_topic"], "home/cam/door/acknowledge");
    let reports = &reports.lock().reports;
    let noted = |report: &Arc<Report>| report.acknowledged == [HealthCause::Dark];
    assert!(reports.iter().any(noted), "{reports:?}");
}

/// A monitor that has seen a month of this camera, and then three days in more light.
fn drifted(model: &Model) -> (Monitor, u64) {
    let mut monitor = Monitor::new(Known::new(&model.manifest), MonitorOptions::default());
    let (began, mut random) = (Instant::now(), Rng::with_seed(3));
    let mut summary = PictureSummary::default();
    let last = 31 * 144;
    for block in 0..last {
        let light = if block < 28 * 144 { 1.0 } else { 1.3 };
        let light = light + 0.02 * random.f32();
        summary.measure(&Picture {
            width: WIDTH,
            height: HEIGHT,
            region: Region {
                x: 0,
                y: 0,
                width: WIDTH,
                height: HEIGHT,
            },
            eighths: 8,
            samples: Samples::Rgb,
            pixels: draw(&mut random, light),
        });
        monitor.observe(&Observation {
            summary: &summary,
            time: UNIX_EPOCH + Duration::from_secs(START + 600 * block),
            instant: began + Duration::from_secs(600 * block),
            sequence: None,
            answer: None,
        });
    }
    (monitor, START + 600 * last)
}

/// What `ocelli monitor` finds of the sources kept in `folder`.
fn found(folder: &Path) -> (Option<i32>, Value) {
    let output = ocelli(["monitor", "--json", folder.to_str().unwrap()]);
    let told = serde_json::from_slice(&output.stdout);
    (
        output.status.code(),
        told.unwrap_or_else(|_| panic!("{}", stderr(&output))),
    )
}

/// Always the same light.
fn brighter(_: u64) -> Option<f32> {
    Some(1.3)
}

#[test]
fn drift_is_told_by_who_follows_and_from_the_disk_until_it_is_acknowledged() {
    let folder: PathBuf = root().join("target/scratch/watched-drift");
    let _ = std::fs::remove_dir_all(&folder);
    let place = Place::new(&folder, "gate");
    let model = model();
    let own = Identity {
        camera: "usb-1.2".into(),
        model: model.sha256().unwrap(),
    };
    let (monitor, now) = drifted(&model);
    let alarms: Vec<Statistic> = monitor.drift().alarms().map(|(what, _)| what).collect();
    assert!(alarms.contains(&Statistic::Brightness), "{alarms:?}");
    monitor.save(&place.state(), &own).unwrap();

    let maker = PipelineMaker::new(model, &rten(), 1, PipelineOptions::default()).unwrap();
    // Follows the camera until a report pleases.
    let follow_until = |pleases: fn(&Report) -> bool| {
        let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut source = LiveSource::new(Drawn::new(now, brighter).opened());
        let keep = MonitorStateOptions {
            place: place.clone(),
            camera: own.camera.clone(),
        };
        source.watch = Some(watch("gate", &Arc::default(), Some(keep)));
        let (seen, began) = (stop.clone(), Instant::now());
        source.observers.push(Box::new(Notes {
            heard: Arc::clone(&heard),
            on_frame: move |_| {
                assert!(
                    began.elapsed() < Duration::from_secs(20),
                    "it takes too long"
                );
                std::thread::sleep(Duration::from_millis(5));
            },
            on_report: move |report| seen.store(pleases(report), Ordering::Relaxed),
        }));
        follow(maker.clone(), source, &stop);
        Arc::into_inner(heard).unwrap().into_inner().frames
    };
    let frames = follow_until(|report| report.drift.iter().any(|d| d.statistic == "brightness"));
    for (health, drift) in &frames {
        assert!(
            health.is_empty() && drift.contains(&"brightness".to_owned()),
            "{drift:?}"
        );
    }
    let (code, told) = found(&folder);
    assert_eq!(code, Some(1));
    assert_eq!(told[0]["source"], "gate");
    let drift = told[0]["drift"].as_array().unwrap();
    let brightness = drift
        .iter()
        .find(|d| d["statistic"] == "brightness")
        .unwrap();
    assert_eq!(brightness["side"], "up");
    // 0.3 of a mean luma of 100.
    let change = brightness["change"].as_f64().unwrap();
    assert!((20.0..40.0).contains(&change), "{change}");
    let names: Vec<String> = drift
        .iter()
        .map(|d| d["statistic"].as_str().unwrap().to_owned())
        .collect();

    let kept = folder.to_str().unwrap();
    let wrong = ocelli([
        "monitor",
        "acknowledge",
        "gate",
        "covered",
        "--folder",
        kept,
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    let told = stderr(&wrong);
    assert!(
        told.contains("gate has nothing of that name to take notice of"),
        "{told}"
    );
    for name in &names {
        let noted = ocelli(["monitor", "acknowledge", "gate", name, "--folder", kept]);
        assert_eq!(noted.status.code(), Some(0), "{}", stderr(&noted));
    }
    // Whoever follows it next hears of it.
    follow_until(|report| report.drift.is_empty());
    let (code, told) = found(&folder);
    assert_eq!((code, &told[0]["drift"]), (Some(0), &json!([])));
}
