//! The program under test as a child: what it writes is read as it comes.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{MODELS, wait_for};

/// A start, a first frame: seconds in the guest.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One line of the program.
pub enum Line {
    Record(Value),
    Log(String),
}

/// A running `ocelli run`.
pub struct Run {
    child: Child,
    lines: Receiver<Line>,
    /// Everything that came so far.
    pub records: Vec<Value>,
    pub log: Vec<String>,
    /// Lines of the log up to the last one that was waited for.
    heard: usize,
}

/// `ocelli run` with the bundled model and the pure-Rust engine.
pub fn command(model: &str) -> Command {
    let mut command = Command::new("ocelli");
    command.args(["run", "-m", model, "--engine", "rten", "-f", "json"]);
    command
}

/// The bundled model that knows the shapes.
pub fn shapes() -> String {
    format!("{MODELS}/shapes.onnx")
}

impl Run {
    /// Starts on `source`.
    pub fn start(source: &str, flags: &[&str]) -> Self {
        Self::spawn(command(&shapes()).arg(source).args(flags))
    }

    pub fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        listen(child.stdout.take().unwrap(), sender.clone(), |line| {
            Line::Record(serde_json::from_str(&line).unwrap_or(Value::String(line)))
        });
        listen(child.stderr.take().unwrap(), sender, Line::Log);
        Self {
            child,
            lines,
            records: Vec::new(),
            log: Vec::new(),
            heard: 0,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Takes in what comes for so long, or until the program has closed both outputs.
    pub fn listen_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while self.line(until).is_some() {}
    }

    /// Takes in the next line before `until`; `None` if there is none.
    fn line(&mut self, until: Instant) -> Option<()> {
        let rest = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(rest) {
            Ok(Line::Record(record)) => self.records.push(record),
            Ok(Line::Log(line)) => self.log.push(line),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
        Some(())
    }

    /// Waits until there are `count` more records.
    pub fn more(&mut self, count: usize) -> &Value {
        let (wanted, until) = (self.records.len() + count, Instant::now() + PATIENCE);
        while self.records.len() < wanted {
            if self.line(until).is_none() {
                panic!("{count} more records do not come{}", self.story());
            }
        }
        &self.records[wanted - 1]
    }

    /// Waits for the first record that comes after now: how long that took.
    pub fn back_to_live(&mut self) -> Duration {
        let started = Instant::now();
        self.listen_for(Duration::ZERO);
        self.more(1);
        started.elapsed()
    }

    /// Waits for a message that holds `part`, after the last one that was waited for.
    pub fn told(&mut self, part: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.log.get(self.heard) {
                self.heard += 1;
                if line.contains(part) {
                    return;
                }
            }
            if self.line(until).is_none() {
                panic!("`{part}` is not said{}", self.story());
            }
        }
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "kill -s {name} {pid}");
    }

    /// Sends a signal that ends it, and tells how long that took.
    pub fn end(&mut self, signal: &str) -> Duration {
        let asked = Instant::now();
        self.signal(signal);
        self.finish(0);
        asked.elapsed()
    }

    /// Waits for its end and checks the exit code.
    pub fn finish(&mut self, code: i32) {
        let status = wait_for(PATIENCE, || self.ended());
        self.listen_for(Duration::from_millis(500));
        match status {
            Some(status) if status.code() == Some(code) => {}
            Some(status) => panic!("{status} instead of {code}{}", self.story()),
            None => panic!("it does not end{}", self.story()),
        }
        let panicked = self.log.iter().any(|line| line.contains("panicked"));
        assert!(!panicked, "a panic{}", self.story());
    }

    /// The last record, or `panic`.
    pub fn last(&self) -> &Value {
        let last = self.records.last();
        last.unwrap_or_else(|| panic!("no record{}", self.story()))
    }

    /// A count of the last record's `drops`.
    pub fn drops(&self, cause: &str) -> u64 {
        self.last()["drops"][cause].as_u64().unwrap()
    }

    /// Messages that hold `part`.
    pub fn times_told(&self, part: &str) -> usize {
        self.log.iter().filter(|line| line.contains(part)).count()
    }

    /// What it said so far, for a failure's message.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for line in &self.log {
            let _ = write!(story, "\n    | {line}");
        }
        if let Some(record) = self.records.last() {
            let count = self.records.len();
            let _ = write!(story, "\n    | {count} records, the last: {record}");
        }
        story
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    pipe: impl Read + Send + 'static,
    sender: Sender<Line>,
    make: impl Fn(String) -> Line + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { return };
            if sender.send(make(line)).is_err() {
                return;
            }
        }
    });
}
