//! The camera on the wire: USB/IP messages from the kernel, answers and pictures to it.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::camera::{Camera, MAX_PAYLOAD, Negotiated};
use crate::mischief::Mischief;
use crate::pictures::Format;

const VHCI: &str = "/sys/devices/platform/vhci_hcd.0";
const HIGH_SPEED: u32 = 3;
/// Bus 1, device 2: any will do.
const DEVICE_ID: u32 = 0x1_0002;

/// Linux error numbers, as USB/IP carries them.
const EPIPE: i32 = -32;
const ECONNRESET: i32 = -104;

/// USB/IP commands, and what answers them.
const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u8 = 3;
const UNLINKED: u8 = 4;

/// The kernel waits for so many bytes.
struct Request {
    seqnum: u32,
    length: u32,
}

/// The picture on its way.
struct Sending {
    picture: Vec<u8>,
    sent: usize,
    /// Whether its error bit is set.
    bad: bool,
}

/// A plugged camera. Dropping it pulls the plug.
pub struct Device<'a> {
    camera: &'a Camera,
    socket: UnixStream,
    probe: Negotiated,
    commit: Negotiated,
    waiting: VecDeque<Request>,
    sending: Option<Sending>,
    /// When the next picture is due; `None` before the first.
    due: Option<Instant>,
    picture: usize,
    toggle: u8,
}

impl AsFd for Device<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<'a> Device<'a> {
    /// Plugs the camera into the first free port.
    pub fn plug(camera: &'a Camera) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let port = free_port()?;
        let fd = theirs.as_raw_fd();
        // The kernel holds the socket by itself from here on.
        let line = format!("{port} {fd} {DEVICE_ID} {HIGH_SPEED}");
        fs::write(format!("{VHCI}/attach"), line)?;
        let start = Negotiated {
            format: 1,
            frame: 1,
            interval: camera.intervals[0],
        };
        println!("plugged");
        Ok(Self {
            camera,
            socket: ours,
            probe: start,
            commit: start,
            waiting: VecDeque::new(),
            sending: None,
            due: None,
            picture: 0,
            toggle: 0,
        })
    }

    /// Takes one message from the kernel; false once it has let go of the device.
    pub fn handle_message(&mut self) -> io::Result<bool> {
        let mut header = [0u8; 48];
        match self.socket.read_exact(&mut header) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        let word = |i: usize| {
            header[4 * i..4 * i + 4]
                .iter()
                .fold(0, |w, b| w << 8 | u32::from(*b))
        };
        let (seqnum, input, endpoint) = (word(1), word(3) == 1, word(4));
        match word(0) {
            SUBMIT => {
                let length = word(6);
                let mut data = vec![0; if input { 0 } else { length as usize }];
                self.socket.read_exact(&mut data)?;
                if endpoint == 0 {
                    let mut setup = [0; 8];
                    setup.copy_from_slice(&header[40..]);
                    let answer = self.control(setup, &data);
                    self.reply(seqnum, answer, length, input)?;
                } else {
                    self.waiting.push_back(Request { seqnum, length });
                }
            }
            UNLINK => self.unlink(seqnum, word(5))?,
            other => return Err(io::Error::other(format!("USB/IP command {other}"))),
        }
        Ok(true)
    }

    fn unlink(&mut self, seqnum: u32, victim: u32) -> io::Result<()> {
        let before = self.waiting.len();
        self.waiting.retain(|request| request.seqnum != victim);
        let unlinked = self.waiting.len() < before;
        let mut out = header(UNLINKED, seqnum);
        let status = if unlinked { ECONNRESET } else { 0 };
        out[20..24].copy_from_slice(&status.to_be_bytes());
        self.socket.write_all(&out)?;
        if self.waiting.is_empty() && self.due.take().is_some() {
            self.sending = None;
            println!("stopped");
        }
        Ok(())
    }

    fn reply(
        &mut self,
        seqnum: u32,
        answer: Result<Vec<u8>, i32>,
        length: u32,
        input: bool,
    ) -> io::Result<()> {
        let (status, mut data) = match answer {
            Ok(data) => (0, data),
            Err(status) => (status, Vec::new()),
        };
        data.truncate(length as usize);
        let actual = if input { data.len() as u32 } else { length };
        let mut out = header(SUBMITTED, seqnum);
        out[20..24].copy_from_slice(&status.to_be_bytes());
        out[24..28].copy_from_slice(&actual.to_be_bytes());
        if input {
            out.extend(data);
        }
        self.socket.write_all(&out)
    }

    /// Answers a request to endpoint 0.
    fn control(&mut self, setup: [u8; 8], data: &[u8]) -> Result<Vec<u8>, i32> {
        let [kind, request, value_low, value_high, index_low, ..] = setup;
        match (kind, request) {
            (0x80, 6) => match value_high {
                1 => Ok(Camera::device_descriptor()),
                2 => Ok(self.camera.configuration_descriptor()),
                3 => self.camera.string_descriptor(value_low).ok_or(EPIPE),
                _ => Err(EPIPE),
            },
            (0x80..=0x82, 0) => Ok(vec![0, 0]),      // GET_STATUS
            (0x81, 10) => Ok(vec![0]),               // GET_INTERFACE
            (0x80, 8) => Ok(vec![1]),                // GET_CONFIGURATION
            (0x00..=0x02, 1 | 9 | 11) => Ok(vec![]), // CLEAR_FEATURE, SET_CONFIGURATION, SET_INTERFACE
            (0x21, 1) if index_low == 1 => {
                match value_high {
                    1 => self.probe.accept(self.camera, data),
                    2 => self.commit.accept(self.camera, data),
                    _ => return Err(EPIPE),
                }
                Ok(vec![])
            }
            (0xa1, 0x81..=0x84 | 0x87) if index_low == 1 => {
                Ok(self.negotiated(request, value_high))
            }
            (0xa1, 0x85) if index_low == 1 => Ok(vec![26, 0]), // GET_LEN
            (0xa1, 0x86) if index_low == 1 => Ok(vec![3]),     // GET_INFO
            _ => Err(EPIPE),
        }
    }

    /// GET_CUR, GET_MIN, GET_MAX, GET_RES or GET_DEF of probe or commit.
    fn negotiated(&self, request: u8, selector: u8) -> Vec<u8> {
        let mut now = if selector == 2 {
            self.commit
        } else {
            self.probe
        };
        match request {
            0x82 => now.interval = self.camera.nearest(0),
            0x83 => now.interval = self.camera.nearest(u32::MAX),
            0x87 => now.interval = self.camera.intervals[0],
            _ => {}
        }
        now.encode(self.camera)
    }

    /// How long there is nothing to send; `None`: until the kernel says something.
    pub fn idle(&self, mischief: &Mischief) -> Option<Duration> {
        if self.waiting.is_empty() || mischief.stall {
            return None;
        }
        match (&self.sending, self.due) {
            (None, Some(at)) => Some(at.saturating_duration_since(Instant::now())),
            _ => Some(Duration::ZERO),
        }
    }

    /// Sends what is due.
    pub fn stream(&mut self, mischief: &mut Mischief) -> io::Result<()> {
        while !mischief.stall {
            let Some(request) = self.waiting.pop_front() else {
                return Ok(());
            };
            if self.sending.is_none() {
                self.begin(mischief);
            }
            let Some(sending) = self.sending.as_mut() else {
                self.waiting.push_front(request);
                return Ok(());
            };
            let room = (request.length.min(MAX_PAYLOAD) as usize).saturating_sub(2);
            let end = (sending.sent + room).min(sending.picture.len());
            let last = end == sending.picture.len();
            // End of header, error, end of frame; the lowest bit alternates with the frames.
            let error = if sending.bad { 0x40 } else { 0 };
            let flags = 0x80 | self.toggle | error | if last { 0x02 } else { 0 };
            let mut payload = vec![2, flags];
            payload.extend(&sending.picture[sending.sent..end]);
            sending.sent = end;
            if last {
                self.sending = None;
                self.toggle ^= 1;
            }
            self.reply(request.seqnum, Ok(payload), request.length, true)?;
        }
        Ok(())
    }

    /// Takes up the next picture if it is due.
    fn begin(&mut self, mischief: &mut Mischief) {
        let Negotiated {
            format,
            frame,
            interval,
        } = self.commit;
        let Some(mode) = self.camera.mode(format, frame) else {
            return;
        };
        let (now, period) = (
            Instant::now(),
            Duration::from_nanos(u64::from(interval) * 100),
        );
        if self.due.is_none() {
            let fps = 1.0 / period.as_secs_f64();
            let name = match mode.format {
                Format::Mjpeg => "MJPG",
                Format::Yuyv => "YUYV",
            };
            println!(
                "streaming {}x{} {name} fps {fps:.2}",
                mode.width, mode.height
            );
        }
        let at = *self.due.get_or_insert(now);
        if at > now {
            return;
        }
        // A sensor does not catch up: frames that nobody asked for in time were never taken.
        let missed = now.duration_since(at).as_nanos() / period.as_nanos().max(1);
        self.due = Some(at + period * (missed as u32 + 1));
        // Each picture that is sent is the next one, so that its label tells its number.
        let mut picture = mode.pictures[self.picture % mode.pictures.len()].clone();
        self.picture += 1;
        let bad = mischief.spoil(&mut picture);
        self.sending = Some(Sending {
            picture,
            sent: 0,
            bad,
        });
    }
}

fn header(command: u8, seqnum: u32) -> Vec<u8> {
    let mut out = vec![0; 48];
    out[3] = command;
    out[4..8].copy_from_slice(&seqnum.to_be_bytes());
    out
}

/// Lines of the status file: hub port sta spd dev sockfd local_busid; sta 004 is free.
fn free_port() -> io::Result<u32> {
    let status = fs::read_to_string(format!("{VHCI}/status"))?;
    let free = |line: &str| {
        let mut words = line.split_whitespace();
        let (hub, port, state) = (words.next()?, words.next()?, words.next()?);
        (hub == "hs" && state == "004").then(|| port.parse().ok())?
    };
    let port = status.lines().find_map(free);
    port.ok_or_else(|| io::Error::other("no free vhci port"))
}
