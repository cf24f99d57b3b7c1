//! The hub's HTTP interface, as far as fetching needs it. Redirects are followed here, one by
//! one: the token is shown to the hub itself and to nobody that it sends us to.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Agent, Body};
use url::Url;

use super::checksum::Checksum;
use super::listing::{Listing, RemoteFile};
use super::name::ModelName;
use super::refusal::{Failure, Outcome, Refusal};
use crate::environment::hub as variables;
use crate::error::{Error, Result};
use crate::tls;

/// Time for finding a server, and for reaching it.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a silence is taken for slowness, unless a variable says otherwise.
const SILENCE: Duration = Duration::from_secs(10);
/// Redirects that are followed: a renamed repository, a mirror, a content network.
const REDIRECTS: usize = 10;
/// A listing of more bytes is none: 100,000 files take 20 MB.
const LISTING: u64 = 64 << 20;

/// Asks one hub.
pub(super) struct Client {
    agent: Agent,
    endpoint: Url,
    token: Option<String>,
}

/// The bytes of a file, from where they were asked for or from the beginning.
pub(super) struct Answer {
    /// Where its bytes begin in the file.
    pub(super) start: u64,
    /// Bytes of the whole file, if that is said.
    pub(super) total: Option<u64>,
    /// The bytes.
    pub(super) body: Box<dyn Read>,
}

impl Client {
    /// A client as the variables say.
    ///
    /// # Errors
    /// The address is none, or the token cannot be sent.
    pub(super) fn new() -> Result<Self> {
        let address = variables::endpoint();
        let bad = || {
            Error::usage("HF_ENDPOINT", "not the address of a hub")
                .with_expected("https://HOST")
                .with_found(format!("`{address}`"))
        };
        let endpoint = Url::parse(address.trim_end_matches('/')).map_err(|e| bad().caused_by(e))?;
        if !is_web(&endpoint) || endpoint.cannot_be_a_base() {
            return Err(bad());
        }
        let token = token()?;
        if token.is_some() && endpoint.scheme() == "http" && !is_here(&endpoint) {
            log::warn!("the token crosses the network unencrypted: HF_ENDPOINT is http");
        }
        let silence = patience()?;
        let config = tls::agent_config(false)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            endpoint,
            token,
        })
    }

    /// What is in the repository at the revision.
    ///
    /// # Errors
    /// The hub is away, or does not give it.
    pub(super) fn listing(&self, name: &ModelName) -> Outcome<Listing> {
        let mut url = self.url(
            ["api", "models"]
                .into_iter()
                .chain(name.repository.split('/')),
        )?;
        url.path_segments_mut()
            .map_err(|()| no_path())?
            .extend(["revision", &name.revision]);
        url.set_query(Some("blobs=true"));
        let answer = self.ask(name, None, url, 0)?.response;
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(LISTING);
        reader.read_to_end(&mut body).map_err(|e| {
            Failure::Passing(
                Error::model(name.to_string(), "the hub's listing broke off").caused_by(e),
            )
        })?;
        Ok(Listing::read(&name.to_string(), &body)?)
    }

    /// A file of a commit, from byte `start` on if the server can do that.
    ///
    /// # Errors
    /// The hub is away, or does not give it.
    pub(super) fn file(
        &self,
        name: &ModelName,
        commit: &str,
        path: &str,
        start: u64,
    ) -> Outcome<Answer> {
        let url = self.file_url(name, commit, path)?;
        let response = self.ask(name, Some(path), url, start)?.response;
        let headers = response.headers();
        let (start, total) = match response.status().as_u16() {
            206 => range(headers).ok_or_else(|| {
                let what = format!("the hub sends a part of {path} and does not say which");
                Failure::Lasting(Error::model(name.to_string(), what))
            })?,
            _ => (0, number(headers, "content-length")),
        };
        Ok(Answer {
            start,
            total,
            body: Box::new(response.into_body().into_reader()),
        })
    }

    /// What the hub says of a file when it is asked for it, where its listing does not.
    ///
    /// # Errors
    /// The hub is away, or does not say by what the file is known.
    pub(super) fn describe(
        &self,
        name: &ModelName,
        commit: &str,
        path: &str,
    ) -> Outcome<RemoteFile> {
        let url = self.file_url(name, commit, path)?;
        let told = self.ask(name, Some(path), url, 0)?;
        let checksum = told
            .etag
            .as_deref()
            .and_then(Checksum::parse)
            .ok_or_else(|| {
                let what = format!("the hub gives no checksum of {path}");
                let error = Error::model(name.to_string(), what).with_remedy(
                    "check HF_ENDPOINT; or fetch the model yourself and name its file",
                );
                Failure::Lasting(error)
            })?;
        Ok(RemoteFile {
            path: path.to_owned(),
            size: number(told.response.headers(), "content-length"),
            checksum: Some(checksum),
        })
    }

    fn file_url(&self, name: &ModelName, commit: &str, path: &str) -> Result<Url> {
        let place = name.repository.split('/').chain(["resolve", commit]);
        self.url(place.chain(path.split('/')))
    }

    /// An address below the hub's own.
    fn url<'a>(&self, path: impl Iterator<Item = &'a str>) -> Result<Url> {
        let mut url = self.endpoint.clone();
        let mut segments = url.path_segments_mut().map_err(|()| no_path())?;
        segments.pop_if_empty().extend(path);
        drop(segments);
        Ok(url)
    }

    /// Asks, and follows redirects to the end.
    fn ask(&self, name: &ModelName, path: Option<&str>, mut url: Url, start: u64) -> Outcome<Told> {
        let mut etag = None;
        for _ in 0..=REDIRECTS {
            let is_hub = url.origin() == self.endpoint.origin();
            let mut request = self
                .agent
                .get(url.as_str())
                .header("Accept-Encoding", "identity");
            let token = self.token.as_ref().filter(|_| is_hub);
            if let Some(token) = token {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            if start > 0 {
                request = request.header("Range", format!("bytes={start}-"));
            }
            let response = request.call().map_err(|e| away(name, &url, e))?;
            let headers = response.headers();
            let status = response.status();
            if is_hub && etag.is_none() {
                let linked = text(headers, "x-linked-etag");
                let own = text(headers, "etag").filter(|_| status.is_success());
                etag = linked.or(own).map(str::to_owned);
            }
            if status.is_success() {
                return Ok(Told { response, etag });
            }
            match text(headers, "location").filter(|_| status.is_redirection()) {
                Some(target) => url = redirected(name, &url, target)?,
                None if !is_hub => return Err(refused_elsewhere(name, &url, status)),
                None => {
                    let refusal = Refusal {
                        status: status.as_u16(),
                        code: text(headers, "x-error-code").unwrap_or_default(),
                        message: text(headers, "x-error-message").unwrap_or_default(),
                        has_token: token.is_some(),
                        endpoint: self.endpoint.as_str().trim_end_matches('/'),
                    };
                    return Err(refusal.failure(name, path));
                }
            }
        }
        let what = format!("the hub redirects more than {REDIRECTS} times");
        Err(Failure::Lasting(Error::model(name.to_string(), what)))
    }
}

/// An answer, and the checksum that the hub itself gave on the way to it.
struct Told {
    response: Response<Body>,
    etag: Option<String>,
}

/// How long a silence is taken for slowness.
fn patience() -> Result<Duration> {
    let Some(text) = variables::patience() else {
        return Ok(SILENCE);
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Error::usage("HF_HUB_DOWNLOAD_TIMEOUT", "not a time to wait")
            .with_expected("whole seconds, at least 1")
            .with_found(format!("`{text}`"))
    })
}

/// The token, from the variable or from where a login left it.
fn token() -> Result<Option<String>> {
    let (token, place) = match variables::token() {
        Some(token) => (token, "HF_TOKEN".to_owned()),
        None => {
            let Some(file) = variables::token_file() else {
                return Ok(None);
            };
            let place = file.display().to_string();
            match std::fs::read_to_string(file) {
                Ok(text) => (text.trim().to_owned(), place),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(e) => {
                    return Err(Error::usage(place, "the token cannot be read")
                        .caused_by(e)
                        .with_remedy("let this user read it, or set HF_TOKEN"));
                }
            }
        }
    };
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::usage(place, "this is no token")
            .with_expected("one word of letters, digits and signs"));
    }
    Ok(Some(token).filter(|token| !token.is_empty()))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Whether an address is this machine's own.
fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn no_path() -> Error {
    Error::usage("HF_ENDPOINT", "not the address of a hub").with_expected("https://HOST")
}

fn redirected(name: &ModelName, from: &Url, target: &str) -> Outcome<Url> {
    let to = from.join(target).ok().filter(is_web);
    to.ok_or_else(|| {
        let what = format!("{} redirects to what is no address", host(from));
        Failure::Lasting(Error::model(name.to_string(), what).with_found(format!("`{target:.80}`")))
    })
}

/// Who did not answer: what stands behind the host may be a secret.
fn host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn away(name: &ModelName, url: &Url, cause: ureq::Error) -> Failure {
    let what = format!("{} cannot be reached", host(url));
    let error = Error::model(name.to_string(), what)
        .caused_by(cause)
        .with_remedy("check the network; without one, fetch the model elsewhere and name its file");
    Failure::Passing(error)
}

/// No from where the hub keeps its large files.
fn refused_elsewhere(name: &ModelName, url: &Url, status: StatusCode) -> Failure {
    let what = format!("{}, where the hub sends us, gives no file", host(url));
    let error = Error::model(name.to_string(), what)
        .with_found(format!("status {}", status.as_u16()))
        .with_remedy("try again later");
    if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
        Failure::Passing(error)
    } else {
        Failure::Lasting(error)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// First byte and whole length of `Content-Range: bytes 100-199/200`.
fn range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}
