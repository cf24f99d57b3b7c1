//! TLS by rustls, with ring: certificates from files, trust from a file or the system.

#[cfg(feature = "mqtt")]
mod client;
#[cfg(any(feature = "http", feature = "hub", feature = "webhook"))]
mod http;
#[cfg(any(feature = "mqtt", feature = "serve"))]
mod pem;
#[cfg(any(
    feature = "http",
    feature = "hub",
    feature = "mqtt",
    feature = "webhook"
))]
mod roots;
#[cfg(feature = "serve")]
mod server;

#[cfg(feature = "mqtt")]
pub(crate) use client::client;
#[cfg(any(feature = "http", feature = "hub", feature = "webhook"))]
pub(crate) use http::agent_config;
#[cfg(feature = "http")]
pub(crate) use http::is_untrusted;
#[cfg(feature = "serve")]
pub use server::server;
