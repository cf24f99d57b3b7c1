//! Who may come in: whoever knows the token. Programs send it as `Authorization: Bearer`;
//! browsers ask for a name and a password by themselves (`Basic`), and there the token is
//! the password.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Service;
use super::problem::Problem;
use crate::error::{Error, Result};

/// Shorter tokens can be guessed.
const SHORTEST: usize = 16;

/// The token, as its digest: comparing digests takes the same time wherever they differ
/// and however long a guess is.
pub struct Token([u8; 32]);

impl Token {
    /// Reads the token from a file; white space around it does not count.
    ///
    /// # Errors
    /// The file cannot be read, or what it holds is too short.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::usage(&place, "the token cannot be read").caused_by(e))?;
        let token = text.trim();
        if token.len() < SHORTEST {
            return Err(Error::usage(
                place,
                format!(
                    "the token has {} characters, at least {SHORTEST} are needed",
                    token.len()
                ),
            )
            .remedy("make one: openssl rand -hex 32 > FILE"));
        }
        Ok(Self(digest(token.as_bytes())))
    }

    /// Whether an `Authorization` header holds the token.
    fn admits(&self, header: Option<&HeaderValue>) -> bool {
        let Some(guess) = header.and_then(|header| header.to_str().ok()) else {
            return false;
        };
        let (scheme, value) = guess.split_once(' ').unwrap_or_default();
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(value.as_bytes());
        }
        let pair = STANDARD
            .decode(value)
            .ok()
            .filter(|_| scheme.eq_ignore_ascii_case("basic"));
        pair.is_some_and(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':');
            colon.is_some_and(|colon| self.is(&pair[colon + 1..]))
        })
    }

    fn is(&self, guess: &[u8]) -> bool {
        self.0.ct_eq(&digest(guess)).into()
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether a `Host` header names this machine: `localhost:8080`, `127.0.0.1`, `[::1]`.
fn is_local(host: &str) -> bool {
    let url = url::Url::parse(&format!("http://{host}/"));
    match url.as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(url::Host::Ipv6(address))) => address.is_loopback(),
        Ok(Some(url::Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        _ => false,
    }
}

/// Lets requests with the token pass; where there is none, all that mean this machine.
pub async fn guard(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let is_local = host.is_none_or(|host| host.to_str().is_ok_and(is_local));
    if service.local_only && !is_local {
        let detail = "the service is asked for by a name that is not this machine's; \
            behind a proxy, start it with --token-file or --no-auth";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    let header = request.headers().get(header::AUTHORIZATION);
    if service.token.as_ref().is_none_or(|t| t.admits(header)) {
        return next.run(request).await;
    }
    const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="ocelli""#);
    let detail = "this needs the token of --token-file, as Authorization: Bearer TOKEN";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    let headers = response.headers_mut();
    headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    headers.append(header::WWW_AUTHENTICATE, CHALLENGE);
    response
}

#[cfg(test)]
mod tests {
    use super::{Token, digest, is_local};
    use axum::http::HeaderValue;

    #[test]
    fn only_the_token_is_admitted_either_way() {
        let token = Token(digest(b"0123456789abcdef"));
        let admits = |header: &str| token.admits(Some(&HeaderValue::from_str(header).unwrap()));
        assert!(admits("Bearer 0123456789abcdef"));
        assert!(admits("bearer  0123456789abcdef "));
        // printf 'me:0123456789abcdef' | base64
        assert!(admits("Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg=="));
        for wrong in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer",
            "Basic 0123456789abcdef",
            "Basic bWU=",
            "0123456789abcdef",
        ] {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!token.admits(None));
    }

    #[test]
    fn this_machine_is_known_by_its_own_names_only() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:80",
            "[::1]:8080",
            "cam.localhost",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "192.168.0.7",
            "",
            "a b",
            "[::2]",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
