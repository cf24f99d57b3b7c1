//! What a client has to know. Programs send it as `Authorization: Bearer`; browsers ask for
//! a name and a password by themselves (`Basic`), and there the token is the password.

use std::path::Path;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

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
            .with_remedy("make one: openssl rand -hex 32 > FILE"));
        }
        Ok(Self(digest(token.as_bytes())))
    }

    /// Whether an `Authorization` header holds the token.
    pub(crate) fn admits(&self, header: Option<&HeaderValue>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::{Token, digest};
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
}
