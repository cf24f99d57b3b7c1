//! Who may come in: whoever knows the token; where there is none, whoever asks for this
//! machine by its own name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::state::Api;

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
pub(crate) async fn authenticate(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST);
    let is_local = host.is_none_or(|host| host.to_str().is_ok_and(is_local));
    if api.local_only && !is_local {
        let detail = "the service is asked for by a name that is not this machine's; \
            behind a proxy, give the service a token or let everyone in";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    let header = request.headers().get(header::AUTHORIZATION);
    if api.token.as_ref().is_none_or(|t| t.admits(header)) {
        return next.run(request).await;
    }
    const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="ocelli""#);
    let detail = "this needs the service's token, as Authorization: Bearer TOKEN";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    let headers = response.headers_mut();
    headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    headers.append(header::WWW_AUTHENTICATE, CHALLENGE);
    response
}

#[cfg(test)]
mod tests {
    use super::is_local;

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
