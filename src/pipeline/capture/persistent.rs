//! A source as the capturing thread asks it. One that cannot be used (a camera that is not
//! plugged in yet, an address where nobody answers) is asked again while other sources go on,
//! at growing intervals, and only the first refusal is told. A source that dies is not: what
//! state it is in nobody knows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::outage::Outage;
use super::{DropCounters, Frame, Pull, Source};
use crate::error::Error;

/// The source, and since when it cannot be used.
pub(crate) struct Persistent {
    source: Box<dyn Source>,
    /// Whether it is asked again.
    retried: bool,
    outage: Outage,
    /// How long to wait before that.
    wait: Option<Duration>,
}

impl Persistent {
    /// Asks `source`; where it cannot be used, again if it is `retried`.
    pub(crate) fn new(source: Box<dyn Source>, retried: bool) -> Self {
        Self {
            source,
            retried,
            outage: Outage::default(),
            wait: None,
        }
    }

    /// What it gives next. `pause` waits for so long, unless nobody wants frames any more:
    /// then it is `false`.
    pub(super) fn next(&mut self, frame: &mut Frame, pause: impl Fn(Duration) -> bool) -> Pull {
        loop {
            if self.wait.take().is_some_and(|wait| !pause(wait)) {
                return Pull::End;
            }
            // Frames go round: what was reported with the last one is not its own.
            frame.drops = DropCounters::default();
            let asked = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| self.source.next(frame))) {
                Err(_) => {
                    self.retried = false;
                    return Pull::Broken(died());
                }
                Ok(Pull::Broken(error)) if self.retried => {
                    let is_news = self.outage.is_news(&error);
                    self.wait = Some(self.outage.wait_after(asked.elapsed()));
                    if is_news {
                        return Pull::Broken(error);
                    }
                }
                Ok(pull) => {
                    self.outage.end();
                    return pull;
                }
            }
        }
    }

    /// Whether it is asked again after it could not be used.
    pub(super) fn goes_on(&self) -> bool {
        self.wait.is_some()
    }
}

fn died() -> Error {
    Error::input("capture", "the capturing thread died")
        .with_remedy("this is a fault of the program: report it with the message above")
}

#[cfg(test)]
mod tests {
    use super::Persistent;
    use crate::error::Error;
    use crate::pipeline::capture::{Frame, Pull, Source};

    /// Gives what each letter stands for: a frame, broken, or a trap.
    struct Played(std::str::Chars<'static>);

    impl Source for Played {
        fn next(&mut self, _: &mut Frame) -> Pull {
            match self.0.next() {
                Some('f') => Pull::Frame,
                Some('b') => Pull::Broken(Error::input("camera:9", "is not there")),
                Some(_) => panic!("as the test wants it"),
                None => Pull::End,
            }
        }
    }

    /// What is told, a letter each, with `.` for a wait; `+` where it is asked again.
    fn told(played: &'static str, retried: bool) -> String {
        let mut source = Persistent::new(Box::new(Played(played.chars())), retried);
        let told = std::cell::RefCell::new(String::new());
        loop {
            let pause = |_| {
                told.borrow_mut().push('.');
                true
            };
            let pull = source.next(&mut Frame::default(), pause);
            let letter = match pull {
                Pull::Frame => "f",
                Pull::Broken(_) if source.goes_on() => "b+",
                Pull::Broken(_) => "b",
                _ => return told.into_inner(),
            };
            told.borrow_mut().push_str(letter);
            if letter == "b" {
                return told.into_inner();
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_once_and_asked_again() {
        assert_eq!(told("bbbfffbf", true), "b+...fffb+.f");
        assert_eq!(told("bbbfff", false), "b");
        assert_eq!(told("fbf", false), "fb");
        assert_eq!(told("f!f", true), "fb");
    }

    #[test]
    fn nobody_waits_for_a_source_that_nobody_wants() {
        let mut source = Persistent::new(Box::new(Played("bbbbb".chars())), true);
        let mut frame = Frame::default();
        assert!(matches!(source.next(&mut frame, |_| true), Pull::Broken(_)));
        assert!(matches!(source.next(&mut frame, |_| false), Pull::End));
    }
}
