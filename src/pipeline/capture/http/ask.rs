//! One request to a camera's web server, and what its answer is. Small cameras' servers are
//! odd: types are missing or wrong, so that where the type does not tell, the first bytes do.

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::config::RedirectAuthHeaders;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};
use url::Url;

use crate::error::{Error, Result};
use crate::pipeline::capture::child::{FIRST, without_password};
use crate::pipeline::capture::stream::Stream;
use crate::tls;

/// What an address gives.
pub(super) enum Answer {
    /// One picture, and then the end.
    Picture,
    /// Pictures one after the other.
    Pictures(Box<Stream>),
    /// Something else, which FFmpeg may know.
    Video,
}

/// Asks one address.
pub(super) struct Client {
    agent: Agent,
    /// Without user and password, for records and messages.
    name: String,
    url: String,
    authorization: Option<String>,
    max_bytes: usize,
}

impl Client {
    /// Asks `url`; pictures have at most `max_bytes`.
    ///
    /// # Errors
    /// It is no address.
    pub(super) fn new(url: &str, max_bytes: usize) -> Result<Self> {
        let name = without_password(url);
        let mut parsed =
            Url::parse(url).map_err(|e| Error::usage(&name, "is not an address").caused_by(e))?;
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let authorization = (!parsed.username().is_empty()).then(|| {
            let password = decoded(parsed.password().unwrap_or_default());
            let pair = [&decoded(parsed.username())[..], b":", &password].concat();
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        // These fail where an address has no host, and such a one has no user either.
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        Ok(Self {
            agent: agent(false),
            name,
            url: parsed.into(),
            authorization,
            max_bytes,
        })
    }

    /// The address as records have it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks once; a single picture is put into `picture`. Nothing is waited for longer than
    /// `patience` takes.
    ///
    /// # Errors
    /// The server cannot be reached, refuses, or gives what is no picture.
    pub(super) fn ask(&self, patience: Duration, picture: &mut Vec<u8>) -> Result<Answer> {
        let response = self.get(patience).map_err(|e| self.unreachable(e))?;
        let header = |name| {
            let value = response.headers().get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().trim().to_ascii_lowercase()
        };
        let (kind, length) = (header(CONTENT_TYPE), header(CONTENT_LENGTH));
        match response.status() {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED
                if header(WWW_AUTHENTICATE).starts_with("digest")
                    && self.authorization.is_some() =>
            {
                // FFmpeg knows this kind of login, too.
                return Ok(Answer::Video);
            }
            status => return Err(self.refused(status)),
        }
        let mut body = response.into_body().into_reader();
        if kind.starts_with("image/") {
            return self.picture(body, picture);
        }
        if kind.starts_with("multipart/") {
            return Ok(self.pictures(body));
        }
        if kind.starts_with("text/html") {
            let error = Error::input(&self.name, "the server gives a web page");
            return Err(error.with_expected("a picture, pictures or a video"));
        }
        let mut start = [0; 16];
        let count = read_up_to(&mut body, &mut start).map_err(|e| self.unreadable(e))?;
        let start = &start[..count];
        let body = Cursor::new(start.to_vec()).chain(body);
        let text = start.trim_ascii_start();
        let is_picture = [&b"\xff\xd8\xff"[..], b"\x89PNG"]
            .iter()
            .any(|magic| start.starts_with(magic));
        if is_picture && !length.is_empty() {
            self.picture(body, picture)
        } else if is_picture || text.starts_with(b"--") || text.starts_with(b"Content-") {
            Ok(self.pictures(body))
        } else {
            Ok(Answer::Video)
        }
    }

    /// Makes sure whom it talks to, as far as that can be: cameras sign their certificates
    /// themselves. One that is not trusted at first is taken as it is, and that is said.
    pub(super) fn meet(&mut self, patience: Duration) {
        if self.url.starts_with("https:")
            && let Err(error) = self.get(patience)
            && tls::is_untrusted(&error)
        {
            log::warn!(
                "{}: nobody that this system trusts vouches for the server ({error}): whoever stands in between could read the password and show other pictures",
                self.name
            );
            self.agent = agent(true);
        }
    }

    fn get(&self, patience: Duration) -> std::result::Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(&self.url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
            .config()
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .build()
            .call()
    }

    /// Reads a picture to its end, which has to come in time, however slowly it goes on.
    fn picture(&self, mut body: impl Read, picture: &mut Vec<u8>) -> Result<Answer> {
        picture.clear();
        let started = Instant::now();
        let mut chunk = [0; 16 * 1024];
        loop {
            match body.read(&mut chunk).map_err(|e| self.unreadable(e))? {
                0 => return Ok(Answer::Picture),
                count => picture.extend_from_slice(&chunk[..count]),
            }
            if picture.len() > self.max_bytes {
                let error = Error::input(&self.name, "the picture is too large");
                let most = format!("at most {} bytes", self.max_bytes);
                return Err(error.with_expected(most).with_settings(&["max_pixels"]));
            }
            if started.elapsed() > FIRST {
                let seconds = FIRST.as_secs();
                let what = format!("the picture does not end within {seconds} s");
                return Err(Error::input(&self.name, what));
            }
        }
    }

    fn pictures(&self, body: impl Read + Send + 'static) -> Answer {
        let (name, most) = (self.name.clone(), self.max_bytes);
        Answer::Pictures(Box::new(Stream::new(Box::new(body), name, None, most)))
    }

    fn refused(&self, status: StatusCode) -> Error {
        let error = Error::input(&self.name, format!("the server answers {status}"));
        match (status, &self.authorization) {
            (StatusCode::UNAUTHORIZED, None) => {
                error.with_remedy("put user and password into the address: http://USER:PASSWORD@…")
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => {
                error.with_remedy("give the right user and password")
            }
            _ => error,
        }
    }

    fn unreachable(&self, error: ureq::Error) -> Error {
        Error::input(&self.name, "cannot be reached").caused_by(error)
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::input(&self.name, "cannot be read").caused_by(error)
    }
}

fn agent(trusting: bool) -> Agent {
    tls::agent_config(trusting)
        .http_status_as_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        // Small servers have few connections, and drop those that are idle.
        .max_idle_connections(0)
        .build()
        .new_agent()
}

/// Reads until `buffer` is full or the end has come.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match reader.read(&mut buffer[count..])? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}
