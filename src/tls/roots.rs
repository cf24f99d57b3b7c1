//! Whom this system trusts.

use rustls::pki_types::CertificateDer;

/// The authorities that this system trusts.
pub(crate) fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}
