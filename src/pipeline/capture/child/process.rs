//! A child process that is never waited for without a limit, and never left behind.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::event::{PollFd, PollFlags, poll};

use super::Program;
use crate::error::{Error, Result};

/// Holds whatever process runs, so that it can be ended from elsewhere.
#[derive(Clone, Default)]
pub(crate) struct ChildHandle(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    process: Option<std::process::Child>,
    closed: bool,
}

impl ChildHandle {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock()
    }

    /// Starts `program`; reads of its output fail once nothing came for `patience`.
    pub(crate) fn start(&self, program: &Program, patience: Duration) -> Result<(Process, Output)> {
        let mut kept = self.lock();
        if kept.closed {
            return Err(Error::input(&program.source, "is not wanted any more"));
        }
        let [name, arguments @ ..] = &program.command[..] else {
            return Err(Error::input(&program.source, "there is no command"));
        };
        let mut command = Command::new(name);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal is for us: we end the child.
            .process_group(0);
        let mut child = command.spawn().map_err(|e| {
            let error = Error::usage(&program.source, format!("{name} cannot be started"));
            error.caused_by(e).with_remedy(&program.remedy)
        })?;
        let words = Arc::new(Mutex::new(String::new()));
        if let Some(errors) = child.stderr.take() {
            let (words, program) = (words.clone(), program.clone());
            thread::spawn(move || listen(errors, &words, &program));
        }
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| Error::input(&program.source, format!("{name} has no output")))?;
        let patience = Arc::new(AtomicU64::new(milliseconds(patience)));
        kept.process = Some(child);
        drop(kept);
        let process = Process {
            handle: self.clone(),
            patience: patience.clone(),
            words,
        };
        Ok((process, Output { stdout, patience }))
    }

    /// Whether nobody wants frames any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Ends what runs, for good.
    pub(crate) fn close(&self) {
        let mut kept = self.lock();
        kept.closed = true;
        finish(&mut kept);
    }
}

/// Ends the process and fetches its status, so that no zombie stays.
fn finish(kept: &mut Kept) -> Option<(ExitStatus, bool)> {
    let mut process = kept.process.take()?;
    let ended_itself = matches!(process.try_wait(), Ok(Some(_)));
    if !ended_itself {
        // It may have ended since: then there is nothing to kill.
        let _ = process.kill();
    }
    process.wait().ok().map(|status| (status, ended_itself))
}

/// A running process.
pub(crate) struct Process {
    handle: ChildHandle,
    patience: Arc<AtomicU64>,
    words: Arc<Mutex<String>>,
}

impl Process {
    /// How long its output may be silent.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    /// Changes that.
    pub(crate) fn be_patient_for(&self, time: Duration) {
        self.patience.store(milliseconds(time), Ordering::Relaxed);
    }

    /// Ends it; its output has ended or is of no more use.
    pub(crate) fn end(self) -> Ending {
        // It closes its output a little before it is gone, and speaks last words.
        for _ in 0..20 {
            let ended = match &mut self.handle.lock().process {
                Some(process) => matches!(process.try_wait(), Ok(Some(_))),
                None => true,
            };
            if ended {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let status = finish(&mut self.handle.lock());
        thread::sleep(Duration::from_millis(10));
        let words = self.words.lock();
        Ending {
            status,
            words: words.clone(),
        }
    }
}

/// How a process ended.
pub(crate) struct Ending {
    /// Its status, and whether it ended by itself.
    status: Option<(ExitStatus, bool)>,
    /// Its last line on standard error.
    words: String,
}

impl Ending {
    /// Whether it ended by itself and was content.
    pub(crate) fn is_good(&self) -> bool {
        self.status
            .is_some_and(|(status, itself)| itself && status.success())
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some((status, true)) => write!(f, "ended ({status})")?,
            _ => write!(f, "closed its output")?,
        }
        if !self.words.is_empty() {
            write!(f, ": {}", self.words)?;
        }
        Ok(())
    }
}

/// A process's standard output, with a limit on every wait.
pub(crate) struct Output {
    stdout: ChildStdout,
    patience: Arc<AtomicU64>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let limit = Duration::from_millis(self.patience.load(Ordering::Relaxed));
        let limit = limit.try_into().map_err(std::io::Error::other)?;
        let mut fds = [PollFd::new(&self.stdout, PollFlags::IN)];
        match poll(&mut fds, Some(&limit))? {
            0 => Err(ErrorKind::TimedOut.into()),
            _ => self.stdout.read(buffer),
        }
    }
}

/// Keeps the last line that a process says; all of them are for the log.
fn listen(errors: impl Read, words: &Mutex<String>, program: &Program) {
    for line in BufReader::new(errors)
        .lines()
        .map_while(std::io::Result::ok)
    {
        let line = program.without_secret(line.trim());
        if !line.is_empty() {
            log::debug!("{}: {line}", program.name());
            *words.lock() = line;
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
