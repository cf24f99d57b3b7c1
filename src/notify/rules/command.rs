//! A command, run by the shell: the record on its standard input, what fired in variables.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::alert::{Alert, End};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// Runs `command` and waits for its end.
///
/// # Errors
/// It cannot be started, fails, or takes too long and is killed.
pub(crate) fn run(command: &str, alert: &Alert, end: &End) -> Result<(), String> {
    let messages = std::io::stderr().as_fd().try_clone_to_owned();
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env("OCELLI_RULE", &alert.rule)
        .env("OCELLI_SOURCE", &alert.source)
        .env("OCELLI_LABEL", &alert.label)
        .env("OCELLI_SCORE", alert.score.to_string())
        .stdin(Stdio::piped())
        // Standard output is for records.
        .stdout(messages.map_or_else(|_| Stdio::null(), Stdio::from))
        // A Ctrl-C at the terminal is for us.
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot be started: {e}"))?;
    if let Some(mut input) = child.stdin.take() {
        let record = alert.record.clone();
        // A command need not read its input, but then a long record waits for its end.
        thread::spawn(move || {
            let _ = input
                .write_all(&record)
                .and_then(|()| input.write_all(b"\n"));
        });
    }
    match wait(&mut child, end).map_err(|e| format!("cannot be waited for: {e}"))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("it failed: {status}")),
        None => Err("it took too long and was killed".to_owned()),
    }
}

/// Waits for the child's end; kills it, and what it started, when its time is over.
fn wait(child: &mut Child, end: &End) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let late =
            started.elapsed() >= PATIENCE || end.get().is_some_and(|end| Instant::now() >= *end);
        if late {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL)?;
            }
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}
