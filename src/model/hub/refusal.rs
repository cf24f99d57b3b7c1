//! Why the hub does not give what it was asked for: what is said of it, and whether asking
//! again helps.

use super::name::ModelName;
use crate::error::Error;

/// A request that failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The network, or a server that is busy: it may go better in a moment.
    Passing(Error),
    /// Asking again does not help. What the cache has may still serve.
    Lasting(Error),
    /// What is asked for does not exist.
    Unknown(Error),
}

/// What a request comes to.
pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// What is to be said.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Passing(error) | Self::Lasting(error) | Self::Unknown(error) => error,
        }
    }
}

/// An error of this machine's own.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lasting(error)
    }
}

/// How the hub says no.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusal<'a> {
    /// HTTP's status.
    pub(super) status: u16,
    /// `X-Error-Code`.
    pub(super) code: &'a str,
    /// `X-Error-Message`.
    pub(super) message: &'a str,
    /// Whether a token was shown.
    pub(super) has_token: bool,
    /// The hub's address.
    pub(super) endpoint: &'a str,
}

/// Where a token comes from.
const TOKEN: &str = "set HF_TOKEN, or log in with `hf auth login`";

impl Refusal<'_> {
    /// What that means for `name`, or for its file `path`.
    pub(super) fn failure(&self, name: &ModelName, path: Option<&str>) -> Failure {
        let error = |problem: &str| Error::model(name.to_string(), problem);
        let lasting =
            |problem: &str, remedy: String| Failure::Lasting(error(problem).with_remedy(remedy));
        match (self.status, self.code) {
            (_, "GatedRepo") => lasting(
                "the repository is gated: its owners let in who has accepted their terms",
                self.way_in(&name.repository),
            ),
            (_, "RevisionNotFound") => {
                let problem = format!("the repository has no revision `{}`", name.revision);
                let remedy = "name a branch, a tag or a whole commit";
                Failure::Unknown(error(&problem).with_remedy(remedy))
            }
            (_, "EntryNotFound") => {
                let file = path.unwrap_or("a file");
                let problem = format!("the hub lists {file}, and does not have it");
                let remedy = "try again later, or name another revision";
                lasting(&problem, remedy.into())
            }
            (401, _) if self.message.contains("Invalid credentials") => lasting(
                "the hub does not accept the token",
                format!("{TOKEN}; or unset it for a public model"),
            ),
            (401 | 404, _) => {
                let problem = format!("{} has no such model, or it is private", self.endpoint);
                let remedy = if self.has_token {
                    "check the name, and that the token's account may see it".to_owned()
                } else {
                    format!("check the name; for a private one, {TOKEN}")
                };
                lasting(&problem, remedy)
            }
            (403, _) => {
                let remedy = format!("check the token's permissions, or {TOKEN}");
                let error = error("the hub refuses access").with_found(self.found());
                Failure::Lasting(error.with_remedy(remedy))
            }
            (429, _) => {
                let error = error("the hub has had too many requests from here");
                Failure::Passing(error.with_remedy(format!("wait some minutes; or {TOKEN}")))
            }
            (408 | 500..=599, _) => {
                let error = error("the hub is out of order").with_found(self.found());
                Failure::Passing(error.with_remedy("try again later"))
            }
            _ => {
                let error = error("the hub does not answer as one").with_found(self.found());
                Failure::Lasting(error.with_remedy("check HF_ENDPOINT: is this a hub?"))
            }
        }
    }

    /// How to be let into a gated repository.
    fn way_in(&self, repository: &str) -> String {
        let accept = format!("accept them at {}/{repository}", self.endpoint);
        if self.has_token {
            format!(
                "{accept} with the account of the token that was shown, and wait until you are let in"
            )
        } else {
            format!("{accept}, then {TOKEN}")
        }
    }

    fn found(&self) -> String {
        let Self {
            status, message, ..
        } = self;
        match message.is_empty() {
            true => format!("status {status}"),
            false => format!("status {status}, \"{}\"", message.escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Refusal};

    #[test]
    fn each_refusal_says_what_mends_it() {
        let name = "hf:a/b@v2".parse().unwrap();
        let told = |status, code, message, has_token| {
            let refusal = Refusal {
                status,
                code,
                message,
                has_token,
                endpoint: "https://hub",
            };
            match refusal.failure(&name, None) {
                Failure::Passing(error) => format!("passing: {error}"),
                Failure::Lasting(error) => format!("lasting: {error}"),
                Failure::Unknown(error) => format!("unknown: {error}"),
            }
        };
        let cases = [
            (
                401,
                "GatedRepo",
                "",
                false,
                "lasting: hf:a/b@v2: the repository is gated: its owners let in who has accepted their terms; accept them at https://hub/a/b, then set HF_TOKEN, or log in with `hf auth login`",
            ),
            (
                403,
                "GatedRepo",
                "",
                true,
                "lasting: hf:a/b@v2: the repository is gated: its owners let in who has accepted their terms; accept them at https://hub/a/b with the account of the token that was shown, and wait until you are let in",
            ),
            (
                404,
                "RevisionNotFound",
                "",
                false,
                "unknown: hf:a/b@v2: the repository has no revision `v2`; name a branch, a tag or a whole commit",
            ),
            (
                401,
                "RepoNotFound",
                "",
                false,
                "lasting: hf:a/b@v2: https://hub has no such model, or it is private; check the name; for a private one, set HF_TOKEN, or log in with `hf auth login`",
            ),
            (
                404,
                "RepoNotFound",
                "",
                true,
                "lasting: hf:a/b@v2: https://hub has no such model, or it is private; check the name, and that the token's account may see it",
            ),
            (
                401,
                "",
                "Invalid credentials in Authorization header",
                true,
                "lasting: hf:a/b@v2: the hub does not accept the token; set HF_TOKEN, or log in with `hf auth login`; or unset it for a public model",
            ),
            (
                503,
                "",
                "",
                false,
                "passing: hf:a/b@v2: the hub is out of order, found status 503; try again later",
            ),
            (
                403,
                "",
                "Access to this resource is disabled.",
                false,
                "lasting: hf:a/b@v2: the hub refuses access, found status 403, \"Access to this resource is disabled.\"; check the token's permissions, or set HF_TOKEN, or log in with `hf auth login`",
            ),
        ];
        for (status, code, message, has_token, expected) in cases {
            assert_eq!(told(status, code, message, has_token), expected);
        }
    }
}
