//! Who asks web servers, and whom it trusts.

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use super::roots::system_roots;

/// The settings of an HTTP client under Ocelli's name; `trusting` takes any certificate.
pub(crate) fn agent_config(trusting: bool) -> ConfigBuilder<AgentScope> {
    // The system's authorities, as for the broker: a private one is among them.
    let roots: Vec<_> = system_roots()
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    let roots = if roots.is_empty() {
        RootCerts::WebPki
    } else {
        roots.into()
    };
    Agent::config_builder()
        .tls_config(
            TlsConfig::builder()
                .root_certs(roots)
                .disable_verification(trusting)
                .build(),
        )
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
}

/// Whether it failed because the server's certificate is not trusted.
#[cfg(feature = "http")]
pub(crate) fn is_untrusted(error: &ureq::Error) -> bool {
    let ureq::Error::Io(error) = error else {
        return false;
    };
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
