//! `ocelli serve` as clients see it. What abuses it, and what a browser sees of it, is in
//! tests/service and tests/browser.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{command, ocelli, project, records, scratch};

/// A running service, which ends with the test.
pub struct Service {
    child: Child,
    address: String,
    errors: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Service {
    fn start(model: &str, args: &[&str]) -> Self {
        let mut child = command()
            .args([
                "serve",
                "--engine",
                "rten",
                "--listen",
                "127.0.0.1:0",
                "-m",
                model,
            ])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut service = Self {
            child,
            address: String::new(),
            errors,
        };
        let line = service.told("listening on ");
        service.address = line.split_once("listening on ").unwrap().1.to_owned();
        service.told("is ready on");
        service
    }

    pub fn shapes(args: &[&str]) -> Self {
        Self::start(&project("models/shapes.onnx"), args)
    }

    /// The next message that says this.
    fn told(&mut self, what: &str) -> String {
        let mut line = self.errors.by_ref().map(Result::unwrap);
        line.find(|line| line.contains(what))
            .unwrap_or_else(|| panic!("never said: {what}"))
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Status and body of a GET.
    pub fn get(&self, path: &str) -> (u16, String) {
        let response = agent().get(self.url(path)).call().unwrap();
        body(response)
    }

    fn json(&self, path: &str) -> Value {
        let (status, text) = self.get(path);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn post(&self, path: &str, kind: &str, bytes: &[u8]) -> (u16, String) {
        let request = agent().post(self.url(path)).header("Content-Type", kind);
        body(request.send(bytes).unwrap())
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &process]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that takes every status for an answer.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .new_agent()
}

/// Status and body.
pub fn body(mut response: ureq::http::Response<ureq::Body>) -> (u16, String) {
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), text)
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(project(&format!("models/samples/{name}.jpg"))).unwrap()
}

/// A form with a file per name.
fn form(files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, bytes) in files {
        body.extend_from_slice(
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    ("multipart/form-data; boundary=b".to_owned(), body)
}

#[test]
fn a_picture_sent_gets_the_record_that_run_writes() {
    let service = Service::shapes(&[]);
    let samples = ["circle-1", "square-2", "star-1", "triangle-2"];
    for name in samples {
        let path = project(&format!("models/samples/{name}.jpg"));
        let run = ocelli([
            "run",
            "--engine",
            "rten",
            "-f",
            "json",
            "-m",
            &project("models/shapes.onnx"),
            &path,
        ]);
        let expected = &records(&run)[0];
        let (status, text) = service.post("/predict", "image/jpeg", &sample(name));
        assert_eq!(status, 200, "{text}");
        let record: Value = serde_json::from_str(&text).unwrap();
        for key in [
            "label", "index", "score", "top", "unknown", "model", "engine", "provider",
        ] {
            assert_eq!(record[key], expected[key], "{name}: {key}");
        }
        assert_eq!(record["source"], "request");
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&record), keys(expected));
    }
}

#[test]
fn several_files_get_a_list_in_which_a_bad_one_has_a_problem_in_its_place() {
    let service = Service::shapes(&[]);
    let (star, circle) = (sample("star-1"), sample("circle-1"));
    let files: [(&str, &[u8]); 3] = [("a.jpg", &star), ("b.txt", b"text"), ("c.jpg", &circle)];
    let (kind, body) = form(&files);
    let (status, text) = service.post("/predict?top_k=1", &kind, &body);
    assert_eq!(status, 200, "{text}");
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3);
    assert_eq!(
        (&list[0]["label"], &list[0]["source"]),
        (&"star".into(), &"a.jpg".into())
    );
    assert_eq!(list[0]["top"].as_array().unwrap().len(), 1);
    assert_eq!(list[1]["status"], 422);
    assert!(
        list[1]["detail"]
            .as_str()
            .unwrap()
            .starts_with("b.txt: not an image: it begins with 74 65 78 74")
    );
    assert_eq!(list[2]["label"], "circle");
    // One file is not a list, in a form, too; all bad is a problem.
    let (_, text) = service.post("/predict", &kind, &form(&files[..1]).1);
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["label"],
        "star"
    );
    let (status, _) = service.post("/predict", &kind, &form(&[files[1], files[1]]).1);
    assert_eq!(status, 422);
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let service = Service::shapes(&["--max-body", "1", "--queue", "2"]);
    let star = sample("star-1");
    let many: Vec<(&str, &[u8])> = vec![("s.jpg", &star); 3];
    let (kind, three) = form(&many);
    let large = vec![0; 1_000_001];
    let cases: [(&str, &str, &[u8], u16, &str); 8] = [
        (
            "/predict",
            "text/plain",
            b"x",
            415,
            "the body is `text/plain`, expected image/*",
        ),
        (
            "/predict",
            "image/png",
            b"",
            400,
            "there is no picture in the body",
        ),
        (
            "/predict",
            "image/png",
            b"no",
            422,
            "not an image: it begins with 6e 6f",
        ),
        (
            "/predict",
            "image/png",
            &large,
            413,
            "more than 1000000 bytes, the most that this service takes",
        ),
        (
            "/predict",
            &kind,
            &three,
            413,
            "the form holds more than the 2 pictures that are taken",
        ),
        (
            "/predict?top_k=0",
            "image/jpeg",
            &star,
            400,
            "top_k is 0, expected a number from 1",
        ),
        (
            "/predict?topk=1",
            "image/jpeg",
            &star,
            400,
            "unknown field `topk`",
        ),
        (
            "/predict/batch",
            "image/jpeg",
            &star,
            404,
            "does not collect batches",
        ),
    ];
    for (path, kind, bytes, expected, detail) in cases {
        let (status, text) = service.post(path, kind, bytes);
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (status, &problem["status"]),
            (expected, &expected.into()),
            "{text}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{text}"
        );
    }
    for (path, expected) in [
        ("/nowhere", 404),
        ("/predict", 405),
        ("/events", 404),
        ("/stream", 404),
    ] {
        let (status, text) = service.get(path);
        assert_eq!(status, expected, "{path}: {text}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap()["status"],
            expected
        );
    }
}

#[test]
fn requests_at_the_same_time_are_collected_into_batches() {
    let service = Service::shapes(&["--batch-window", "200ms", "--batch", "4"]);
    let names = ["circle-1", "square-2", "star-1", "triangle-2"];
    let started = Instant::now();
    std::thread::scope(|scope| {
        for name in names {
            let service = &service;
            scope.spawn(move || {
                let (status, text) = service.post("/predict/batch", "image/jpeg", &sample(name));
                assert_eq!(status, 200, "{text}");
                let record: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(record["label"].as_str(), name.split('-').next());
            });
        }
    });
    // Four one after the other would have waited for four windows.
    assert!(
        started.elapsed() < Duration::from_millis(700),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn metrics_count_what_was_done() {
    let service = Service::shapes(&[]);
    for _ in 0..3 {
        service.post("/predict", "image/jpeg", &sample("star-1"));
    }
    service.post("/predict", "image/jpeg", b"no");
    service.get("/a-path-of-its-own");
    let (_, text) = service.get("/metrics");
    let sha256 = service.json("/model")["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    for line in [
        r#"ocelli_frames_total{way="request"} 3"#,
        r#"ocelli_predictions_total{label="star"} 3"#,
        r#"ocelli_stage_seconds_count{stage="inference"} 3"#,
        r#"ocelli_requests_total{route="/predict",status="200"} 3"#,
        r#"ocelli_requests_total{route="/predict",status="422"} 1"#,
        r#"ocelli_requests_total{route="none",status="404"} 1"#,
        r#"ocelli_queue_depth{queue="requests"} 0"#,
        &format!(r#"model="shapes@1",sha256="{sha256}",engine="rten"#),
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn a_live_source_is_seen_in_events_and_pictures() {
    let service = Service::shapes(&[
        "--source",
        "synthetic:fps=30,size=1280x720",
        "--view-size",
        "320",
    ]);
    let response = agent().get(service.url("/events")).call().unwrap();
    let mut events = BufReader::new(response.into_body().into_reader()).lines();
    let mut seen = 0;
    while seen < 5 {
        let line = events.next().unwrap().unwrap();
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let state: Value = serde_json::from_str(data).unwrap();
        let record = &state["record"];
        if record.is_null() || state["fps"].is_null() {
            continue;
        }
        let truth = record["source"]
            .as_str()
            .unwrap()
            .strip_prefix("synthetic:");
        assert_eq!(record["label"].as_str(), truth);
        assert!(record["frame_age_ms"].as_f64().unwrap() < 1000.0);
        assert!(state["lost_ms"].is_null() && state["decided_ms"].is_number());
        seen += 1;
    }
    let response = agent().get(service.url("/stream")).call().unwrap();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "multipart/x-mixed-replace; boundary=ocelli-frame");
    let mut bytes = vec![0; 40_000];
    response
        .into_body()
        .into_reader()
        .read_exact(&mut bytes)
        .unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("\r\n--ocelli-frame\r\nContent-Type: image/jpeg\r\nContent-Length: "));
    assert!(text.matches("\r\n--ocelli-frame\r\n").count() >= 2);
    let mut response = agent().get(service.url("/snapshot.jpg")).call().unwrap();
    let jpeg = response.body_mut().read_to_vec().unwrap();
    let picture = image::load_from_memory(&jpeg);
    // The tests' `image` has no JPEG: its header says the size (T.81, B.2.2).
    assert!(picture.is_err());
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    assert_eq!(jpeg[frame + 5..frame + 9], [0, 180, 1, 64], "320x180");
    let (_, metrics) = service.get("/metrics");
    let source = r#"source="synthetic:fps=30,size=1280x720""#;
    for line in [
        &format!("ocelli_source_up{{{source}}} 1"),
        &format!(r#"ocelli_frames_total{{way="live",{source}}} "#),
        &format!("ocelli_frame_age_seconds_count{{{source}}} "),
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn several_sources_are_found_by_their_names() {
    let service = Service::shapes(&[
        "--source",
        "door=synthetic:fps=30",
        "--source",
        "synthetic:fps=20,size=64x64",
    ]);
    let names = ["door", "synthetic:fps=20,size=64x64"];
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        let status = service.json("/status");
        let sources = status["sources"].as_array().unwrap();
        if sources
            .iter()
            .all(|source| !source["state"]["record"].is_null())
        {
            break status;
        }
        assert!(Instant::now() < deadline, "{status}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status["source"].is_null() && status["state"].is_null());
    for (source, name) in status["sources"].as_array().unwrap().iter().zip(names) {
        let state = &source["state"];
        assert_eq!(source["name"], name);
        assert_eq!(
            (&state["name"], &state["record"]["source_name"]),
            (&name.into(), &name.into())
        );
    }
    for (path, expected, detail) in [
        (
            "/snapshot.jpg",
            400,
            "one of door, synthetic:fps=20,size=64x64",
        ),
        ("/stream?source=yard", 404, "no source is called `yard`"),
        ("/events?source=yard", 404, "no source is called `yard`"),
    ] {
        let (status, text) = service.get(path);
        assert_eq!(status, expected, "{path}: {text}");
        assert!(text.contains(detail), "{path}: {text}");
    }
    let path = "/snapshot.jpg?source=synthetic:fps%3D20,size%3D64x64";
    let response = agent().get(service.url(path)).call().unwrap();
    assert_eq!(response.headers()["ocelli-source"], names[1]);
}

#[test]
fn a_new_model_takes_over_and_a_bad_one_does_not() {
    let model = scratch("serve-reload").join("model.onnx");
    let put = |bytes: &[u8]| {
        let new = model.with_extension("new");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(new, &model).unwrap();
    };
    put(&std::fs::read(project("models/shapes.onnx")).unwrap());
    let mut service = Service::start(&model.display().to_string(), &[]);
    put(b"no model");
    service.signal("-HUP");
    service.told("the old model goes on");
    assert_eq!(service.json("/status")["model"], "shapes@1");
    put(&std::fs::read(project("models/digits.onnx")).unwrap());
    service.signal("-HUP");
    service.told("the new model takes over");
    assert_eq!(service.json("/status")["model"], "digits@1");
    assert_eq!(service.json("/model")["manifest"]["name"], "digits");
    let (_, text) = service.post("/predict", "image/jpeg", &sample("circle-1"));
    assert!(text.contains(r#""model":"digits@1""#), "{text}");
    let (_, metrics) = service.get("/metrics");
    assert!(metrics.contains(r#"model="digits@1""#) && !metrics.contains(r#"model="shapes@1""#));
    service.signal("-TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn all_that_serves_requests_stands_back_for_the_live_loop() {
    let service = Service::shapes(&["--threads", "2", "--source", "synthetic:fps=20"]);
    let (status, _) = service.post("/predict", "image/jpeg", &sample("star-1"));
    assert_eq!(status, 200);
    // The preview encoder starts before the loop: once there are frames, everyone is in place.
    let deadline = Instant::now() + Duration::from_secs(10);
    while service.json("/status")["state"]["classified"].as_u64() < Some(5) {
        assert!(Instant::now() < deadline, "the loop gives no frames");
        std::thread::sleep(Duration::from_millis(20));
    }
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.child.id())).unwrap();
    let mut nice: Vec<(String, i32)> = tasks
        .flatten()
        .map(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
            // The name is in parentheses; niceness is field 19 (proc_pid_stat(5)).
            let (head, fields) = stat.rsplit_once(") ").unwrap();
            let name = head.split_once('(').unwrap().1.to_owned();
            (name, fields.split(' ').nth(16).unwrap().parse().unwrap())
        })
        .collect();
    nice.sort();
    let of = |name: &str| -> Vec<i32> {
        let of_name = nice.iter().filter(|(task, _)| task.starts_with(name));
        of_name.map(|(_, nice)| *nice).collect()
    };
    assert_eq!(
        (of("request"), of("http"), of("preview")),
        (vec![19], vec![19], vec![19])
    );
    // A pool of two threads for requests, and one for the loop.
    let pools = of("rten");
    assert_eq!(
        pools.iter().filter(|nice| **nice == 19).count(),
        2,
        "{nice:?}"
    );
    assert!(
        pools.iter().filter(|nice| **nice == 0).count() >= 2,
        "{nice:?}"
    );
}
