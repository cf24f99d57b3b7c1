//! How this program asks others over HTTP: trusting whom the system trusts, and saying who
//! it is.

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use crate::tls;

/// Settings that every client here begins with.
pub(crate) fn client() -> ConfigBuilder<AgentScope> {
    // Those of the system, as for the broker: a private authority is among them.
    let roots: Vec<_> = tls::system_roots()
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    let roots = if roots.is_empty() {
        RootCerts::WebPki
    } else {
        roots.into()
    };
    Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
}
